"""Layer 3, the built-in tools: one file each, written the way an extension's tools are."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from pi.platform.errors import ConfigError

DEFAULT_TOOLS = ("read", "bash", "edit", "write")
BUILTIN_TOOLS = (*DEFAULT_TOOLS, "grep", "find", "ls")
_SIGNS = ("+", "-")


def select_tools(
    available: Sequence[str],
    default: Sequence[str] = DEFAULT_TOOLS,
    *,
    only: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
) -> list[str]:
    """The names of the tools to use, in order.

    `only` changes the default set as `change_tools` does; `exclude` takes away at the end (`*` stands for any
    text). Names that nobody knows are passed over: a tool may come with an extension that isn't installed
    here. Raises ConfigError when `only` mixes plain and signed entries.
    """
    chosen = list(default)
    if only is not None:
        if len({entry.startswith(_SIGNS) for entry in only}) > 1:
            raise ConfigError("Plain tool names and +name or -name entries can't be mixed. Use one form.")
        chosen = change_tools(chosen, only, available)
    kept = (name for name in chosen if not any(fnmatchcase(name, pattern) for pattern in exclude))
    return [name for name in dict.fromkeys(kept) if name in available]


def change_tools(chosen: Sequence[str], entries: Sequence[str], available: Sequence[str]) -> list[str]:
    """A choice changed by a list: plain names (`*` for any text) replace it, then +name and -name apply."""
    plain = [entry for entry in entries if not entry.startswith(_SIGNS)]
    changed = dict.fromkeys(chosen)
    if plain or not entries:
        changed = dict.fromkeys(name for entry in plain for name in available if fnmatchcase(name, entry))
    for entry in entries:
        if entry.startswith("+"):
            changed.setdefault(entry[1:])
        elif entry.startswith("-"):
            changed.pop(entry[1:], None)
    return list(changed)

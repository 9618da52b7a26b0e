"""Layer 3, the built-in tools: one file each, written the way an extension's tools are."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from pi.platform.errors import ConfigError

DEFAULT_TOOLS = ("read", "bash", "edit", "write")
BUILTIN_TOOLS = (*DEFAULT_TOOLS, "grep", "find", "ls")


def select_tools(
    available: Sequence[str],
    default: Sequence[str] = DEFAULT_TOOLS,
    *,
    only: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
) -> list[str]:
    """The names of the tools to use, in order.

    `only` replaces the default set (`*` stands for any text), or changes it when all its entries are `+name`
    or `-name`; `exclude` takes away at the end. Names that nobody knows are passed over: a tool may come with
    an extension that isn't installed here. Raises ConfigError when plain and signed entries are mixed.
    """
    chosen = [name for name in default if name in available]
    if only is not None:
        signed = [entry for entry in only if entry[:1] in "+-"]
        if signed and len(signed) != len(only):
            raise ConfigError("Plain tool names and +name or -name entries can't be mixed. Use one form.")
        if signed:
            removed = {entry[1:] for entry in signed if entry[0] == "-"}
            added = [entry[1:] for entry in signed if entry[0] == "+"]
            chosen = [name for name in (*chosen, *added) if name in available and name not in removed]
        else:
            chosen = [name for pattern in only for name in available if fnmatchcase(name, pattern)]
    kept = (name for name in chosen if not any(fnmatchcase(name, pattern) for pattern in exclude))
    return list(dict.fromkeys(kept))

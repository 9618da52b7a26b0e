"""What /hotkeys shows: every key that does something, by what it is for."""

from collections.abc import Sequence

from pi.modes.tui.keys.actions import GROUPS
from pi.modes.tui.keys.keymap import Keymap


def hotkeys(keymap: Keymap, shortcuts: Sequence[tuple[str, str]] = ()) -> str:
    """Markdown with one table for each group of actions; `shortcuts` are those of extensions."""
    tables = [
        _table(
            group.name,
            [(keymap.keys(action.id), action.description) for action in group.actions],
        )
        for group in GROUPS
    ]
    tables.append(_table("Typed in the editor", [((key,), what) for key, what in _TYPED]))
    tables.append(_table("Extensions", [((key,), what) for key, what in shortcuts]))
    return "\n\n".join(table for table in tables if table)


_TYPED = (
    ("/", "Commands"),
    ("@", "Files and folders"),
    ("!", "Run a shell command; the model sees it"),
    ("!!", "Run a shell command; the model doesn't see it"),
)


def _table(name: str, rows: Sequence[tuple[Sequence[str], str]]) -> str:
    """A heading and a table; nothing for actions that no key has."""
    lines = [f"| {', '.join(map(_code, keys))} | {_escaped(what)} |" for keys, what in rows if keys]
    return "\n".join([f"### {name}", "", "| Key | What it does |", "|---|---|", *lines]) if lines else ""


def _code(key: str) -> str:
    """A key as code: it may be a backtick or the bar between the cells."""
    key = key.replace("|", "\\|")
    return f"`` {key} ``" if "`" in key else f"`{key}`"


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

"""The question when the folder of a session that is to be opened is gone."""

from pathlib import Path
from typing import Literal

from pi.modes.tui.footer import short_path
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.panels.picker import Picker, Row

Answer = Literal["continue", "fork", "cancel"]


def missing_cwd(keymap: Keymap, gone: str, here: Path) -> Picker:
    """Ends with a row whose id is an Answer."""
    rows = (
        Row("continue", "Continue here", "asked again next time: the session keeps its folder"),
        Row("fork", "Fork here", "a copy that belongs to this folder; the original stays"),
        Row("cancel", "Cancel"),
    )
    return Picker(
        keymap,
        "The session's folder is gone",
        rows,
        search=False,
        note=f"It worked in {gone}\nThis is {short_path(here)}",
    )

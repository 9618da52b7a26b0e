"""A row of the session picker: thread, name or first message, folder or file, count and age."""

from collections.abc import Sequence
from pathlib import Path

from pi.harness.storage.listing import SessionRow
from pi.modes.tui.footer import short_path
from pi.modes.tui.lines import Line, cells, clean, clip, pad

_AGES = ((365 * 86_400, "y"), (30 * 86_400, "mo"), (7 * 86_400, "w"), (86_400, "d"), (3600, "h"), (60, "m"))
_DEEPEST = 6  # threads within threads that are drawn


def age(then: int, now: int) -> str:
    """How long ago something was, in one unit; both are ms since 1970."""
    seconds = (now - then) // 1000
    for size, unit in _AGES:
        if seconds >= size:
            return f"{seconds // size}{unit} ago"
    return "now"


def threads(depths: Sequence[int]) -> list[str]:
    """The lines before rows of these depths."""
    out: list[str] = []
    open_at: set[int] = set()  # depths at which there is another row further down, before a smaller depth
    for depth in reversed(depths):
        shown = min(depth, _DEEPEST)
        pieces = ["│  " if level in open_at else "   " for level in range(1, shown)]
        if shown:
            pieces.append("├─ " if depth in open_at else "└─ ")
        out.append("".join(pieces))
        open_at = {level for level in open_at if level <= depth} | {depth}
    return out[::-1]


def session_line(
    row: SessionRow, thread: str, width: int, *, now: int, current: bool, folder: bool, file: bool
) -> Line:
    """One session; `folder` shows where it belongs, `file` where it lies."""
    right = f"{row.message_count:>5,}  {age(row.modified, now):>8}"
    where = short_path(row.path) if file else short_path(Path(row.cwd)) if folder and row.cwd else ""
    room = width - 2 - len(right) - 2
    if room < 12:  # a narrow terminal: what it is about counts most
        right, where, room = "", "", width - 2
    place = _end_of(clean(where), room // 2) if where else ""
    title = clean(row.name or row.first_message) or "(no messages)"
    style = "accent" if current else "" if row.name or row.first_message else "dim"
    if row.name:
        style = f"{style} bold".strip()
    left = room - (cells(place) + 2 if place else 0)
    line: Line = (("● " if current else "  ", "accent"), (thread, "dim"), (title, style))
    line = pad(clip(line, left + 2), left + 2)
    if place:
        line = (*line, ("  ", ""), (place, "dim"))
    return (*line, ("  ", ""), (right, "dim")) if right else line


def _end_of(path: str, room: int) -> str:
    """The end of a path, which tells more than its beginning."""
    if cells(path) <= room:
        return path
    while path and cells(path) > room - 1:
        path = path[1:]
    return f"…{path}"

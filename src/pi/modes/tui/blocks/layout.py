"""What blocks share: room beside the text, excerpts of long outputs, things that open and close."""

from collections.abc import Iterable
from typing import NamedTuple

from pi.modes.tui.blocks.block import Block, Look
from pi.modes.tui.lines import EMPTY, Line, clean, clip, width_of, wrap

MOST_CHARS = 12_000  # of one line: nobody reads more of it, and to break it takes its time
MOST_LINES = 4000  # of one output
KEY = "ctrl+o"  # what opens and closes all outputs


class Expandable(Block):
    """A block that opens and closes: with all others by the look, or by itself until the look changes."""

    def __init__(self) -> None:
        super().__init__()
        self._general = False
        self._own: bool | None = None

    def toggle(self) -> None:
        """Open or close this one alone."""
        self._own = not (self._general if self._own is None else self._own)
        self.touch()

    def is_open(self, general: bool) -> bool:
        """Whether to show all of it, where the look says `general`."""
        if general is not self._general:
            self._general, self._own = general, None
        return general if self._own is None else self._own


class Excerpt(NamedTuple):
    """A part of an output; so many of its rows are not in it."""

    lines: list[Line]
    hidden: int


def inner(width: int, look: Look) -> int:
    """The cells between the room left and right."""
    return max(width - 2 * look.pad, 1)


def margin(look: Look) -> Line:
    """The room on the left."""
    return ((" " * look.pad, ""),) if look.pad else EMPTY


def inset(lines: Iterable[Line], look: Look) -> list[Line]:
    """The lines behind the room on the left; empty ones stay empty."""
    before = margin(look)
    return [(*before, *line) if line else line for line in lines] if before else list(lines)


def boxed(lines: Iterable[Line], look: Look) -> list[Line]:
    """The lines with room on all sides: what a block with a background looks like."""
    return [EMPTY, *inset(lines, look), EMPTY]


def shown(row: str, most: int = MOST_CHARS) -> str:
    """One row of foreign text as a terminal would show it; a very long one is cut."""
    if "\r" in row:  # what a progress bar has overwritten is gone
        row = row.rstrip("\r").rpartition("\r")[2]
    return clean(row[:most] + "…" if len(row) > most else row)


def wrapped(text: str, width: int, style: str) -> list[Line]:
    """Foreign text of several rows, broken at `width`."""
    out: list[Line] = []
    for row in text.split("\n", MOST_LINES)[:MOST_LINES]:
        out += _broken(shown(row), width, style)
    return out


def first_rows(text: str, count: int, width: int, style: str) -> Excerpt:
    """The first rows, each in one line."""
    rows = text.split("\n", count)
    hidden = rows.pop().count("\n") + 1 if len(rows) > count else 0
    return Excerpt([clip(((shown(row, width * 4), style),), width) for row in rows], hidden)


def first_lines(text: str, count: int, width: int, style: str) -> Excerpt:
    """The first rows, broken at `width`, as many as fit into so many lines."""
    out: list[Line] = []
    rows = text.split("\n", count)
    total = len(rows) + (rows[-1].count("\n") if len(rows) > count else 0)
    for taken, row in enumerate(rows):
        if len(out) >= count:
            return Excerpt(out[:count], total - taken)
        out += _broken(shown(row, width * (count + 1)), width, style)
    return Excerpt(out[:count], 0)


def last_lines(text: str, count: int, width: int, style: str) -> Excerpt:
    """The last rows, broken at `width`, as many as fit into so many lines."""
    out: list[Line] = []
    rows = text.rsplit("\n", count)
    total = len(rows) + (rows[0].count("\n") if len(rows) > count else 0)
    most = width * (count + 1)
    for taken, row in enumerate(reversed(rows)):
        if len(out) >= count:
            return Excerpt(out[-count:], total - taken)
        end = "…" + row[-most:] if len(row) > most and "\r" not in row[-most:-1] else row
        out = _broken(shown(end, most + 1), width, style) + out
    return Excerpt(out[-count:], 0)


def more(hidden: int, width: int, what: str = "more") -> Line:
    """What stands for rows that are not shown."""
    rows = f"{hidden:,} {what} line{'' if hidden == 1 else 's'}"
    line = ((f"… ({rows}, ", "muted"), (KEY, "dim"), (" to expand)", "muted"))
    return line if width_of(line) <= width else clip(((f"… ({rows})", "muted"),), width)


def to_expand() -> Line:
    """The hint behind something that is closed."""
    return ((f" ({KEY} to expand)", "dim"),)


def shortened(source: str, most: int, most_row: int) -> str:
    """Foreign Markdown that can be shown soon: cut after so many characters, its rows after so many."""
    if len(source) <= most_row:
        return source
    left = len(source) - most
    rows = source[:most].split("\n")
    source = "\n".join([row[:most_row] + "…" if len(row) > most_row else row for row in rows])
    return f"{source}\n\n… ({left:,} more characters)" if left > 0 else source


def estimated(chars: int, width: int) -> int:
    """About how many lines a text of so many characters takes."""
    return 1 + chars // max(width // 2, 1)


def _broken(row: str, width: int, style: str) -> list[Line]:
    return wrap(((row, style),), width) if row else [EMPTY]

"""A frame: all rows of the screen, made of the transcript, the status, the editor and the footer."""

from typing import NamedTuple

from pi.modes.tui.interface import Interface
from pi.modes.tui.lines import EMPTY, Line, clip, pad
from pi.modes.tui.transcript.scroll import Place, Row
from pi.modes.tui.transcript.selection import mark

_ROOMY = 20  # rows from which on an empty one is kept
FEWEST = 3  # rows of the transcript that stay, where the screen has room for that


class Painted(NamedTuple):
    """A row of the screen: a line, and the style in which it is filled up."""

    line: Line
    fill: str


class Frame(NamedTuple):
    """`places`: which line of the transcript a row shows; `slot`: the row where editor or panel begin."""

    rows: list[Painted]
    places: list[Place | None]
    slot: int
    cursor: tuple[int, int] | None  # row and column


def compose(interface: Interface, width: int, height: int) -> Frame:
    """Everything, for a screen of this size."""
    footer = interface.footer.lines(width)
    below = interface.status.below(width)
    above = interface.above(width)
    room = height - FEWEST
    footer = footer[: max(0, room - 3)]
    apart = 1 if height >= _ROOMY else 0  # between the transcript and what is below
    slot = interface.slot_lines(width, max(3, room - len(footer) - apart))
    spare = max(0, room - len(footer) - len(slot))
    above = _fitting(above, spare)
    below = below[: max(0, spare - len(above))]
    bottom = [*above, *slot, *below, *footer]
    rows = _transcript(interface, width, max(0, height - len(bottom)))
    painted = [Painted(line, fill) for line, fill, _ in rows]
    start = len(rows) + len(above)
    painted += [Painted(line, "") for line in bottom]
    cursor = interface.cursor()
    at = (start + cursor[0], min(cursor[1], width - 1)) if cursor is not None else None
    if at is not None and at[0] >= min(height, start + len(slot)):
        at = None
    places = [row.place for row in rows]
    return Frame(painted[:height], places, start, at)


def _fitting(lines: list[Line], room: int) -> list[Line]:
    """What stands above the editor; where there is little room, its first lines and its last one."""
    if len(lines) > room:
        lines = [line for line in lines if line]
    return lines if len(lines) <= room else [*lines[: room - 1], lines[-1]] if room > 0 else []


def _transcript(interface: Interface, width: int, height: int) -> list[Row]:
    transcript = interface.transcript
    if height <= 0:
        return []
    transcript.resize(width, height)
    rows = transcript.rows()
    if interface.selection or interface.search is not None:
        rows = [_marked(interface, row) for row in rows]
    if interface.scrollbar(transcript.following):
        rows = _with_scrollbar(rows, width, transcript.position())
    return rows


def _marked(interface: Interface, row: Row) -> Row:
    """The row with what is selected, and what was searched for, standing out."""
    line, fill, place = row
    if place is None:
        return row
    if interface.search is not None:
        for match, chosen in interface.search.search.on(place):
            style = "on:searchMatchBg searchMatchText" + (" bold underline" if chosen else "")
            line = mark(line, match.start, match.end, style)
    columns = interface.selection.columns(place)
    if columns is not None:
        line = mark(line if line else ((" ", ""),), *columns, "on:selectedBg")
    return Row(line, fill, place)


def _with_scrollbar(rows: list[Row], width: int, position: tuple[float, float]) -> list[Row]:
    start, share = position
    if share >= 1:
        return rows
    size = max(1, round(len(rows) * share))
    first = min(round(len(rows) * start), len(rows) - size)
    out: list[Row] = []
    for number, (line, fill, place) in enumerate(rows):
        style = "scrollbarThumb" if first <= number < first + size else "scrollbarTrack"
        mark = "┃" if style == "scrollbarThumb" else "│"
        shown = pad(clip(line, width - 1, ""), width - 1) if line or fill else ((" " * (width - 1), ""),)
        out.append(Row((*shown, (mark, style)), fill, place))
    return out


def blank(rows: int) -> list[Painted]:
    """An empty screen."""
    return [Painted(EMPTY, "")] * rows

"""What is selected with the mouse in the transcript: from one cell to another, over any number of blocks."""

import re
from typing import NamedTuple

from pi.modes.tui.lines import Line, Span, cells, cut, text_of, width_of
from pi.modes.tui.transcript.scroll import Place, Transcript


class Point(NamedTuple):
    """A cell of a line."""

    place: Place
    column: int


class Selection:
    """From `_anchor` to `_head`, both included; nothing while there is no anchor."""

    def __init__(self, transcript: Transcript):
        self._transcript = transcript
        self._anchor: Point | None = None
        self._head: Point | None = None

    def __bool__(self) -> bool:
        return self._anchor is not None and self._head is not None

    def begin(self, point: Point) -> None:
        """The button went down: nothing is selected until it moves."""
        self._anchor, self._head = point, None

    def extend(self, point: Point) -> None:
        """The mouse moved, button down."""
        if self._anchor is not None and (self._head is not None or point != self._anchor):
            self._head = point

    def clear(self) -> None:
        """Select nothing."""
        self._anchor = self._head = None

    def word(self, point: Point) -> None:
        """Select the word at a cell."""
        line = text_of(self._transcript.lines_of(point.place.block)[point.place.line])
        for found in re.finditer(r"[\w./~@:-]+|\S", line):
            start, end = cells(line[: found.start()]), cells(line[: found.end()])
            if start <= point.column < end:
                self._anchor, self._head = Point(point.place, start), Point(point.place, end - 1)

    def line(self, point: Point) -> None:
        """Select the line at a cell."""
        line = self._transcript.lines_of(point.place.block)[point.place.line]
        self._anchor, self._head = Point(point.place, 0), Point(point.place, max(0, width_of(line) - 1))

    def columns(self, place: Place) -> tuple[int, int] | None:
        """From which to before which cell a line is selected."""
        if self._anchor is None or self._head is None:
            return None
        first, last = sorted((self._anchor, self._head))
        if not first.place <= place <= last.place:
            return None
        start = first.column if place == first.place else 0
        end = last.column + 1 if place == last.place else 1 << 20
        return start, end

    def text(self) -> str:
        """What is selected, as it is shown, without the spaces at the ends of lines and a common indent."""
        if self._anchor is None or self._head is None:
            return ""
        first, last = sorted((self._anchor, self._head))
        out: list[str] = []
        for block in range(first.place.block, min(last.place.block, len(self._transcript.blocks) - 1) + 1):
            for number, line in enumerate(self._transcript.lines_of(block)):
                columns = self.columns(Place(block, number))
                if columns is not None:
                    _, rest = cut(text_of(line), columns[0])
                    out.append(cut(rest, columns[1] - columns[0])[0].rstrip())
        while out and not out[-1]:
            out.pop()
        whole = out if first.column == 0 else out[1:]
        indent = min((len(line) - len(line.lstrip()) for line in whole if line), default=0)
        return "\n".join(line[indent:] if line in whole else line for line in out)


def mark(line: Line, start: int, end: int, style: str) -> Line:
    """The line with another style from cell `start` to before `end`."""
    out: list[Span] = []
    at = 0
    for text, own in line:
        before, rest = cut(text, max(0, start - at))
        middle, after = cut(rest, max(0, end - max(at, start)))
        for piece, worn in ((before, own), (middle, f"{own} {style}"), (after, own)):
            if piece:
                out.append((piece, worn))
        at += cells(text)
    return tuple(out)

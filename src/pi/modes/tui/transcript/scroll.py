"""The transcript: blocks one below the other, of which only those on the screen are ever drawn."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pi.modes.tui.blocks.block import Block, Look
from pi.modes.tui.lines import EMPTY, Line

_KEPT = 400  # blocks whose lines are kept


class Place(NamedTuple):
    """A line of a block, by its number in the transcript; the empty line before a block is line 0 of it."""

    block: int
    line: int


class Row(NamedTuple):
    """One line on the screen; `place` is None below the end."""

    line: Line
    fill: str
    place: Place | None


class _Drawn:
    __slots__ = ("lines", "version")

    def __init__(self, version: int, lines: Sequence[Line]):
        self.version = version
        self.lines = lines


class Transcript:
    """Work is in proportion to what is seen, never to how long the session is.

    The place on the screen is held by its first line (`_top`), or by the end while `following`: nobody needs
    to know how high all that is above may be.
    """

    def __init__(self, look: Look):
        self.look = look
        self.blocks: list[Block] = []
        self.following = True
        self.width = 80
        self.height = 24
        self._top = Place(0, 0)
        self._drawn: dict[int, _Drawn] = {}
        self._heights: list[int] = []  # of the first blocks: as drawn last, or estimated

    def add(self, block: Block) -> None:
        """Put a block at the end."""
        self.blocks.append(block)

    def exchange(self, block: Block, other: Block) -> None:
        """Put another block in the place of one of the last."""
        if other is not block:
            for index in range(len(self.blocks) - 1, -1, -1):
                if self.blocks[index] is block:
                    self.blocks[index] = other
                    self._drawn.pop(index, None)
                    return

    def replace(self, blocks: Iterable[Block]) -> None:
        """Begin anew with these blocks, at their end."""
        self.blocks = list(blocks)
        self._heights = []
        self._drawn.clear()
        self._top = Place(0, 0)
        self.following = True

    def change_look(self, look: Look) -> None:
        """Draw everything in another way; what is on top of the screen stays there."""
        self.look = look
        self._redraw()

    def resize(self, width: int, height: int) -> None:
        """The screen has another size."""
        if width != self.width:
            self.width = width
            self._redraw()
        self.height = max(height, 1)

    def lines_of(self, index: int) -> Sequence[Line]:
        """The lines of a block, the empty one before it among them."""
        block = self.blocks[index]
        drawn = self._drawn.get(index)
        if drawn is not None and drawn.version == block.version:
            return drawn.lines
        made = block.lines(self.width, self.look)
        lines: Sequence[Line] = [EMPTY, *made] if block.gap and index and made else made
        if len(self._drawn) >= _KEPT:
            self._drawn.clear()
        self._drawn[index] = _Drawn(block.version, lines)
        if index < len(self._heights):
            self._heights[index] = len(lines)
        return lines

    def rows(self) -> list[Row]:
        """What is on the screen now: `height` rows."""
        if not self.following:
            rows = self._from(self._top)
            if len(rows) == self.height:
                return rows
            self.following = True  # there is nothing more below
        rows = self._until_end()
        rows += [Row(EMPTY, "", None)] * (self.height - len(rows))
        return rows

    def scroll(self, delta: int) -> None:
        """Go down by so many lines, or up if it is negative."""
        top = self._shown_top()
        index, line = top.block, top.line + delta
        while line < 0 and index > 0:
            index -= 1
            line += len(self.lines_of(index))
        while index < len(self.blocks) - 1 and line >= len(self.lines_of(index)):
            line -= len(self.lines_of(index))
            index += 1
        self._go(Place(index, max(line, 0)))

    def to_top(self) -> None:
        """Go to the beginning."""
        self._go(Place(0, 0))

    def to_end(self) -> None:
        """Go to the end, and stay there as it grows."""
        self.following = True

    def show(self, place: Place, *, above: int | None = None) -> None:
        """Bring a line on the screen, `above` lines below its top (a third of the way by default)."""
        self._go(place)
        self.following = False
        self.scroll(-(self.height // 3 if above is None else above))

    def jump(self, step: int, kind: str = "user") -> bool:
        """Go to the next block of a kind, or to the previous one (-1); whether there is one."""
        index, line = self._shown_top()
        if step < 0 and line <= (1 if index else 0):
            index -= 1
        elif step > 0:
            index += 1
        while 0 <= index < len(self.blocks):
            if self.blocks[index].kind == kind:
                self._go(Place(index, 1 if index and self.blocks[index].gap else 0))
                return True
            index += step
        if step > 0:
            self.to_end()
        return False

    def position(self) -> tuple[float, float]:
        """Where the screen begins and how much of the transcript it shows, as shares; in part estimated."""
        heights = self._heights
        for index in range(len(heights), len(self.blocks)):
            drawn = self._drawn.get(index)
            heights.append(len(drawn.lines) if drawn else self.blocks[index].estimate(self.width))
        total = sum(heights) or 1
        top = self._shown_top()
        return (sum(heights[: top.block]) + top.line) / total, min(1.0, self.height / total)

    def _go(self, place: Place) -> None:
        self._top = place
        rows = self._from(place)
        last = len(self.blocks) - 1
        end = Place(last, len(self.lines_of(last)) - 1) if rows else None
        self.following = len(rows) < self.height or rows[-1].place == end

    def _shown_top(self) -> Place:
        if not self.following:
            return self._top
        rows = self._until_end()
        return rows[0].place or Place(0, 0) if rows else Place(0, 0)

    def _from(self, top: Place) -> list[Row]:
        rows: list[Row] = []
        skip = top.line
        for index in range(top.block, len(self.blocks)):
            lines = self.lines_of(index)
            fill, gap = self.blocks[index].fill, self._has_gap(index)
            for number in range(skip, min(len(lines), skip + self.height - len(rows))):
                rows.append(Row(lines[number], "" if gap and number == 0 else fill, Place(index, number)))
            if len(rows) >= self.height:
                break
            skip = 0
        return rows

    def _until_end(self) -> list[Row]:
        rows: list[Row] = []
        for index in range(len(self.blocks) - 1, -1, -1):
            lines = self.lines_of(index)
            fill, gap = self.blocks[index].fill, self._has_gap(index)
            for number in range(len(lines) - 1, -1, -1):
                rows.append(Row(lines[number], "" if gap and number == 0 else fill, Place(index, number)))
                if len(rows) == self.height:
                    rows.reverse()
                    return rows
        rows.reverse()
        return rows

    def _has_gap(self, index: int) -> bool:
        return self.blocks[index].gap and index > 0

    def _redraw(self) -> None:
        """Nothing of what was drawn counts any more; the block on top stays on top."""
        self._drawn.clear()
        self._heights = []
        if not self.following:
            self._top = Place(self._top.block, 0)

"""A text and its cursor: moving, changing, undoing, deleting into the kill ring."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from pi.modes.tui.editor import pastes as units
from pi.modes.tui.editor.kill_ring import KillRing
from pi.modes.tui.editor.layout import Layout
from pi.modes.tui.editor.pastes import Extent, Pastes
from pi.modes.tui.lines import cells

Place = tuple[int, int]  # line and character in it
_MOST_UNDO = 1000


class _Change(NamedTuple):
    """From `start` on, what ends at `end` now was `removed` before, and the cursor was at `before`."""

    start: Place
    end: Place
    removed: str
    before: Place


class Buffer:
    """All changes go through `replace`; the cursor never stands within a character or a marker of a paste."""

    def __init__(self) -> None:
        self.lines = [""]
        self.place: Place = (0, 0)
        self.pastes = Pastes()
        self.layout = Layout(self.pastes.extents)
        self.last: Literal["", "typed", "kill", "yank", "history"] = ""  # some actions join the one before
        self._kills = KillRing()
        self._yanked: Place = (0, 0)  # where what was yanked begins
        self._undo: list[list[_Change]] = []
        self._goal: int | None = None  # the cell that moving up and down keeps to
        self._text: str | None = ""

    # What is there.

    @property
    def text(self) -> str:
        """All lines."""
        if self._text is None:
            self._text = "\n".join(self.lines)
        return self._text

    @property
    def line(self) -> str:
        """The line that the cursor is in."""
        return self.lines[self.place[0]]

    @property
    def empty(self) -> bool:
        """Whether there is no text."""
        return len(self.lines) == 1 and not self.lines[0]

    @property
    def before(self) -> str:
        """What stands before the cursor in its line."""
        return self.line[: self.place[1]]

    @property
    def end(self) -> Place:
        """Where the text ends."""
        return len(self.lines) - 1, len(self.lines[-1])

    def between(self, start: Place, end: Place) -> str:
        """The text between two places."""
        (first, from_), (last, to) = start, end
        if first == last:
            return self.lines[first][from_:to]
        return "\n".join((self.lines[first][from_:], *self.lines[first + 1 : last], self.lines[last][:to]))

    # Changing.

    def replace(self, start: Place, end: Place, text: str, *, join: bool = False) -> None:
        """Put a tidy text in the place of another; the cursor goes behind it.

        `join`: the change is undone together with the one before.
        """
        if start == end and not text:
            return
        change = _Change(start, self._behind(start, text), self.between(start, end), self.place)
        if join and self._undo:
            self._undo[-1].append(change)
        else:
            self._undo.append([change])
            del self._undo[:-_MOST_UNDO]
        self._splice(start, end, text)
        self.go(change.end)

    def insert(self, text: str, *, join: bool = False) -> None:
        """Put a tidy text before the cursor."""
        self.replace(self.place, self.place, text, join=join)

    def type(self, text: str) -> None:
        """As `insert`, for what keys type: undone by words, each with the space before it."""
        self.insert(text, join=self.last == "typed" and not text.isspace())
        self.last = "typed"

    def delete(self, other: Place) -> None:
        """Delete up to another place."""
        start, end = sorted((self.place, other))
        self.replace(start, end, "")
        self.last = ""

    def kill(self, other: Place) -> None:
        """Delete up to another place, to be yanked later; what is deleted in a row stays together."""
        start, end = sorted((self.place, other))
        if start != end:
            in_front = other == start
            self._kills.push(self.between(start, end), joined=self.last == "kill", in_front=in_front)
            self.replace(start, end, "")
            self.last = "kill"

    def yank(self) -> None:
        """Insert what was killed last."""
        if text := self._kills.last:
            self._yanked = self.place
            self.insert(text)
            self.last = "yank"

    def yank_pop(self) -> None:
        """Right after a yank: what was killed before that, in its place."""
        if self.last == "yank" and len(self._kills) > 1:
            self._kills.rotate()
            self.replace(self._yanked, self.place, self._kills.last)
            self.last = "yank"

    def set(self, text: str, place: Place | None = None, *, join: bool = False) -> None:
        """Another text, with the cursor at its end or at `place`; can be undone."""
        if text != self.text:
            self.replace((0, 0), self.end, text, join=join)
        self.go(self.end if place is None else place)

    def paste(self, text: str) -> None:
        """Insert a tidy text, a long one as a marker."""
        marker = self.pastes.shorten(text)
        if marker is not text:
            self.layout.reset(self.lines)  # the same words may have stood there as mere text
        self.insert(marker)
        self.last = ""

    def undo(self) -> None:
        """Take the last change back, or the changes that belong together."""
        self.last = ""
        if not self._undo:
            return
        before = self.place
        for change in reversed(self._undo.pop()):
            self._splice(change.start, change.end, change.removed)
            before = change.before
        self.go(before)

    def reset(self) -> None:
        """An empty text, as if nothing had ever been here but what was killed."""
        self._splice((0, 0), self.end, "")
        self.go((0, 0))
        self._undo.clear()
        self.pastes.clear()
        self.layout.reset(self.lines)

    # Moving.

    def go(self, place: Place) -> None:
        """Put the cursor there."""
        self.place = place
        self._goal = None
        self.last = ""

    def left(self) -> Place:
        """Before the character, or the end of the line before."""
        return self._leftward(units.before)

    def right(self) -> Place:
        """Behind the character, or the start of the next line."""
        return self._rightward(units.after)

    def word_left(self) -> Place:
        """Before the word, or the end of the line before."""
        return self._leftward(units.word_before)

    def word_right(self) -> Place:
        """Behind the word, or the start of the next line."""
        return self._rightward(units.word_after)

    def line_start(self) -> Place:
        """The start of the line."""
        return self.place[0], 0

    def line_end(self) -> Place:
        """The end of the line."""
        return self.place[0], len(self.line)

    def rest_before(self) -> Place:
        """What deleting to the start of the line goes to: at the start, the line before."""
        return self.line_start() if self.place[1] else self.left()

    def rest_behind(self) -> Place:
        """What deleting to the end of the line goes to: at the end, the next line."""
        return self.line_end() if self.place[1] < len(self.line) else self.right()

    def find(self, text: str, *, forward: bool) -> Place | None:
        """The nearest place of a text, but for that under the cursor; capitals count."""
        number, column = self.place
        line = self.lines[number]
        at = line.find(text, column + 1) if forward else line.rfind(text, 0, column)
        others = range(number + 1, len(self.lines)) if forward else range(number - 1, -1, -1)
        if at >= 0:
            return number, self._snapped(number, at)
        for other in others:
            at = self.lines[other].find(text) if forward else self.lines[other].rfind(text)
            if at >= 0:
                return other, self._snapped(other, at)
        return None

    # Rows.

    def row(self) -> int:
        """The row of the cursor."""
        return self.layout.above(self.place[0]) + self.layout.row_of(self.line, self.place[1])

    def shift(self, line: int, row: int, by: int) -> tuple[int, int]:
        """Line and row in it, so many rows on; at most the first or the last one."""
        row += by
        while row < 0 and line > 0:
            line -= 1
            row += self.layout.count(line)
        while row >= self.layout.count(line) and line < len(self.lines) - 1:
            row -= self.layout.count(line)
            line += 1
        return line, max(0, min(row, self.layout.count(line) - 1))

    def vertical(self, rows: int) -> None:
        """Move so many rows, in the same column as far as the rows are long enough."""
        line, row = self.place[0], self.layout.row_of(self.line, self.place[1])
        goal = self._goal
        if goal is None:
            goal = cells(self.line[self.layout.row(self.line, row)[0] : self.place[1]])
        target = self.shift(line, row, rows)
        place = self.at(*target, goal)
        while rows > 0 and place <= self.place:  # within a marker of several rows
            further = self.shift(*target, 1)
            if further == target:
                place = self.place
                break
            target, place = further, self.at(*further, goal)
        self.go(place)
        self._goal = goal

    def at(self, line: int, row: int, column: int) -> Place:
        """The place at a cell of a row."""
        text = self.lines[line]
        start, end = self.layout.row(text, row)
        if end < len(text):  # its end is the start of the next row
            end = max(start, units.before(text, end, self.pastes.extents(text)))
        at, markers = start, self.pastes.extents(text)
        while at < end and column > 0:
            following = units.after(text, at, markers)
            column -= cells(text[at:following])
            if column < 0:
                break
            at = following
        return line, self._snapped(line, min(at, end))

    def _leftward(self, step: Callable[[str, int, list[Extent]], int]) -> Place:
        number, column = self.place
        if column > 0:
            return number, step(self.line, column, self.pastes.extents(self.line))
        return (number - 1, len(self.lines[number - 1])) if number > 0 else (0, 0)

    def _rightward(self, step: Callable[[str, int, list[Extent]], int]) -> Place:
        number, column = self.place
        if column < len(self.line):
            return number, step(self.line, column, self.pastes.extents(self.line))
        return (number + 1, 0) if number < len(self.lines) - 1 else self.place

    def _snapped(self, number: int, column: int) -> int:
        """The start of the marker or the character that a column lies in."""
        line = self.lines[number]
        for start, end in self.pastes.extents(line):
            if start < column < end:
                return start
        if 0 < column < len(line):
            start = units.before(line, column, [])
            if units.after(line, start, []) > column:
                return start
        return column

    def _splice(self, start: Place, end: Place, text: str) -> None:
        (first, from_), (last, to) = start, end
        new = (self.lines[first][:from_] + text + self.lines[last][to:]).split("\n")
        self.lines[first : last + 1] = new
        self.layout.splice(first, last - first + 1, new)
        self._text = None

    @staticmethod
    def _behind(start: Place, text: str) -> Place:
        """Where a text ends that begins at `start`."""
        newlines = text.count("\n")
        return (
            (start[0] + newlines, len(text) - text.rfind("\n") - 1)
            if newlines
            else (
                start[0],
                start[1] + len(text),
            )
        )

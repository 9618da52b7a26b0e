"""Which rows the lines of a text make at a width; kept, so that a key costs only the lines it changed."""

from bisect import bisect_right
from collections.abc import Callable, Sequence

from pi.modes.tui.editor.pastes import Extent, after
from pi.modes.tui.lines import cells

Starts = tuple[int, ...]  # where each row of a line begins
_KEPT = 2000  # wrapped lines


class Layout:
    """The rows of all lines. `markers` says where in a line the units are that break only if they must."""

    def __init__(self, markers: Callable[[str], list[Extent]]):
        self.width = 79
        self.total = 1  # rows of all lines
        self._markers = markers
        self._counts = [1]
        self._starts: dict[str, Starts] = {}

    def resize(self, width: int, lines: Sequence[str]) -> None:
        """Another width."""
        if width != self.width:
            self.width = width
            self.reset(lines)

    def reset(self, lines: Sequence[str]) -> None:
        """All lines are others, or break otherwise."""
        self._starts.clear()
        self._counts = [self._count(line) for line in lines]
        self.total = sum(self._counts)

    def splice(self, first: int, removed: int, lines: Sequence[str]) -> None:
        """`lines` stand in the place of `removed` lines from the first one on."""
        counts = [self._count(line) for line in lines]
        self.total += sum(counts) - sum(self._counts[first : first + removed])
        self._counts[first : first + removed] = counts

    def starts(self, line: str) -> Starts:
        """Where the rows of a line begin."""
        if len(line) <= self.width and line.isascii():
            return (0,)
        found = self._starts.get(line)
        if found is None:
            if len(self._starts) >= _KEPT:
                self._starts.clear()
            found = self._starts[line] = wrapped(line, self.width, self._markers(line))
        return found

    def row_of(self, line: str, column: int) -> int:
        """In which of the line's rows a column is."""
        return bisect_right(self.starts(line), column) - 1

    def above(self, line: int) -> int:
        """Rows above a line."""
        return sum(self._counts[:line])

    def count(self, line: int) -> int:
        """Rows of a line."""
        return self._counts[line]

    def row(self, line: str, number: int) -> Extent:
        """Where a row of a line begins and ends."""
        starts = self.starts(line)
        return starts[number], starts[number + 1] if number + 1 < len(starts) else len(line)

    def _count(self, line: str) -> int:
        return 1 if len(line) <= self.width and line.isascii() else len(self.starts(line))


def wrapped(line: str, width: int, markers: list[Extent]) -> Starts:
    """Where the rows begin: between words, between wide characters, and within words longer than a row.

    The space between two words may take the cell behind a full row.
    """
    if cells(line) <= width:
        return (0,)
    return _ascii(line, width) if line.isascii() and not markers else _Wrapping(line, width, markers).starts()


def _ascii(line: str, width: int) -> Starts:
    starts, start = [0], 0
    while len(line) - start > width:
        end = start + width
        if end + 1 < len(line) and line[end].isspace():
            end += 1
        while end > start and not (line[end - 1].isspace() and not line[end].isspace()):
            end -= 1
        start = end if end > start else start + width
        starts.append(start)
    return tuple(starts)


class _Wrapping:
    """One line, unit by unit: a unit is a character with what is combined with it, or a marker."""

    def __init__(self, line: str, width: int, markers: list[Extent]):
        self._line = line
        self._width = width
        self._markers = markers
        self._starts = [0]
        self._used = 0  # cells of the row so far
        self._break = (-1, 0)  # where the row can be broken, and the cells before that

    def starts(self) -> Starts:
        at, was_space, was_wide = 0, True, False
        while at < len(self._line):
            end = after(self._line, at, self._markers)
            unit = self._line[at:end]
            size, is_space = cells(unit), unit.isspace()
            wide = size == 2 and ord(unit[0]) > 0x1100
            if not is_space and (was_space or wide or was_wide) and at > self._starts[-1]:
                self._break = (at, self._used)
            if not (is_space and self._hangs(end, size)):
                self._make_room(at, size)
            if size > self._width and end - at > 1:
                self._spread(at, end)
            else:
                self._used += size
            at, was_space, was_wide = end, is_space, wide
        return tuple(self._starts)

    def _hangs(self, end: int, size: int) -> bool:
        """Whether a space ends a full row and a word begins the next one."""
        full = self._used + size == self._width + 1
        return full and end < len(self._line) and not self._line[end].isspace()

    def _make_room(self, at: int, size: int) -> None:
        if self._used + size <= self._width or at == self._starts[-1]:
            return
        place, before = self._break
        if place > self._starts[-1] and self._used - before + size <= self._width:
            self._starts.append(place)
            self._used -= before
        else:
            self._starts.append(at)
            self._used = 0
        self._break = (-1, 0)

    def _spread(self, at: int, end: int) -> None:
        """A marker wider than a row."""
        while cells(self._line[at:end]) > self._width and end - at > self._width:
            at += self._width
            self._starts.append(at)
        self._used = cells(self._line[at:end])
        self._break = (-1, 0)

"""How the editor's text is shown: the rows around the cursor between two borders that count the others."""

from pi.modes.tui.editor import pastes as units
from pi.modes.tui.editor.buffer import Buffer, Place
from pi.modes.tui.lines import EMPTY, Line, cells, clean, clip, width_of

_DASH = "─"


class View:
    """What `lines` gave last is what clicks and pages go by."""

    def __init__(self, buffer: Buffer):
        self.cursor: tuple[int, int] | None = None
        self.shown = 1  # rows of the text
        self._buffer = buffer
        self._top = 0  # the first row that is shown
        self._first = (0, 0)  # line and row in it
        self._left = 0

    def height(self, width: int, padding: int) -> int:
        """Rows of the whole text and its borders."""
        self._resize(width, padding)
        return self._buffer.layout.total + 2

    def lines(
        self, width: int, height: int, padding: int, border: str, label: Line, placeholder: str
    ) -> list[Line]:
        """Border, text, border, in at most `height` lines."""
        buffer = self._buffer
        self._resize(width, padding)
        total, row = buffer.layout.total, buffer.row()
        self.shown = max(1, min(total, height - 2))
        self._top = max(row - self.shown + 1, min(self._top, row, total - self.shown), 0)
        line = buffer.place[0]
        inner = buffer.layout.row_of(buffer.line, buffer.place[1])
        self._first = at = buffer.shift(line, inner, self._top - row)
        out = [_border(width, border, "↑", self._top, label)]
        if buffer.empty:
            out.append(self._empty(width, placeholder))
        else:
            for _ in range(self.shown):
                out.append(clip(self._row(*at, cursor=at == (line, inner), below=len(out)), width, ""))
                at = buffer.shift(*at, 1)
        out.append(_border(width, border, "↓", total - self._top - self.shown, EMPTY))
        return out[1 : 1 + max(1, height)] if height < 3 else out

    def at(self, line: int, column: int) -> Place | None:
        """The place under a cell of what `lines` gave last."""
        if not 1 <= line <= self.shown:
            return None
        return self._buffer.at(*self._buffer.shift(*self._first, line - 1), max(0, column - self._left))

    def _resize(self, width: int, padding: int) -> None:
        self._left = max(0, min(padding, (width - 1) // 2))
        # The cursor behind the last character takes a cell of the padding, or of the text without that.
        self._buffer.layout.resize(
            max(1, width - 2 * self._left - (0 if self._left else 1)), self._buffer.lines
        )

    def _row(self, line: int, row: int, *, cursor: bool, below: int) -> Line:
        text = self._buffer.lines[line]
        start, end = self._buffer.layout.row(text, row)
        before = (" " * self._left, "")
        if not cursor:
            return tuple(span for span in (before, (text[start:end], "")) if span[0])
        at = self._buffer.place[1]
        head = text[start:at]
        self.cursor = below, self._left + cells(head)
        stop = min(end, units.after(text, at, self._buffer.pastes.extents(text))) if at < end else at
        under, rest = text[at:stop] or " ", text[stop:end]
        return tuple(span for span in (before, (head, ""), (under, "reverse"), (rest, "")) if span[0])

    def _empty(self, width: int, placeholder: str) -> Line:
        self.cursor = 1, self._left
        text = clip(((clean(placeholder), "dim"),), max(0, width - self._left - 1))
        shown = text[0][0] if text else ""
        stop = units.after(shown, 0, []) if shown else 0
        under = (shown[:stop], "dim reverse") if shown else (" ", "reverse")
        return tuple(span for span in ((" " * self._left, ""), under, (shown[stop:], "dim")) if span[0])


def _border(width: int, style: str, arrow: str, hidden: int, label: Line) -> Line:
    """A rule with the rows that are out of sight, and a label at its right end."""
    said = f" {arrow} {hidden} more " if hidden > 0 else ""
    room = width - 4 - (len(said) + 4 if said else 0)
    end: Line = ()
    if label and room >= 4:
        end = ((" ", ""), *clip(label, room - 2), (" ", ""), (_DASH * 2, style))
    rest = width - width_of(end)
    if not said or len(said) + 2 > rest:
        return ((_DASH * rest, style), *end) if rest > 0 else clip(end, width)
    left = (rest - len(said)) // 2 if not end else 3
    left = min(left, rest - len(said))
    return ((_DASH * left + said + _DASH * (rest - len(said) - left), style), *end)

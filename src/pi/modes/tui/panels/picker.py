"""A list to choose from: searched by typing, moved through with the selection keys, paged when it is long."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import EMPTY, Line, cells, clip, pad, width_of
from pi.modes.tui.panels.frame import ARROW, GUTTER, FramedPanel, Hint, one_line, paragraph
from pi.modes.tui.panels.fuzzy import rank
from pi.modes.tui.panels.line_input import LineInput

_ACTIONS = (
    "tui.select.up",
    "tui.select.down",
    "tui.select.pageUp",
    "tui.select.pageDown",
    "tui.select.confirm",
    "tui.select.cancel",
)
_DESCRIBED = 2  # lines for the description of what is selected
_FEWEST = 3  # rows that stay to be seen when descriptions and notes are long


class Row(Struct, frozen=True, eq=False):
    """One thing to choose: `mark` and `indent` stand before its label, `detail` dim behind it.

    `description` is shown below the list while the row is selected. `search` is what typing looks through:
    without it the label and the detail.
    """

    id: Any
    label: str
    detail: str = ""
    mark: str = ""
    description: str = ""
    search: str = ""
    style: str = ""
    indent: Line = EMPTY


class Picker(FramedPanel[Row]):
    """Ends with the chosen row, or None. `on` has the panel's own keys: action ids, and what they call.

    `visible` is how many rows are shown at most; `note` stands above them and may change.
    """

    def __init__(
        self,
        keymap: Keymap,
        title: str,
        rows: Sequence[Row],
        *,
        search: bool = True,
        selected: Any = None,
        visible: int = 10,
        hints: Sequence[Hint] = (),
        on: Mapping[str, Callable[[], None]] | None = None,
        empty: str = "Nothing matches.",
        query: str = "",
        note: str = "",
    ):
        super().__init__(keymap, title)
        self.note = note
        self.note_style = "muted"
        self.empty = empty
        self.visible = visible
        self.hints = _with_usual(hints)
        self._on = dict(on or {})
        self._search = LineInput(keymap, query, placeholder="Type to search") if search else None
        self._rows: Sequence[Row] = rows
        self._found: list[Row] = []
        self._index = 0
        self._first = 0
        self._shown = 1  # rows that were shown last
        self._list_at = self._search_at = 0  # where list and search were, in what `lines` gave last
        self.closed: Callable[[Row | None], None] = lambda row: None  # for a panel that has its list inside
        self._find(selected)

    @property
    def selected(self) -> Row | None:
        """The row that the arrow stands before."""
        return self._found[self._index] if self._found else None

    @property
    def query(self) -> str:
        """What the rows are searched for."""
        return self._search.text if self._search is not None else ""

    @query.setter
    def query(self, text: str) -> None:
        if self._search is not None:
            self._search.text = text
            self._find(None)

    @property
    def found(self) -> Sequence[Row]:
        """The rows that match, in the order they are shown."""
        return self._found

    def set_rows(self, rows: Sequence[Row], *, selected: Any = None) -> None:
        """Other rows; the query stays, and so does the selection where its id is still there."""
        before = self.selected
        index = self._index
        self._rows = rows
        wanted = selected if selected is not None else None if before is None else before.id
        self._find(wanted, otherwise=index)
        self.changed()

    def key(self, key: Key) -> None:
        """Move, choose, leave, or search."""
        own = self.keymap.action(key, self._on) if self._on else None
        if own is not None:
            self._on[own]()
            self.changed()
            return
        match self.keymap.action(key, _ACTIONS):
            case "tui.select.up":
                self._move(-1)
            case "tui.select.down":
                self._move(1)
            case "tui.select.pageUp":
                self._turn(-self._shown)
            case "tui.select.pageDown":
                self._turn(self._shown)
            case "tui.select.confirm":
                if self.selected is not None:
                    self.finish(self.selected)
            case "tui.select.cancel":
                self.finish(None)
            case _:
                self._type(key)

    def finish(self, answer: Row | None) -> None:
        """Close with a row; whoever has the list inside hears of it."""
        super().finish(answer)
        self.closed(answer)

    def paste(self, text: str) -> None:
        """Search for what was pasted."""
        if self._search is not None:
            self._search.paste(text)
            self._find(None)

    def click(self, line: int, column: int) -> None:
        """The row under the mouse is chosen."""
        number = line - self._list_at
        if 0 <= number < self._shown and self._first + number < len(self._found):
            self._index = self._first + number
            self.finish(self.selected)

    def cursor(self) -> tuple[int, int] | None:
        """In the search field."""
        if self._search is None or self._search_at < 0:
            return None
        return self._search_at, 2 + self._search.column

    def lines(self, width: int, height: int) -> list[Line]:
        """Note, search field, rows, and what there is to say of the selected one."""
        frame = self.framed(width, height, self.hints)
        searching = self._search is not None and frame.rows > 1
        fixed = (1 if searching else 0) + min(_FEWEST, max(1, len(self._rows)))
        note = paragraph(self.note, width, self.note_style, frame.rows - fixed)
        body: list[Line] = [*note, EMPTY] if note and frame.rows > len(note) + fixed else note
        self._search_at = -1
        if self._search is not None and searching:
            self._search_at = frame.top + len(body)
            body.append((GUTTER, *self._search.line(width - 2)))
        room = frame.rows - len(body)
        described = min(self._described(width), room - _FEWEST - 1)
        if described > 0:
            room -= described + 1
        if searching and room > _FEWEST:
            body.append(EMPTY)
            room -= 1
        self._list_at = frame.top + len(body)
        body += self._list(width, max(1, room))
        if described > 0:
            selected = self.selected
            text = paragraph(selected.description if selected else "", width, "muted", described)
            body += [EMPTY, *text, *[EMPTY] * (described - len(text))]
        if len(self._found) > self._shown:  # now that it is known how many are shown
            frame = self.framed(width, height, self.hints, aside=f"({self._index + 1}/{len(self._found)})")
        return frame.lines(body)

    def _described(self, width: int) -> int:
        """Lines that the longest description needs: all rows get them, so that nothing moves."""
        longest = max((cells(row.description) for row in self._rows), default=0)
        return min(_DESCRIBED, -(-longest // max(1, width - 2)))

    def _list(self, width: int, room: int) -> list[Line]:
        """The rows around the selected one; the list keeps its height while one searches."""
        self._shown = size = max(1, min(self.visible, room, max(1, len(self._rows))))
        if not self._found:
            return [(GUTTER, (one_line(self.empty), "muted")), *[EMPTY] * (size - 1)]
        if not self._first <= self._index < self._first + size:
            self._first = self._index if self._index < self._first else self._index - size + 1
        self._first = max(0, min(self._first, len(self._found) - size))
        marks = max((cells(row.mark) for row in self._rows), default=0)
        # of all rows, so that nothing moves sideways while one searches
        label_width = min(max(_label_width(row) for row in self._rows), max(12, (width - 3 - marks) // 2))
        shown = self._found[self._first : self._first + size]
        out = [
            _row_line(row, self._first + number == self._index, marks, label_width, width)
            for number, row in enumerate(shown)
        ]
        return out + [EMPTY] * (size - len(out))

    def _find(self, selected: Any, *, otherwise: int = 0) -> None:
        """Search anew; the row with the id `selected` is selected if it is there."""
        self._found = rank(self.query, self._rows, _searched)
        at = None
        if selected is not None:
            at = next((number for number, row in enumerate(self._found) if row.id == selected), None)
        self._index = at if at is not None else max(0, min(otherwise, len(self._found) - 1))
        self._first = self._first if at is not None or otherwise else 0

    def _type(self, key: Key) -> None:
        if self._search is None:
            return
        before = self._search.text
        self._search.key(key)
        if self._search.text != before:
            self._find(None)
        self.changed()

    def _move(self, by: int) -> None:
        if self._found:
            self._index = (self._index + by) % len(self._found)
            self.changed()

    def _turn(self, by: int) -> None:
        if self._found:
            self._index = max(0, min(self._index + by, len(self._found) - 1))
            self.changed()


def _searched(row: Row) -> str:
    return row.search or f"{row.label} {row.detail}"


def _label_width(row: Row) -> int:
    return width_of(row.indent) + cells(row.label)


def _row_line(row: Row, selected: bool, marks: int, label_width: int, width: int) -> Line:
    before: Line = (ARROW if selected else GUTTER,)
    if marks:
        before = (*before, *pad(((one_line(row.mark), "success"),), marks), (" ", ""))
    label: Line = (*row.indent, (one_line(row.label), "accent" if selected else row.style))
    if not row.detail:
        return clip((*before, *label), width)
    detail = one_line(row.detail)
    room = width - width_of(before)
    kept = max(room - 2 - cells(detail), room // 2)  # the detail stays to be seen, unless it is very long
    return clip(
        (*before, *pad(clip(label, kept), min(label_width, kept)), ("  ", ""), (detail, "dim")), width
    )


def _with_usual(hints: Sequence[Hint]) -> list[Hint]:
    named = {key for key, _ in hints}
    first = [] if "tui.select.confirm" in named else [("tui.select.confirm", "select")]
    last = [] if "tui.select.cancel" in named else [("tui.select.cancel", "cancel")]
    return [*first, *hints, *last]

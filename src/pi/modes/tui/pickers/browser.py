"""What the panels of sessions and of their trees share: a list of which only what is seen is drawn."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import EMPTY, Line, clip, pad
from pi.modes.tui.panels.frame import ARROW, GUTTER, FramedPanel, Hint, paragraph
from pi.modes.tui.panels.line_input import LineInput
from pi.modes.tui.panels.panel import Panel

T = TypeVar("T")
A = TypeVar("A")

_MOVES = ("tui.select.up", "tui.select.down", "tui.select.pageUp", "tui.select.pageDown")
_ENDS = ("tui.select.confirm", "tui.select.cancel")
SELECTED = "on:selectedBg"


class Browser(FramedPanel[T], Generic[T]):
    """A list that is made anew as one types. It can ask something: a panel then stands in its place.

    Who inherits from it says how many rows there are, what each looks like, what choosing one means, and what
    happens when the query has changed.
    """

    search_aside = ""  # what stands dim behind the search field
    note = ""  # the last thing that happened
    note_style = "dim"
    hints: Sequence[Hint] = ()

    def __init__(self, keymap: Keymap, title: str, visible: int, placeholder: str):
        super().__init__(keymap, title)
        self.search = LineInput(keymap, placeholder=placeholder)
        self.index = 0
        self._visible = visible
        self._first = 0
        self._shown = 1
        self._list_at = self._search_at = 0
        self._inside: Panel[Any] | None = None
        self._then: Callable[[Any], None] = _nothing

    def count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def row(self, number: int, width: int) -> Line:
        """What a row looks like."""
        raise NotImplementedError

    def choose(self) -> None:
        """Enter was pressed on a row that is there."""
        raise NotImplementedError

    def searched(self) -> None:
        """The query is another one."""
        raise NotImplementedError

    def actions(self) -> Mapping[str, Callable[[], None]]:
        """The panel's own keys."""
        return {}

    def empty(self) -> str:
        """What stands where there are no rows."""
        return "Nothing matches."

    def below(self, width: int) -> Sequence[Line]:
        """More of the selected row, under the list."""
        return ()

    def inside(self, panel: Panel[A], then: Callable[[A | None], None]) -> None:
        """Ask something in the place of the list; `then` hears the answer."""
        panel.changed = lambda: self.changed()
        self._inside, self._then = panel, then

    def say(self, note: str, style: str = "dim") -> None:
        """Tell what has happened."""
        self.note, self.note_style = note, style
        self.changed()

    def lines(self, width: int, height: int) -> list[Line]:
        if self._inside is not None:
            return self._inside.lines(width, height)
        frame = self.framed(width, height, self.hints)
        body = [*paragraph(self.note, width, self.note_style, 2)][: max(0, frame.rows - 4)]
        self._search_at = frame.top + len(body)
        aside = self.search_aside if width >= 60 else ""
        field = pad(self.search.line(max(1, width - 4 - len(aside))), width - 4 - len(aside))
        body.append((GUTTER, *field, ("  ", ""), (aside, "dim")) if aside else (GUTTER, *field))
        if frame.rows > 7:
            body.append(EMPTY)
        below = list(self.below(width)) if frame.rows - len(body) > 6 else []
        self._list_at = frame.top + len(body)
        body += self._list(width, max(1, frame.rows - len(body) - len(below)))
        body += below
        if self.count() > self._shown:
            frame = self.framed(width, height, self.hints, aside=f"({self.index + 1}/{self.count()})")
        return frame.lines(body)

    def key(self, key: Key) -> None:
        if self._inside is not None:
            self._inside.key(key)
            self._answered()
            return
        self.note = ""
        own = self.actions()
        action = self.keymap.action(key, (*own, *_MOVES, *_ENDS))
        if action is not None and action in own:
            own[action]()
        elif action in _MOVES:
            self._move(action)
        elif action == "tui.select.confirm":
            if self.index < self.count():
                self.choose()
        elif action is not None:
            self.leave()
        else:
            self._type(lambda: self.search.key(key))
        self.changed()

    def leave(self) -> None:
        """Escape: first the query goes, then the panel."""
        if self.search.text:
            self.search.text = ""
            self.searched()
        else:
            self.finish(None)

    def paste(self, text: str) -> None:
        if self._inside is not None:
            self._inside.paste(text)
        else:
            self._type(lambda: self.search.paste(text))
        self.changed()

    def click(self, line: int, column: int) -> None:
        """A click selects, and one on what is selected chooses it."""
        if self._inside is not None:
            self._inside.click(line, column)
            self._answered()
            return
        number = self._first + line - self._list_at
        if 0 <= line - self._list_at < self._shown and number < self.count():
            if number == self.index:
                self.choose()
            self.index = number
            self.changed()

    def cursor(self) -> tuple[int, int] | None:
        if self._inside is not None:
            return self._inside.cursor()
        return self._search_at, 2 + self.search.column

    def _list(self, width: int, room: int) -> list[Line]:
        count = self.count()
        self.index = max(0, min(self.index, count - 1))
        self._shown = shown = max(1, min(room, self._visible, count))
        if not count:
            return [(GUTTER, *line[1:]) for line in paragraph(self.empty(), width, "muted", room)]
        first = min(max(self._first, self.index - shown + 1), self.index)
        self._first = first = max(0, min(first, count - shown))
        out: list[Line] = []
        for number in range(first, first + shown):
            selected = number == self.index
            line = clip((ARROW if selected else GUTTER, *self.row(number, max(1, width - 2))), width)
            out.append(_on(pad(line, width), SELECTED) if selected else line)
        return out

    def _move(self, action: str) -> None:
        count = self.count()
        if not count:
            return
        match action:
            case "tui.select.up":
                self.index = (self.index - 1) % count
            case "tui.select.down":
                self.index = (self.index + 1) % count
            case "tui.select.pageUp":
                self.index = max(0, self.index - self._shown)
            case _:
                self.index = min(count - 1, self.index + self._shown)

    def _type(self, typed: Callable[[], object]) -> None:
        before = self.search.text
        typed()
        if self.search.text != before:
            self.searched()

    def _answered(self) -> None:
        """Whether what was asked inside has its answer."""
        panel = self._inside
        if panel is not None and panel.answer.done():
            self._inside = None
            self._then(panel.answer.result())
        self.changed()


def _on(line: Line, style: str) -> Line:
    return tuple((text, f"{own} {style}" if own else style) for text, own in line)


def _nothing(answer: Any) -> None:
    pass

"""The questions of a form: each shows itself, takes keys, and knows its answer."""

from collections.abc import Sequence
from typing import Any, Protocol, cast

from pi.harness.ui import Field, Option
from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import EMPTY, Line, Span, cells, clean_lines, clip, pad, width_of, wrap_text
from pi.modes.tui.panels.frame import ARROW, GUTTER, Hint, one_line, paragraph
from pi.modes.tui.panels.line_input import LineInput

_ACTIONS = (
    "tui.select.up",
    "tui.select.down",
    "tui.select.pageUp",
    "tui.select.pageDown",
    "tui.select.confirm",
)
_BESIDE = 72  # cells from which on previews stand beside the options
_READABLE = 20  # cells in which a description is worth showing
_OTHER = "Other"


class Question(Protocol):
    """One field of a form while it is being answered."""

    @property
    def field(self) -> Field: ...
    @property
    def value(self) -> Any: ...
    @property
    def answered(self) -> bool: ...
    @property
    def hints(self) -> Sequence[Hint]: ...
    def lines(self, width: int, rows: int) -> list[Line]: ...
    def key(self, key: Key) -> bool:
        """Whether it is answered now, and the next one is to come."""
        ...

    def paste(self, text: str) -> None: ...
    def click(self, line: int) -> bool:
        """Likewise, for a click on one of its lines."""
        ...

    def cursor(self) -> tuple[int, int] | None: ...


def question(keymap: Keymap, field: Field) -> Question:
    """What asks for a field."""
    return TextQuestion(keymap, field) if field.kind == "text" else OptionsQuestion(keymap, field)


class TextQuestion:
    """A line of text."""

    hints: Sequence[Hint] = ()

    def __init__(self, keymap: Keymap, field: Field):
        self.field = field
        self._keymap = keymap
        self._input = LineInput(keymap, "" if field.default is None else str(field.default))

    @property
    def value(self) -> str:
        """What was typed."""
        return self._input.text

    @property
    def answered(self) -> bool:
        """Whether there is more than spaces."""
        return bool(self._input.text.strip())

    def lines(self, width: int, rows: int) -> list[Line]:
        return [(("> ", "accent"), *self._input.line(width - 2))]

    def key(self, key: Key) -> bool:
        if self._keymap.means(key, "tui.select.confirm"):
            return True
        self._input.key(key)
        return False

    def paste(self, text: str) -> None:
        self._input.paste(text)

    def click(self, line: int) -> bool:
        return False

    def cursor(self) -> tuple[int, int] | None:
        return 0, 2 + self._input.column


class OptionsQuestion:
    """One or several of some options, or a text of one's own; a confirmation is yes or no."""

    def __init__(self, keymap: Keymap, field: Field):
        self.field = field
        self._keymap = keymap
        self._several = field.kind == "multi"
        confirm = field.kind == "confirm"
        self._options = (Option("Yes"), Option("No")) if confirm else field.options
        self._other = (
            LineInput(keymap, placeholder="type your own answer") if field.other and not confirm else None
        )
        self._chosen: set[int] = set()
        self._at = next((number for number, option in enumerate(self._options) if option.recommended), 0)
        self._first = 0
        self._shown = 1
        self._cursor: tuple[int, int] | None = None
        self._take_default(field.default)

    @property
    def hints(self) -> Sequence[Hint]:
        """What the keys do here."""
        return (("space", "toggle"),) if self._several else ()

    @property
    def value(self) -> Any:
        """A label, or the labels of a "multi", or whether it was confirmed."""
        labels = [option.label for number, option in enumerate(self._options) if number in self._chosen]
        if len(self._options) in self._chosen and self._other is not None and self._other.text.strip():
            labels.append(self._other.text.strip())
        if self._several:
            return labels
        if self.field.kind == "confirm":
            return self._chosen == {0}
        return labels[0] if labels else None

    @property
    def answered(self) -> bool:
        """Whether something was chosen."""
        return bool(self._chosen) if self.field.kind == "confirm" else bool(self.value)

    def key(self, key: Key) -> bool:
        match self._keymap.action(key, _ACTIONS):
            case "tui.select.up":
                self._at = (self._at - 1) % self._size
            case "tui.select.down":
                self._at = (self._at + 1) % self._size
            case "tui.select.pageUp":
                self._at = max(0, self._at - self._shown)
            case "tui.select.pageDown":
                self._at = min(self._size - 1, self._at + self._shown)
            case "tui.select.confirm":
                return self._confirm()
            case _:
                return self._type(key)
        return False

    def paste(self, text: str) -> None:
        if self._other is not None:
            self._at = self._size - 1
            self._other.paste(text)
            self._took_text()

    def click(self, line: int) -> bool:
        if not 0 <= line < self._shown or self._first + line >= self._size:
            return False
        self._at = self._first + line
        if self._several:
            self._toggle()
            return False
        return self._confirm()

    def cursor(self) -> tuple[int, int] | None:
        return self._cursor

    def lines(self, width: int, rows: int) -> list[Line]:
        """The options, and what there is to say of the one the arrow stands before."""
        previews = any(option.preview for option in self._options)
        left = max(30, width * 2 // 5) if previews and width >= _BESIDE else width
        pointed = self._options[self._at] if self._at < len(self._options) else Option("")
        below = self._below(pointed, left, rows, previews and left == width)
        listed = self._list(left, max(1, rows - len(below)))
        body = [*listed, *below]
        if left == width:
            return body
        preview = _preview(pointed.preview, width - left - 1, rows)
        body += [EMPTY] * (len(preview) - len(body))
        preview += [EMPTY] * (len(body) - len(preview))
        return [
            (*pad(line, left + 1), *beside) if beside else line
            for line, beside in zip(body, preview, strict=True)
        ]

    @property
    def _size(self) -> int:
        return max(1, len(self._options) + (self._other is not None))

    def _below(self, pointed: Option, width: int, rows: int, preview: bool) -> list[Line]:
        room = rows - min(self._size, max(3, rows // 2))
        out: list[Line] = []
        if pointed.description and cells(pointed.description) > self._room_behind(width):
            out += [EMPTY, *paragraph(pointed.description, width, "muted", max(0, min(3, room - 1)))]
        if preview and pointed.preview:
            out += [EMPTY, *_preview(pointed.preview, width, max(0, room - len(out) - 1))]
        return out[:room] if room > 1 else []

    def _room_behind(self, width: int) -> int:
        """Cells for the descriptions behind the labels; where they are few, those stand below the list."""
        room = width - 2 - self._mark_width - self._label_width(width) - 2
        return room if room >= _READABLE else 0

    @property
    def _mark_width(self) -> int:
        return 4 if self._several else 2

    def _label_width(self, width: int) -> int:
        return min(max((width_of(_label(option)) for option in self._options), default=0), max(8, width // 2))

    def _list(self, width: int, room: int) -> list[Line]:
        self._shown = size = min(self._size, room)
        if not self._first <= self._at < self._first + size:
            self._first = self._at if self._at < self._first else self._at - size + 1
        self._first = max(0, min(self._first, self._size - size))
        self._cursor = None
        return [clip(self._row(number, width), width) for number in range(self._first, self._first + size)]

    def _row(self, number: int, width: int) -> Line:
        pointed, chosen = number == self._at, number in self._chosen
        before: Line = (ARROW if pointed else GUTTER, *self._mark(chosen))
        if number >= len(self._options):
            return (*before, *self._other_row(number, pointed, width))
        option = self._options[number]
        label = _label(option, "accent" if pointed else "")
        behind = one_line(option.description)
        room = self._room_behind(width)
        if not behind or not room:
            return (*before, *label)
        label = pad(label, self._label_width(width))
        return (*before, *label, ("  ", ""), *clip(((behind, "dim"),), room))

    def _mark(self, chosen: bool) -> Line:
        if self._several:
            sign: Span = ("✓", "success") if chosen else (" ", "")
            return (("[", "dim"), sign, ("] ", "dim"))
        return (("✓ ", "success"),) if chosen else (("  ", ""),)

    def _other_row(self, number: int, pointed: bool, width: int) -> Line:
        if self._other is None:
            return (("There is nothing to choose from.", "muted"),)
        name = f"{_OTHER}: "
        self._other.focused = pointed
        line = self._other.line(width - 2 - self._mark_width - len(name))
        if pointed:
            self._cursor = number - self._first, 2 + self._mark_width + len(name) + self._other.column
        return ((name, "accent" if pointed else ""), *line)

    def _confirm(self) -> bool:
        if self._several:
            return True
        if self._at >= len(self._options) and (self._other is None or not self._other.text.strip()):
            return not self.field.required and self._other is None
        self._chosen = {self._at}
        return True

    def _type(self, key: Key) -> bool:
        if self._other is not None and self._at == len(self._options):
            if self._other.key(key):
                self._took_text()
        elif self._several and key.text == " ":
            self._toggle()
        elif self.field.kind == "confirm" and key.text.lower() in ("y", "n"):
            self._at = 0 if key.text.lower() == "y" else 1
            return self._confirm()
        return False

    def _toggle(self) -> None:
        if self._at < len(self._options):
            self._chosen ^= {self._at}

    def _took_text(self) -> None:
        """A text of one's own is an answer as long as it isn't empty."""
        own = len(self._options)
        if self._other is not None and self._other.text.strip():
            self._chosen = self._chosen | {own} if self._several else {own}
        else:
            self._chosen = self._chosen - {own}

    def _take_default(self, default: Any) -> None:
        if self.field.kind == "confirm":
            if default is not None:
                self._chosen = {0 if default else 1}
                self._at = 0 if default else 1
            return
        wanted = _as_list(default)
        self._chosen = {number for number, option in enumerate(self._options) if option.label in wanted}
        if self._chosen:
            self._at = min(self._chosen)
        if self._other is not None:
            own = [each for each in wanted if all(each != option.label for option in self._options)]
            self._other.text = ", ".join(str(each) for each in own)
            if own:
                self._took_text()
                self._at = min(self._chosen)


def _as_list(default: Any) -> list[Any]:
    if isinstance(default, list | tuple):
        return list(cast("Sequence[Any]", default))
    return [] if default is None else [default]


def _label(option: Option, style: str = "") -> Line:
    label: Line = ((one_line(option.label), style),)
    return (*label, (" (recommended)", "success")) if option.recommended else label


def _preview(text: str, width: int, rows: int) -> list[Line]:
    """Markdown as it was written, so that a sketch keeps its shape; without its fences, behind a rule."""
    if not text or rows <= 0:
        return []
    written = [row for row in clean_lines(text.strip("\n")) if not row.startswith(("```", "~~~"))]
    wrapped = wrap_text("\n".join(written), max(1, width - 3), "muted")
    if len(wrapped) > rows:
        wrapped = [*wrapped[: rows - 1], (("…", "dim"),)]
    return [(("│ ", "borderMuted"), *line) for line in wrapped]

"""Small questions: yes or no, one of some, a line of text, a longer text; and "please wait"."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import EMPTY, Line, clean_lines, clip, text_of, wrap
from pi.modes.tui.panels.form import FormPanel as FormPanel
from pi.modes.tui.panels.frame import GUTTER, FramedPanel, Hint, paragraph
from pi.modes.tui.panels.line_input import LineInput
from pi.modes.tui.panels.picker import Picker, Row
from pi.platform.errors import PiError

T = TypeVar("T")

_MANY = 10  # options from which on typing searches them


class _Listed(FramedPanel[T], Generic[T]):
    """A question whose answers are the rows of a list."""

    def __init__(self, keymap: Keymap, title: str, rows: Sequence[Row], note: str, *, search: bool = False):
        super().__init__(keymap, title)
        self._list = Picker(keymap, title, rows, search=search, note=note)
        self._list.note_style = ""
        self._list.changed = lambda: self.changed()
        self._list.closed = lambda row: self.finish(None if row is None else row.id)

    def lines(self, width: int, height: int) -> list[Line]:
        self._list.seconds_left = self.seconds_left
        return self._list.lines(width, height)

    def key(self, key: Key) -> None:
        self._list.key(key)

    def paste(self, text: str) -> None:
        self._list.paste(text)

    def click(self, line: int, column: int) -> None:
        self._list.click(line, column)

    def cursor(self) -> tuple[int, int] | None:
        return self._list.cursor()


class Confirm(_Listed[bool]):
    """Yes or no; the keys y and n answer too."""

    def __init__(self, keymap: Keymap, title: str, message: str = ""):
        super().__init__(keymap, title, (Row(True, "Yes"), Row(False, "No")), message)

    def key(self, key: Key) -> None:
        if key.text.lower() in ("y", "n"):
            self.finish(key.text.lower() == "y")
        else:
            super().key(key)


class Choice(_Listed[str]):
    """One of some texts; many of them can be searched."""

    def __init__(self, keymap: Keymap, title: str, options: Sequence[str], note: str = ""):
        rows = [Row(option, option) for option in options]
        super().__init__(keymap, title, rows, note, search=len(rows) > _MANY)


class TextInput(FramedPanel[str]):
    """A line of text; a secret one is shown as dots."""

    def __init__(
        self,
        keymap: Keymap,
        title: str,
        placeholder: str = "",
        text: str = "",
        secret: bool = False,
        note: str = "",
    ):
        super().__init__(keymap, title)
        self.note = note
        self.input = LineInput(keymap, text, placeholder=placeholder, secret=secret)
        self._at = 0

    def lines(self, width: int, height: int) -> list[Line]:
        frame = self.framed(
            width, height, (("tui.select.confirm", "submit"), ("tui.select.cancel", "cancel"))
        )
        body = paragraph(self.note, width, "", frame.rows - 1)
        if body and frame.rows > len(body) + 1:
            body.append(EMPTY)
        self._at = frame.top + len(body)
        return frame.lines([*body, (("> ", "accent"), *self.input.line(width - 2))])

    def key(self, key: Key) -> None:
        match self.keymap.action(key, ("tui.select.confirm", "tui.select.cancel")):
            case "tui.select.confirm":
                self.finish(self.input.text)
            case "tui.select.cancel":
                self.finish(None)
            case _:
                self.input.key(key)
                self.changed()

    def paste(self, text: str) -> None:
        self.input.paste(text)
        self.changed()

    def cursor(self) -> tuple[int, int] | None:
        return self._at, 2 + self.input.column


class LongText(FramedPanel[str]):
    """A text of several lines, with the editor's keys; `external` edits it in a program outside."""

    def __init__(
        self,
        keymap: Keymap,
        title: str,
        text: str,
        external: Callable[[str], Awaitable[str | None]] | None = None,
    ):
        from pi.modes.tui.editor.editor import Editor

        super().__init__(keymap, title)
        self._editor = Editor(keymap, padding=2)
        self._editor.text = text
        self._external = external
        self._failed = ""
        self._hidden = 0  # lines of the editor above its text that aren't shown
        self._opened: asyncio.Future[None] | None = None

    def lines(self, width: int, height: int) -> list[Line]:
        hints: list[Hint] = [
            ("tui.input.submit", "submit"),
            ("tui.input.newLine", "new line"),
            ("tui.select.cancel", "cancel"),
        ]
        if self._external is not None:
            hints.append(("app.editor.external", "external editor"))
        frame = self.framed(width, height, hints)
        failed = paragraph(self._failed, width, "warning", min(2, frame.rows - 1))
        text = self._editor.lines(width, frame.rows - len(failed))
        self._hidden = 1 if _is_border(text[0]) else 0  # the frame has one already
        text = text[self._hidden : -1 if _is_border(text[-1]) else None]
        return frame.lines([*text, *failed])

    def key(self, key: Key) -> None:
        match self.keymap.action(key, ("tui.input.submit", "tui.select.cancel", "app.editor.external")):
            case "tui.input.submit":
                self.finish(self._editor.expanded)
            case "tui.select.cancel":
                self.finish(None)
            case "app.editor.external" if self._external is not None:
                self._open(self._external)
            case _:
                self._editor.key(key)
                self.changed()

    def paste(self, text: str) -> None:
        self._editor.paste(text)
        self.changed()

    def cursor(self) -> tuple[int, int] | None:
        at = self._editor.cursor()
        return None if at is None else (self.top + at[0] - self._hidden, at[1])

    def _open(self, external: Callable[[str], Awaitable[str | None]]) -> None:
        async def edit() -> None:
            try:
                text = await external(self._editor.expanded)
            except PiError as error:
                self._failed = str(error)
            else:
                if text is not None:
                    self._editor.text = text
                self._failed = ""
            self.changed()

        if self._opened is None or self._opened.done():
            self._opened = asyncio.ensure_future(edit())


class Waiting(FramedPanel[None]):
    """Something goes on elsewhere; whoever shows it ends it with `finish`. `cancelled` says that people did.

    Foreign text goes in as strings, which are cleaned; `on` and `hints` are those of a picker.
    """

    def __init__(
        self,
        keymap: Keymap,
        title: str,
        lines: Sequence[str | Line],
        *,
        hints: Sequence[Hint] = (),
        on: Mapping[str, Callable[[], None]] | None = None,
    ):
        super().__init__(keymap, title)
        self.cancelled = False
        self._content = lines
        self._hints = (*hints, ("tui.select.cancel", "cancel"))
        self._on = dict(on or {})

    def update(self, lines: Sequence[str | Line]) -> None:
        """Show other lines."""
        self._content = lines
        self.changed()

    def lines(self, width: int, height: int) -> list[Line]:
        frame = self.framed(width, height, self._hints)
        body: list[Line] = []
        for content in self._content:
            parts = (
                [((part, ""),) for part in clean_lines(content)] if isinstance(content, str) else [content]
            )
            for part in parts:
                body += [(GUTTER, *line) if line else EMPTY for line in wrap(part, max(1, width - 2))]
        return frame.lines([clip(line, width) for line in body])

    def key(self, key: Key) -> None:
        own = self.keymap.action(key, self._on) if self._on else None
        if own is not None:
            self._on[own]()
        elif self.keymap.means(key, "tui.select.cancel"):
            self.cancelled = True
            self.finish(None)


def _is_border(line: Line) -> bool:
    return text_of(line).strip("─") == "" != text_of(line)

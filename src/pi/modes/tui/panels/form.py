"""A form: its questions one after the other, each with the room it needs, and what was answered so far."""

from collections.abc import Sequence
from typing import Any

from pi.harness.ui import Field
from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import EMPTY, Line, clip, width_of
from pi.modes.tui.panels.form_fields import Question, question
from pi.modes.tui.panels.frame import GUTTER, FramedPanel, Hint, one_line, paragraph


class FormPanel(FramedPanel[dict[str, Any]]):
    """Ends with the answers by the names of their fields: a text, a label, labels, or yes and no.

    What nobody answered is "" for a text, None for a select, an empty list for a multi, False for a confirm.
    """

    def __init__(self, keymap: Keymap, title: str, fields: Sequence[Field]):
        super().__init__(keymap, title)
        self._questions: list[Question] = [question(keymap, field) for field in fields]
        self._at = 0
        self._missing = False  # whether somebody wanted to go on without an answer that is needed
        self._body_at = 0

    def lines(self, width: int, height: int) -> list[Line]:
        frame = self.framed(width, height, self._hints(), aside=self._aside())
        if not self._questions:
            return frame.lines([(GUTTER, ("There is nothing to ask.", "muted"))])
        current = self._questions[self._at]
        head: list[Line] = []
        rows = frame.rows
        if len(self._questions) > 1 and rows >= 10:
            head += [self._strip(width), EMPTY]
        head += self._asked(current.field, width, max(1, (rows - len(head)) // 2))
        message: list[Line] = []
        if self._missing and not current.answered:
            message = [(GUTTER, (_needed(current.field), "warning"))]
        if rows - len(head) - len(message) >= 5:
            head.append(EMPTY)
        self._body_at = frame.top + len(head)
        body = current.lines(width, max(1, rows - len(head) - len(message)))
        if message and rows > len(head) + len(body) + len(message):
            message.insert(0, EMPTY)
        return frame.lines([*head, *body, *message])

    def key(self, key: Key) -> None:
        if self.keymap.means(key, "tui.select.cancel"):
            self.finish(None)
        elif self.keymap.same(key, "shift+tab"):
            self._go(-1)
        elif self.keymap.means(key, "tui.input.tab"):
            self._go(1)
        elif not self._questions:
            self.finish({})
        elif self._questions[self._at].key(key):
            self._next()
        self.changed()

    def paste(self, text: str) -> None:
        if self._questions:
            self._questions[self._at].paste(text)
            self.changed()

    def click(self, line: int, column: int) -> None:
        if self._questions and self._questions[self._at].click(line - self._body_at):
            self._next()
        self.changed()

    def cursor(self) -> tuple[int, int] | None:
        at = self._questions[self._at].cursor() if self._questions else None
        return None if at is None else (self._body_at + at[0], at[1])

    def _go(self, by: int) -> None:
        if self._questions:
            self._at = (self._at + by) % len(self._questions)
            self._missing = False

    def _next(self) -> None:
        """The question was answered: on to the next, or out with all answers once none is missing."""
        current = self._questions[self._at]
        if current.field.required and not current.answered:
            self._missing = True
        elif self._at + 1 < len(self._questions):
            self._go(1)
        else:
            self._submit()

    def _submit(self) -> None:
        for number, each in enumerate(self._questions):
            if each.field.required and not each.answered:
                self._at, self._missing = number, True
                return
        self.finish({each.field.name: each.value for each in self._questions})

    def _aside(self) -> str:
        return f"({self._at + 1}/{len(self._questions)})" if len(self._questions) > 1 else ""

    def _hints(self) -> list[Hint]:
        last = self._at + 1 >= len(self._questions)
        own = self._questions[self._at].hints if self._questions else ()
        hints: list[Hint] = [*own, ("tui.select.confirm", "submit" if last else "next")]
        if len(self._questions) > 1:
            hints.append((f"{self.keymap.label('tui.input.tab') or 'tab'}/shift+tab", "move"))
        return [*hints, ("tui.select.cancel", "cancel")]

    def _strip(self, width: int) -> Line:
        """All questions by their titles: the current one, and those that are answered."""
        spans: Line = (GUTTER,)
        for number, each in enumerate(self._questions):
            name = one_line(each.field.title).rstrip("?:")
            style = "accent bold" if number == self._at else "muted"
            done = each.answered and number != self._at
            spans = (*spans, ("✓ " if done else "", "success"), (name, style), ("   ", ""))
        if width_of(spans) <= width:
            return spans[:-1]
        spans = (GUTTER,)
        for number, each in enumerate(self._questions):
            sign = "●" if number == self._at else "✓" if each.answered else "○"
            style = "accent" if number == self._at else "success" if each.answered else "muted"
            spans = (*spans, (f"{sign} ", style))
        return clip(spans, width)

    def _asked(self, field: Field, width: int, most: int) -> list[Line]:
        need = " (required)" if field.required else ""
        title = paragraph(field.title + need, width, "bold", most)
        return [*title, *paragraph(field.description, width, "muted", most - len(title))]


def _needed(field: Field) -> str:
    match field.kind:
        case "text":
            return "Type an answer first."
        case "multi":
            return "Choose at least one: press space."
        case _:
            return "Choose one first: press enter."

"""A person who answers by script: what extensions ask, and what they show, is kept."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from msgspec import Struct

from pi.harness.ui import Field, NoticeKind, Placement


class Question(Struct, frozen=True):
    """What was asked: `options` of a select, `fields` of a form; `text` is a message, hint or draft."""

    kind: Literal["select", "confirm", "input", "editor", "form", "custom"]
    title: str
    text: str = ""
    options: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()


class ScriptedUI:
    """Gives its answers in order: values, or functions of the Question; None is the answer of nobody.

    `asked`, `notices`, `statuses`, `widgets`, `title` and `working` are what was seen. A question without an
    answer in the script is an AssertionError in the extension that asked.
    """

    def __init__(self, *answers: Any, mode: Literal["tui", "rpc", "json", "print", "sdk"] = "sdk"):
        self.mode: Literal["tui", "rpc", "json", "print", "sdk"] = mode
        self.available = True
        self.asked: list[Question] = []
        self.notices: list[tuple[NoticeKind, str]] = []
        self.statuses: dict[str, str] = {}
        self.widgets: dict[str, tuple[str, ...]] = {}
        self.title = ""
        self.working: str | None = None
        self._answers = list(answers)
        self._editor_text = ""

    def _answer(self, question: Question) -> Any:
        at = len(self.asked)
        self.asked.append(question)
        if at >= len(self._answers):
            raise AssertionError(f'The script has no answer to "{question.title}": add it to ScriptedUI(...)')
        answer = self._answers[at]
        if callable(answer):
            asked: Callable[[Question], Any] = answer
            return asked(question)
        return answer

    async def select(self, title: str, options: Sequence[str], timeout: float | None) -> str | None:
        return self._answer(Question("select", title, options=tuple(options)))

    async def confirm(self, title: str, message: str, timeout: float | None) -> bool | None:
        return self._answer(Question("confirm", title, message))

    async def input(self, title: str, placeholder: str, timeout: float | None) -> str | None:
        return self._answer(Question("input", title, placeholder))

    async def editor(self, title: str, text: str) -> str | None:
        return self._answer(Question("editor", title, text))

    async def form(
        self, title: str, fields: Sequence[Field], timeout: float | None
    ) -> dict[str, Any] | NotImplementedError | None:
        return self._answer(Question("form", title, fields=tuple(fields)))

    async def custom(self, factory: Any, options: dict[str, Any]) -> Any:
        return self._answer(Question("custom", ""))

    def notify(self, text: str, kind: NoticeKind) -> None:
        self.notices.append((kind, text))

    def set_status(self, key: str, text: str | None) -> None:
        _set(self.statuses, key, text)

    def set_widget(self, key: str, lines: Sequence[str] | None, placement: Placement) -> None:
        _set(self.widgets, key, None if lines is None else tuple(lines))

    def set_title(self, title: str) -> None:
        self.title = title

    def set_working(self, text: str | None) -> None:
        self.working = text

    def set_editor_text(self, text: str) -> None:
        self._editor_text = text

    def editor_text(self) -> str:
        return self._editor_text


def _set(shown: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        shown.pop(key, None)
    else:
        shown[key] = value

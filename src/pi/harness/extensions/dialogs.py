"""`ctx.ui`: asking people without a time limit running, telling them things, clean text on screens."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any, Literal, TypeVar

from pi.agent.hooks import Hooks
from pi.agent.limits import unlimited
from pi.harness.extensions.events import UiPromptEnd, UiPromptStart
from pi.harness.ui import UI, Field, NoticeKind, Placement
from pi.platform.terminal import plain

_telling: ContextVar[bool] = ContextVar("telling", default=False)
T = TypeVar("T")
Kind = Literal["select", "confirm", "input", "editor", "form", "custom"]

on_behalf: ContextVar[str] = ContextVar("on_behalf", default="")  # the child session that asks


class Dialogs:
    """What an extension says to people; where nobody is, questions get None or False at once."""

    def __init__(self, ui: UI, hooks: Hooks, owner: str, check: Callable[[], None]):
        self._ui = ui
        self._hooks = hooks
        self._owner = owner
        self._check = check

    @property
    def available(self) -> bool:
        """Whether somebody can answer."""
        return self._ui.available

    async def select(self, title: str, options: Sequence[str], *, timeout: float | None = None) -> str | None:
        """One of the options, or None; `timeout` in s."""
        shown = [plain(option) for option in options]
        answer = await self._ask(
            "select", title, lambda: self._ui.select(_titled(title), shown, timeout), timeout
        )
        return (
            None
            if answer is None
            else next((o for o, s in zip(options, shown, strict=True) if s == answer), None)
        )

    async def confirm(self, title: str, message: str = "", *, timeout: float | None = None) -> bool:
        """Yes or no; no where nobody answers."""
        return bool(
            await self._ask(
                "confirm",
                title,
                lambda: self._ui.confirm(_titled(title), plain(message), timeout),
                timeout,
            )
        )

    async def input(self, title: str, placeholder: str = "", *, timeout: float | None = None) -> str | None:
        """A line of text, or None."""
        return await self._ask(
            "input", title, lambda: self._ui.input(_titled(title), plain(placeholder), timeout), timeout
        )

    async def editor(self, title: str, text: str = "") -> str | None:
        """A longer text, or None."""
        return await self._ask("editor", title, lambda: self._ui.editor(_titled(title), text), None)

    async def form(
        self, title: str, fields: Sequence[Field], *, timeout: float | None = None
    ) -> dict[str, Any] | None:
        """All answers by the names of their fields, or None; one by one where there are no forms."""
        answer = await self._ask(
            "form", title, lambda: self._ui.form(_titled(title), fields, timeout), timeout
        )
        if isinstance(answer, NotImplementedError):
            return await self._one_by_one(fields, timeout)
        return answer

    async def custom(self, factory: Any, **options: Any) -> Any:
        """A screen of the extension's own: `factory` makes a Textual widget.

        Raises NotImplementedError where there is no terminal interface: offer `form` there.
        """
        return await self._ask("custom", "", lambda: self._ui.custom(factory, options), None)

    def notify(self, text: str, kind: NoticeKind = "info") -> None:
        """Show a notice."""
        self._check()
        self._ui.notify(_titled(text), kind)

    def status(self, text: str | None, key: str = "") -> None:
        """Show a text in the footer, or take it away; an extension has one place, or one for each key."""
        self._check()
        name = f"{self._owner}:{key}" if key else self._owner
        self._ui.set_status(name, None if text is None else plain(text).replace("\n", " "))

    def widget(
        self, lines: Sequence[str] | None, key: str = "", *, placement: Placement = "above_editor"
    ) -> None:
        """Show lines beside the editor, or take them away."""
        self._check()
        name = f"{self._owner}:{key}" if key else self._owner
        self._ui.set_widget(name, None if lines is None else [plain(line) for line in lines], placement)

    def title(self, text: str) -> None:
        """Name the terminal's window."""
        self._check()
        self._ui.set_title(plain(text))

    def working(self, text: str | None) -> None:
        """Say what is going on while the model works; None for the usual text."""
        self._check()
        self._ui.set_working(None if text is None else plain(text))

    @property
    def editor_text(self) -> str:
        """What is in the editor; setting it replaces that."""
        return self._ui.editor_text()

    @editor_text.setter
    def editor_text(self, text: str) -> None:
        self._check()
        self._ui.set_editor_text(text)

    async def _one_by_one(self, fields: Sequence[Field], timeout: float | None) -> dict[str, Any] | None:
        answers: dict[str, Any] = {}
        for field in fields:
            labels = [option.label for option in field.options]
            title = f"{field.title}\n{field.description}".strip()
            match field.kind:
                case "confirm":
                    answers[field.name] = await self.confirm(field.title, field.description, timeout=timeout)
                case "select" if not field.other:
                    answers[field.name] = await self.select(title, labels, timeout=timeout)
                case "text":
                    answers[field.name] = await self.input(title, str(field.default or ""), timeout=timeout)
                case _:
                    hint = f"{title}\n{', '.join(labels)}"
                    text = await self.input(hint, "", timeout=timeout)
                    several = field.kind == "multi" and text is not None
                    answers[field.name] = (
                        [part.strip() for part in (text or "").split(",")] if several else text
                    )
            if answers[field.name] is None and field.required:
                return None
        return answers

    async def _ask(
        self, kind: Kind, title: str, ask: Callable[[], Awaitable[T]], timeout: float | None
    ) -> T | None:
        """Ask within `timeout` s; others hear of it, unless it is asked while they are being told."""
        self._check()
        if _telling.get():
            return await self._answer(ask, timeout)
        token = _telling.set(True)
        try:
            with unlimited():
                await self._hooks.tell("ui_prompt_start", UiPromptStart(kind, title))
            return await self._answer(ask, timeout)
        finally:
            with unlimited():
                await self._hooks.tell("ui_prompt_end", UiPromptEnd(kind, title))
            _telling.reset(token)

    async def _answer(self, ask: Callable[[], Awaitable[T]], timeout: float | None) -> T | None:
        try:
            with unlimited():
                return await (ask() if timeout is None else asyncio.wait_for(ask(), timeout))
        except TimeoutError:
            return None


def _titled(text: str) -> str:
    who = on_behalf.get()
    return plain(f"{who}: {text}" if who else text)

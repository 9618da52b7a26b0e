"""Asking and telling the client's user: requests on stdout, answers on stdin."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Literal, cast
from uuid import uuid4

from msgspec import UNSET, to_builtins

from pi.harness.ui import Field, NobodyThere, NoticeKind, Placement

_PLACEMENTS: dict[Placement, str] = {"above_editor": "aboveEditor", "below_editor": "belowEditor"}


class RpcUI(NobodyThere):
    """Dialogs wait for the client's answer; whoever asked limits the time. Screens need a terminal."""

    def __init__(self, send: Callable[[Any], None]):
        super().__init__()
        self.mode: Literal["tui", "rpc", "json", "print", "sdk"] = "rpc"
        self.available = True
        self.has_forms = self.opens_pages = False  # until the client says so
        self.login: asyncio.Task[None] | None = None  # the one that is going on
        self._send = send
        self._open: dict[str, asyncio.Future[dict[str, Any]]] = {}

    def answer(self, response: dict[str, Any]) -> None:
        """The client has answered; answers to what nobody waits for any more are passed over."""
        waiting = self._open.pop(str(response.get("id")), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(response)

    def close(self) -> None:
        """The client is gone: nobody will answer."""
        self.available = False
        for waiting in self._open.values():
            if not waiting.done():
                waiting.set_result({"cancelled": True})
        self._open.clear()

    async def select(self, title: str, options: Sequence[str], timeout: float | None) -> str | None:
        answer = await self._ask("select", timeout, title=title, options=list(options))
        return _text(answer, "value")

    async def confirm(self, title: str, message: str, timeout: float | None) -> bool | None:
        answer = await self._ask("confirm", timeout, title=title, message=message)
        return None if answer is None else bool(answer.get("confirmed"))

    async def input(self, title: str, placeholder: str, timeout: float | None) -> str | None:
        answer = await self._ask("input", timeout, title=title, placeholder=placeholder or UNSET)
        return _text(answer, "value")

    async def secret(self, title: str, placeholder: str) -> str | None:
        """An input whose text the client doesn't show while it is typed, if it can do that."""
        answer = await self._ask("input", None, title=title, placeholder=placeholder or UNSET, secret=True)
        return _text(answer, "value")

    async def editor(self, title: str, text: str) -> str | None:
        return _text(await self._ask("editor", None, title=title, prefill=text or UNSET), "value")

    async def form(
        self, title: str, fields: Sequence[Field], timeout: float | None
    ) -> dict[str, Any] | NotImplementedError | None:
        if not self.has_forms:
            return NotImplementedError("The client has not said that it can show forms.")
        answer = await self._ask("form", timeout, title=title, fields=to_builtins(tuple(fields)))
        answers = None if answer is None else answer.get("answers")
        return cast(dict[str, Any], answers) if isinstance(answers, dict) else None

    def notify(self, text: str, kind: NoticeKind) -> None:
        self._tell("notify", message=text, notifyType=kind)

    def open_url(self, url: str, code: str | None) -> None:
        """A page for people to open, and the code to type in there."""
        if self.opens_pages:
            self._tell("open_url", url=url, code=UNSET if code is None else code)
        else:
            self.notify(f"Open {url}" + (f" and type in {code}" if code else ""), "info")

    def set_status(self, key: str, text: str | None) -> None:
        self._tell("setStatus", statusKey=key, statusText=UNSET if text is None else text)

    def set_widget(self, key: str, lines: Sequence[str] | None, placement: Placement) -> None:
        where = UNSET if placement == "above_editor" else _PLACEMENTS[placement]
        shown = UNSET if lines is None else list(lines)
        self._tell("setWidget", widgetKey=key, widgetLines=shown, widgetPlacement=where)

    def set_title(self, title: str) -> None:
        self._tell("setTitle", title=title)

    def set_editor_text(self, text: str) -> None:
        self._tell("set_editor_text", text=text)

    async def _ask(self, method: str, timeout: float | None, **fields: Any) -> dict[str, Any] | None:
        """The client's answer, or None when it has none."""
        if not self.available:
            return None
        id = str(uuid4())
        self._open[id] = asyncio.get_running_loop().create_future()
        limit = UNSET if timeout is None else round(timeout * 1000)
        try:
            self._tell(method, id, **fields, timeout=limit)
            answer = await self._open[id]
        finally:
            self._open.pop(id, None)
        return None if answer.get("cancelled") else answer

    def _tell(self, method: str, id: str | None = None, **fields: Any) -> None:
        given = {name: value for name, value in fields.items() if value is not UNSET}
        self._send({"type": "extension_ui_request", "id": id or str(uuid4()), "method": method, **given})


def _text(answer: dict[str, Any] | None, name: str) -> str | None:
    value = None if answer is None else answer.get(name)
    return value if isinstance(value, str) else None

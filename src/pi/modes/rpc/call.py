"""One command on its way: what it was given, and the one response that it gets."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from pi.harness.queues import SessionBusy
from pi.harness.session import Session
from pi.harness.shell import ShellBlocked
from pi.llm.registry import MissingKeyError
from pi.modes.rpc.ui import RpcUI
from pi.platform.errors import ConfigError, PiError


class NoArguments(Struct, frozen=True):
    """Of a command that takes none."""


class RpcError(PiError):
    """A command can't be done; `code` tells programs why."""

    def __init__(self, text: str, code: str = "failed"):
        super().__init__(text)
        self.code = code


class Call:
    """A command that is being handled. Events and other commands go on meanwhile."""

    def __init__(self, session: Session, ui: RpcUI, send: Callable[[Any], None], record: Mapping[str, Any]):
        self.session = session
        self.ui = ui
        self.id: Any = record.get("id", UNSET)
        self.name: Any = record.get("type", UNSET)
        self.answered = False
        self._send = send

    def answer(self, data: Any = UNSET) -> None:
        """Say that it is done, or accepted; only the first answer counts."""
        self._respond(success=True, data=data)

    def fail(self, error: str, code: str) -> None:
        """Say that it can't be done."""
        self._respond(success=False, error=error, code=code)

    def _respond(self, **outcome: Any) -> None:
        if self.answered:
            return
        self.answered = True
        fields = {"id": self.id, "type": "response", "command": self.name, **outcome}
        self._send({name: value for name, value in fields.items() if value is not UNSET})


Run = Callable[[Call, Any], Awaitable[Any]]


class Command(Struct, frozen=True):
    """A command: the struct of its arguments, and what it does; the result is the response's `data`."""

    arguments: type[Struct]
    run: Run


def arguments_of(kind: type[Struct], record: Mapping[str, Any]) -> Any:
    """A record's arguments; null counts as left out. Raises RpcError."""
    given = {name: value for name, value in record.items() if value is not None}
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise RpcError(f"Invalid arguments: {error}", "invalid_arguments") from None


def code_of(error: PiError) -> str:
    """What programs are told of an error."""
    match error:
        case RpcError(code=code):
            return code
        case SessionBusy():
            return "busy"
        case MissingKeyError():
            return "no_key"
        case ShellBlocked():
            return "blocked"
        case ConfigError():
            return "config"
        case _:
            return "failed"

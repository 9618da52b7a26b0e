"""Hooks: handlers by event name, called in order; whatever foreign code does in one, the run goes on."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from msgspec import Struct, structs

from pi.agent.limits import call, told
from pi.agent.shapes import field_hint, misfit
from pi.agent.tool import Effects, ToolError, ToolResult
from pi.llm.messages import AssistantMessage, ToolResultMessage

LIMIT_S = 30.0  # of an async handler that declares no limit of its own
SLOW_S = 1.0  # a plain function that holds up everything for longer is reported


_OPEN = (list, dict, ToolResult, AssistantMessage, ToolResultMessage)  # what holds dicts and lists


class Block(Struct, frozen=True):
    """Answer to `tool_call`, `user_bash` and gates: don't run it. The model reads the reason."""

    reason: str = "Tool execution was blocked"
    terminate: bool = False  # the run ends after this batch if every result says so


class Rewrite(Struct, frozen=True):
    """Answer to `tool_call`: run it with these arguments, which are validated again."""

    arguments: dict[str, Any]


class Handled(Struct, frozen=True):
    """Answer to `input`: it has been dealt with, nothing goes to the model."""


class ToolCallEvent(Struct, frozen=True):
    """A tool is about to run, with validated arguments; `effects` is what it says it will touch."""

    tool_call_id: str
    tool_name: str
    arguments: dict[str, Any]
    effects: Effects
    message: AssistantMessage | None = None  # the response with the call; None for calls by extensions
    parent_tool_call_id: str | None = None


class ToolResultEvent(Struct, frozen=True):
    """A tool has run."""

    tool_call_id: str
    tool_name: str
    arguments: dict[str, Any]
    result: ToolResult
    is_error: bool
    parent_tool_call_id: str | None = None


class Failure(Struct, frozen=True):
    """What a handler did wrong: `owner` is the extension's name, or empty for the program's own."""

    owner: str
    event: str
    error: str

    def __str__(self) -> str:
        return f"{_who(self.owner)} failed in {self.event}: {self.error}"


class Handler(Struct, frozen=True, eq=False):
    """A function of one event, who it belongs to, and how long it may take (s; None: as long as it likes)."""

    run: Callable[[Any], Any]
    owner: str = ""
    limit_s: float | None = LIMIT_S


class _Failed(Struct, frozen=True):
    error: str


class Hooks:
    """Handlers by event name, in the order in which they were added.

    A handler that raises, gives a wrong answer, takes too long or tries to end the program is reported and
    has no opinion. Only what guards the user fails closed: `tool_call` handlers and gates deny then.
    """

    def __init__(self, report: Callable[[Failure], None] = lambda failure: None):
        self._handlers: dict[str, list[Handler]] = {}
        self._gates: list[Handler] = []
        self._report = report

    def on(
        self, name: str, run: Callable[[Any], Any], *, owner: str = "", limit_s: float | None = LIMIT_S
    ) -> Callable[[], None]:
        """Add a handler; the result removes it again."""
        return _add(self._handlers.setdefault(name, []), Handler(run, owner, limit_s))

    def add_gate(
        self, gate: Callable[[ToolCallEvent], Any], *, owner: str = "", limit_s: float | None = LIMIT_S
    ) -> Callable[[], None]:
        """Add a gate: it judges the final arguments of every tool call; the result removes it again."""
        return _add(self._gates, Handler(gate, owner, limit_s))

    def has(self, name: str) -> bool:
        """Whether anybody listens."""
        return bool(self._handlers.get(name))

    def report(self, owner: str, event: str, error: str) -> None:
        """Make known what went wrong around a handler."""
        self._report(Failure(owner, event, error))

    def count(self) -> int:
        """How many handlers and gates there are."""
        return sum(map(len, self._handlers.values())) + len(self._gates)

    async def tell(self, name: str, event: Any) -> None:
        """Pass news on; answers are ignored."""
        for handler in tuple(self._handlers.get(name, ())):
            await self._call(handler, name, _own_event(event))

    async def answers(self, name: str, event: Any, wanted: tuple[type, ...]) -> list[Any]:
        """What each handler answers, in order; no opinion and wrong answers are left out."""
        found = [
            await self._ask(handler, name, event, wanted) for handler in tuple(self._handlers.get(name, ()))
        ]
        return [answer for answer in found if answer is not None and not isinstance(answer, _Failed)]

    async def first(self, name: str, event: Any, wanted: tuple[type, ...]) -> Any:
        """The first answer that somebody gives; None when nobody does."""
        for handler in tuple(self._handlers.get(name, ())):
            answer = await self._ask(handler, name, event, wanted)
            if answer is not None and not isinstance(answer, _Failed):
                return answer
        return None

    async def guarded(self, name: str, event: Any, wanted: tuple[type, ...]) -> Any:
        """Likewise, but a handler that fails is an objection: this asks what protects the user."""
        for handler in tuple(self._handlers.get(name, ())):
            answer = await self._ask(handler, name, event, wanted)
            if isinstance(answer, _Failed):
                return Block(f"{_who(handler.owner)} failed in {name}, so this was denied: {answer.error}")
            if answer is not None:
                return answer
        return None

    async def chain(self, name: str, event: Any, field: str, wanted: tuple[type, ...]) -> Any:
        """Let each handler in turn change `event`: by another event, or by another value of `field`.

        The last event is the result, or the `Handled` that ended the chain.
        """
        kind = cast(type[Any], type(event))
        for handler in tuple(self._handlers.get(name, ())):
            answer = await self._ask(handler, name, event, (kind, *wanted), field)
            match answer:
                case None | _Failed():
                    pass
                case Handled():
                    return answer
                case _ if isinstance(answer, kind):
                    event = answer
                case _:
                    event = structs.replace(event, **{field: answer})
        return event

    async def before_tool(self, event: ToolCallEvent) -> Block | dict[str, Any]:
        """The arguments to run with after every handler had its say, or the first objection."""
        for handler in tuple(self._handlers.get("tool_call", ())):
            match await self._ask(handler, "tool_call", event, (Block, Rewrite)):
                case Block() as block:
                    return block
                case Rewrite(arguments):
                    event = structs.replace(event, arguments=arguments)
                case _Failed(error):
                    return Block(
                        f"{_who(handler.owner)} failed in tool_call, so the call was denied: {error}"
                    )
                case _:
                    pass
        return event.arguments

    async def judge(self, event: ToolCallEvent) -> Block | None:
        """What the gates say to the final arguments: each sees the same, one objection is enough."""
        for gate in tuple(self._gates):
            match await self._ask(gate, "gate", event, (Block,)):
                case Block() as block:
                    return block
                case _Failed(error):
                    return Block(f"The gate of {_who(gate.owner)} failed, so the call was denied: {error}")
                case _:
                    pass
        return None

    async def after_tool(self, event: ToolResultEvent) -> ToolResultEvent:
        """The result after every handler had its say; a ToolError as an answer makes it an error."""
        for handler in tuple(self._handlers.get("tool_result", ())):
            match await self._ask(handler, "tool_result", event, (ToolResultEvent, ToolResult, ToolError)):
                case ToolResultEvent() as changed:
                    event = changed
                case ToolResult() as result:
                    event = structs.replace(event, result=result)
                case ToolError() as error:
                    event = structs.replace(event, result=error.result, is_error=True)
                case _:
                    pass
        return event

    async def _ask(
        self,
        handler: Handler,
        name: str,
        event: Any,
        wanted: tuple[type, ...],
        field: str = "",
    ) -> Any:
        """What a handler answers, if it can be used: another event, or another value of its `field`."""
        given = _own_event(event)
        answer = await self._call(handler, name, given)
        before = getattr(event, field) if field else None
        if answer is None and isinstance(before, list | dict) and getattr(given, field) != before:
            return self._failed(handler, name, f"it changed `{field}` in place: return the new one instead")
        if answer is None or type(answer) is _Failed:
            return answer
        if not issubclass(type(answer), wanted):  # not isinstance: that would believe what it says it is
            names = ", ".join(dict.fromkeys(kind.__name__ for kind in wanted))
            return self._failed(handler, name, f"it answered {type(answer).__name__}, not None or {names}")
        hint = None if isinstance(answer, Struct) or not field else field_hint(event, field)
        known = set(map(id, cast(list[Any], before))) if isinstance(before, list) else ()
        if problem := misfit(answer, hint, known=known):
            return self._failed(handler, name, f"its answer can't be used: {problem}")
        return answer

    async def _call(self, handler: Handler, name: str, event: Any) -> Any:
        try:
            return await call(handler.limit_s, partial(self._timed, handler, name), event)
        except Exception as error:  # foreign code: whatever it raises is its own failure
            return self._failed(handler, name, told(error))

    def _timed(self, handler: Handler, name: str, event: Any) -> Any:
        began = time.monotonic()
        answer = handler.run(event)
        seconds = time.monotonic() - began
        if seconds > SLOW_S:
            text = f"it held up everything for {seconds:.1f} s; make it `async def` and await what takes time"
            self._report(Failure(handler.owner, name, text))
        return answer

    def _failed(self, handler: Handler, name: str, error: str) -> _Failed:
        self._report(Failure(handler.owner, name, error))
        return _Failed(error)


def _add(handlers: list[Handler], handler: Handler) -> Callable[[], None]:
    handlers.append(handler)

    def remove() -> None:
        if handler in handlers:
            handlers.remove(handler)

    return remove


def _own_event(event: Any) -> Any:
    """The event with dicts and lists of its own: what a handler does to them in place is nobody else's."""
    values = {name: getattr(event, name) for name in getattr(event, "__struct_fields__", ())}
    own = {name: _own(value) for name, value in values.items() if isinstance(value, _OPEN)}
    return structs.replace(event, **own) if own else event


def _own(value: Any) -> Any:
    if isinstance(value, list):
        return list(cast(list[Any], value))  # its messages are as good as frozen
    from copy import deepcopy

    try:
        return deepcopy(value)
    except Exception:  # foreign values in it
        return value


def _who(owner: str) -> str:
    return f'Extension "{owner}"' if owner else "A handler"

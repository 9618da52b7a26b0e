"""The hook points of a run in one table: questions whose answers change it, and news for listeners."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, cast

from msgspec import Struct

from pi.agent.tool import ToolResult
from pi.llm.messages import AssistantMessage, ToolCall


class Block(Struct, frozen=True):
    """Answer to `tool_call`: don't run it; the model reads the reason."""

    reason: str = "Tool execution was blocked"


class Rewrite(Struct, frozen=True):
    """Answer to `tool_call`: run it with these arguments, which are validated again."""

    arguments: dict[str, Any]


class Handled(Struct, frozen=True):
    """Answer to `input`: it has been dealt with, nothing goes to the model."""


class ToolCallQuestion(Struct, frozen=True):
    """What a `tool_call` handler and a gate see: the call, and its arguments as they would run."""

    call: ToolCall
    arguments: dict[str, Any]
    message: AssistantMessage


class ToolResultQuestion(Struct, frozen=True):
    """What a `tool_result` handler sees; it may answer with another one."""

    call: ToolCall
    result: ToolResult
    is_error: bool


class HookPoint(Struct, frozen=True):
    """One row of the table. A handler's answer None means: no opinion."""

    name: str
    kind: Literal["question", "news"]
    payload: str
    answer: str
    when: str


HOOK_POINTS: dict[str, HookPoint] = {
    point.name: point
    for point in (
        HookPoint("input", "question", "str", "str | Handled", "before a prompt is expanded"),
        HookPoint(
            "before_agent_start", "question", "list[Message]", "list[Message]", "before a run, its prompts"
        ),
        HookPoint(
            "context", "question", "list[Message]", "list[Message]", "before each request, all it will see"
        ),
        HookPoint(
            "before_provider_request", "question", "dict", "dict", "each request's body, before it is sent"
        ),
        HookPoint(
            "after_provider_response", "news", "(int, dict)", "", "status and headers of each response"
        ),
        HookPoint(
            "provider_stream_event",
            "news",
            "(Model, Any)",
            "",
            "each event of a stream, as the provider sent it",
        ),
        HookPoint("tool_call", "question", "ToolCallQuestion", "Block | Rewrite", "before a tool runs"),
        HookPoint("tool_result", "question", "ToolResultQuestion", "ToolResultQuestion", "after a tool ran"),
        HookPoint("message_end", "question", "Message", "Message", "before a finished message is saved"),
        HookPoint("event", "news", "AgentEvent", "", "every event, after it was saved"),
    )
}

Handler = Callable[[Any], Awaitable[Any] | Any]
Gate = Callable[[ToolCallQuestion], Awaitable[Block | None] | Block | None]


class Hooks:
    """Handlers by hook point, in the order in which they were added.

    A handler that raises is reported through `report(hook, error)` and skipped; a gate that raises denies.
    """

    def __init__(self, report: Callable[[str, Exception], None] = lambda hook, error: None):
        self._handlers: dict[str, list[Handler]] = {name: [] for name in HOOK_POINTS}
        self._gates: list[Gate] = []
        self._report = report

    def on(self, name: str, handler: Handler) -> Callable[[], None]:
        """Add a handler; the result removes it again. Raises KeyError for a name that isn't in the table."""
        handlers = self._handlers[name]
        handlers.append(handler)
        return lambda: handlers.remove(handler)

    def add_gate(self, gate: Gate) -> Callable[[], None]:
        """Add a gate: it judges the final arguments of every tool call; the result removes it again."""
        self._gates.append(gate)
        return lambda: self._gates.remove(gate)

    def has(self, name: str) -> bool:
        """Whether anybody listens."""
        return bool(self._handlers[name])

    async def tell(self, name: str, payload: Any) -> None:
        """Pass news on; answers are ignored."""
        for handler in list(self._handlers[name]):
            await self._ask_one(name, handler, payload)

    async def transform(self, name: str, payload: Any) -> Any:
        """Let each handler in turn replace the payload; a `Handled` ends the chain."""
        for handler in list(self._handlers[name]):
            answer = await self._ask_one(name, handler, payload)
            if answer is not None:
                payload = answer
            if isinstance(payload, Handled):
                break
        return payload

    async def before_tool(self, question: ToolCallQuestion) -> Block | dict[str, Any]:
        """The arguments to run with after every handler had its say, or the first objection."""
        arguments = question.arguments
        for handler in list(self._handlers["tool_call"]):
            seen = ToolCallQuestion(question.call, arguments, question.message)
            match await self._ask_one("tool_call", handler, seen):
                case Block() as block:
                    return block
                case Rewrite(changed):
                    arguments = changed
                case _:
                    pass
        return arguments

    async def judge(self, question: ToolCallQuestion) -> Block | None:
        """What the gates say to the final arguments: each sees the same, one objection is enough."""
        for gate in self._gates:
            try:
                verdict = await _awaited(gate(question))
            except Exception as error:  # foreign code: a gate that fails must not let anything through
                self._report("gate", error)
                return Block(f"A permission gate failed, so the call was denied: {error}")
            if isinstance(verdict, Block):
                return verdict
        return None

    async def _ask_one(self, name: str, handler: Handler, payload: Any) -> Any:
        try:
            return await _awaited(handler(payload))
        except Exception as error:  # foreign code: a broken handler has no opinion
            self._report(name, error)
            return None


async def _awaited(value: Any) -> Any:
    return await cast(Awaitable[Any], value) if isinstance(value, Awaitable) else value

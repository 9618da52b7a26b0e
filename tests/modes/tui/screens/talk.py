"""What is said in the pictures: messages with fixed numbers and times, and the events that tell of them."""

from typing import Any

from pi.agent import events
from pi.agent.tool import ToolResult
from pi.llm.events import BlockDelta, BlockStart
from pi.llm.messages import (
    AssistantMessage,
    Cost,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    ToolResultMessage,
    Usage,
    UserMessage,
)
from tests.modes.tui.world import World

AT = 1_790_000_000_000  # ms since 1970
USAGE = Usage(
    input=1_840,
    output=612,
    cache_read=21_300,
    cache_write=2_150,
    total_tokens=25_902,
    cost=Cost(total=0.0423),
)


def user(text: str) -> UserMessage:
    """Something the user said."""
    return UserMessage(text, AT)


def answer(
    text: str = "",
    *calls: ToolCall,
    thinking: str = "",
    stop: StopReason | None = None,
    error: str | None = None,
) -> AssistantMessage:
    """Something the model said."""
    content = (*([Thinking(thinking)] if thinking else []), *([Text(text)] if text else []), *calls)
    return AssistantMessage(
        content,
        "faux",
        "faux",
        "scripted",
        USAGE,
        stop or ("toolUse" if calls else "stop"),
        AT,
        error_message=error,
    )


def result(id: str, tool: str, text: str, *, failed: bool = False, **details: Any) -> ToolResultMessage:
    """What a tool gave back."""
    return ToolResultMessage(id, tool, (Text(text),), failed, AT, details=details or None)


def begin(world: World, *messages: Any, name: str | None = None) -> None:
    """The session has these messages."""
    for message in messages:
        world.session.store.append_message(message)
    if name is not None:
        world.session.store.append_session_info(name)
    world.interface.rebuild()


def tell(world: World, *told: Any) -> None:
    """These events happen."""
    for event in told:
        world.wired.fold.apply(event)


def writes(kind: str, text: str) -> Any:
    """The model writes a piece of its answer."""
    piece = BlockDelta(type=kind, content_index=0, delta=text)  # type: ignore[arg-type]
    return events.MessageUpdate(Usage(), piece)


def calls(id: str, tool: str, arguments: str) -> list[Any]:
    """The model begins to write a call of a tool."""
    start = BlockStart(type="toolcall_start", content_index=1, id=id, tool_name=tool)
    delta = BlockDelta(type="toolcall_delta", content_index=1, delta=arguments)
    return [events.MessageUpdate(Usage(), start), events.MessageUpdate(Usage(), delta)]


def starts() -> Any:
    """The model begins to answer."""
    return events.MessageStart(
        AssistantMessage((), "faux", "faux", "scripted", Usage(), "pending", AT)  # type: ignore[arg-type]
    )


def runs(id: str, tool: str, **args: Any) -> Any:
    """A tool begins to run."""
    return events.ToolExecutionStart(id, tool, args)


def prints(id: str, tool: str, text: str) -> Any:
    """A running tool has something to show."""
    return events.ToolExecutionUpdate(id, tool, {}, ToolResult((Text(text),)))


def ended(id: str, tool: str, text: str, *, failed: bool = False, ms: int = 0, **details: Any) -> Any:
    """A tool is done."""
    return events.ToolExecutionEnd(id, tool, ToolResult((Text(text),), details or None), failed, ms)

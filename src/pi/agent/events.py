"""What a run says while it goes: the events of JSON mode and RPC, in the order the loop emits them."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from pi.agent.tool import ToolResult
from pi.llm.events import BlockEvent
from pi.llm.messages import AssistantMessage, ToolResultMessage, Usage


class _Event(Struct, frozen=True, tag_field="type", rename="camel"):
    pass


class AgentStart(_Event, frozen=True, tag="agent_start"):
    """A run begins."""


class TurnStart(_Event, frozen=True, tag="turn_start"):
    """A turn begins: one response of the model and the tools that it calls."""


class MessageStart(_Event, frozen=True, tag="message_start"):
    """A message appears; an assistant message is still empty and has the stop reason "pending"."""

    message: Any


class MessageUpdate(_Event, frozen=True, tag="message_update"):
    """The assistant's message grows; `usage` is what the provider has reported so far."""

    usage: Usage
    assistant_message_event: BlockEvent


class MessageEnd(_Event, frozen=True, tag="message_end"):
    """A message is complete, as it is saved."""

    message: Any


class ToolExecutionStart(_Event, frozen=True, tag="tool_execution_start"):
    """A tool call begins; `args` are as the model wrote them."""

    tool_call_id: str
    tool_name: str
    args: dict[str, Any]


class ToolExecutionUpdate(_Event, frozen=True, tag="tool_execution_update"):
    """A running tool shows what it has so far."""

    tool_call_id: str
    tool_name: str
    args: dict[str, Any]
    partial_result: ToolResult


class ToolExecutionEnd(_Event, frozen=True, tag="tool_execution_end"):
    """A tool call is over; `duration_ms` is monotonic, and absent when the tool didn't run."""

    tool_call_id: str
    tool_name: str
    result: ToolResult
    is_error: bool
    duration_ms: int | UnsetType = UNSET


class TurnEnd(_Event, frozen=True, tag="turn_end"):
    """A turn is over: the response and the results of its tool calls, in the order of the calls."""

    message: AssistantMessage
    tool_results: tuple[ToolResultMessage, ...]


class AgentEnd(_Event, frozen=True, tag="agent_end"):
    """A run is over: all messages that it added. `will_retry` says that the session will run it again."""

    messages: tuple[Any, ...]
    will_retry: bool = False


AgentEvent = (
    AgentStart
    | TurnStart
    | MessageStart
    | MessageUpdate
    | MessageEnd
    | ToolExecutionStart
    | ToolExecutionUpdate
    | ToolExecutionEnd
    | TurnEnd
    | AgentEnd
)

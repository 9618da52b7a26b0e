"""What a model's stream says, piece by piece: one start, blocks that open, grow and close, one end."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from pi.llm.messages import AssistantMessage, ToolCall


class StreamStart(Struct, frozen=True, tag="start", tag_field="type"):
    """The provider has begun to answer."""

    @property
    def type(self) -> Literal["start"]:
        """As the other events have it."""
        return "start"


class BlockStart(Struct, frozen=True, rename="camel"):
    """A block opens; a tool call already carries its id and name."""

    type: Literal["text_start", "thinking_start", "toolcall_start"]
    content_index: int
    id: str | UnsetType = UNSET
    tool_name: str | UnsetType = UNSET


class BlockDelta(Struct, frozen=True, rename="camel"):
    """A block grows; for a tool call `delta` is a piece of its JSON arguments."""

    type: Literal["text_delta", "thinking_delta", "toolcall_delta"]
    content_index: int
    delta: str


class BlockEnd(Struct, frozen=True, rename="camel"):
    """A block is complete: `content` of a text or thinking block, or the finished `tool_call`."""

    type: Literal["text_end", "thinking_end", "toolcall_end"]
    content_index: int
    content: str | UnsetType = UNSET
    tool_call: ToolCall | UnsetType = UNSET


class StreamEnd(Struct, frozen=True):
    """The last event of every stream: the whole message, also when it failed or was aborted."""

    message: AssistantMessage

    @property
    def type(self) -> Literal["end"]:
        """As the other events have it."""
        return "end"


BlockEvent = BlockStart | BlockDelta | BlockEnd
StreamEvent = StreamStart | BlockStart | BlockDelta | BlockEnd | StreamEnd

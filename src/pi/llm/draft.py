"""The message that a stream is building: protocols feed it, events come out, at the end it is frozen."""

from typing import Any, Literal

from msgspec import UNSET

from pi.llm.events import BlockDelta, BlockEnd, BlockEvent, BlockStart
from pi.llm.messages import AssistantMessage, StopReason, Text, Thinking, ToolCall, Usage
from pi.llm.models import Model
from pi.llm.partial_json import parse_partial_json
from pi.platform.clock import now_ms

Kind = Literal["text", "thinking", "toolcall"]


class DraftBlock:
    """One block while it grows: `pieces` is its text or, for a tool call, its JSON arguments."""

    __slots__ = ("id", "index", "kind", "name", "namespace", "open", "pieces", "redacted", "signature")

    def __init__(self, kind: Kind, index: int, *, id: str = "", name: str = ""):
        self.kind: Kind = kind
        self.index = index
        self.id = id
        self.name = name
        self.pieces: list[str] = []
        self.signature: str | None = None
        self.redacted: bool | None = None
        self.namespace: str | None = None
        self.open = True

    @property
    def value(self) -> str:
        return "".join(self.pieces)

    def freeze(self) -> Text | Thinking | ToolCall:
        match self.kind:
            case "text":
                return Text(self.value, self.signature)
            case "thinking":
                return Thinking(self.value, self.signature, self.redacted)
            case "toolcall":
                arguments = parse_partial_json(self.value)
                return ToolCall(self.id, self.name, arguments, self.signature, self.namespace)


class Draft:
    """An assistant message under construction; `freeze` gives the value at any moment."""

    def __init__(self, model: Model):
        self.model = model
        self.timestamp = now_ms()
        self.blocks: list[DraftBlock] = []
        self.usage = Usage()
        self.stop_reason: StopReason = "stop"
        self.raw_stop_reason: str | None = None
        self.response_id: str | None = None
        self.response_model: str | None = None
        self.provider_thinking_level: str | None = (
            None  # the effort that was asked for, where history tells it
        )
        self.diagnostics: list[dict[str, Any]] = []  # what went otherwise than asked, for people who look why
        self.error_message: str | None = None  # a failure that the provider reported as a stop reason

    def open(self, kind: Kind, *, id: str = "", name: str = "") -> tuple[DraftBlock, BlockEvent]:
        """Begin a block; the event says so."""
        block = DraftBlock(kind, len(self.blocks), id=id, name=name)
        self.blocks.append(block)
        if kind == "toolcall":
            return block, BlockStart("toolcall_start", block.index, id, name)
        return block, BlockStart("text_start" if kind == "text" else "thinking_start", block.index)

    def grow(self, block: DraftBlock, delta: str) -> BlockEvent:
        """Append to a block; the event carries the piece."""
        block.pieces.append(delta)
        return BlockDelta(_DELTA[block.kind], block.index, delta)

    def close(self, block: DraftBlock) -> BlockEvent:
        """End a block; the event carries it whole."""
        block.open = False
        if block.kind == "toolcall":
            frozen = block.freeze()
            assert isinstance(frozen, ToolCall)
            return BlockEnd("toolcall_end", block.index, UNSET, frozen)
        return BlockEnd("text_end" if block.kind == "text" else "thinking_end", block.index, block.value)

    def note(self, kind: str, details: dict[str, Any], error: str | None = None) -> None:
        """Keep in the message what went otherwise than asked; with the `error` for which it did."""
        told = {"type": kind, "timestamp": now_ms()} | ({"error": {"message": error}} if error else {})
        self.diagnostics.append(told | {"details": details})

    def close_all(self) -> list[BlockEvent]:
        """End every block that is still open, in their order."""
        return [self.close(block) for block in self.blocks if block.open]

    def freeze(self, stop_reason: StopReason, error_message: str | None = None) -> AssistantMessage:
        """The message as it stands."""
        return AssistantMessage(
            content=tuple(block.freeze() for block in self.blocks),
            api=self.model.api,
            provider=self.model.provider,
            model=self.model.id,
            usage=self.usage,
            stop_reason=stop_reason,
            timestamp=self.timestamp,
            response_model=self.response_model,
            response_id=self.response_id,
            provider_thinking_level=self.provider_thinking_level,
            diagnostics=self.diagnostics or None,
            error_message=error_message,
            raw_stop_reason=self.raw_stop_reason,
        )


_DELTA: dict[Kind, Literal["text_delta", "thinking_delta", "toolcall_delta"]] = {
    "text": "text_delta",
    "thinking": "thinking_delta",
    "toolcall": "toolcall_delta",
}

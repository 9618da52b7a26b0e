"""What a conversation is made of: blocks, messages, usage and stop reasons, as sessions carry them."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

StopReason = Literal["pending", "stop", "length", "toolUse", "error", "aborted", "deferred"]
ThinkingLevel = Literal["off", "minimal", "low", "medium", "high", "xhigh", "max"]
CacheRetention = Literal["none", "short", "long"]


class _Block(Struct, frozen=True, tag_field="type", rename="camel", omit_defaults=True):
    pass


class Text(_Block, frozen=True, tag="text"):
    """Plain text; `text_signature` is opaque and goes back unchanged to the model that wrote it."""

    text: str
    text_signature: str | None = None


class Thinking(_Block, frozen=True, tag="thinking"):
    """Reasoning of the model; `redacted` means that only the encrypted signature is there."""

    thinking: str
    thinking_signature: str | None = None
    redacted: bool | None = None


class Image(_Block, frozen=True, tag="image"):
    """An image: base64 `data` and its media type."""

    data: str
    mime_type: str


class ToolCall(_Block, frozen=True, tag="toolCall"):
    """The model asks for a tool; `arguments` is what it wrote, before any coercion."""

    id: str
    name: str
    arguments: dict[str, Any]
    thought_signature: str | None = None
    namespace: str | None = None


class Cost(Struct, frozen=True, rename="camel"):
    """USD."""

    input: float = 0
    output: float = 0
    cache_read: float = 0
    cache_write: float = 0
    total: float = 0


class Usage(Struct, frozen=True, rename="camel"):
    """Tokens of one request; `reasoning` is part of `output`, `cache_write_1h` of `cache_write`."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    total_tokens: int = 0
    cost: Cost = Cost()
    reasoning: int | UnsetType = UNSET
    cache_write_1h: int | UnsetType = field(default=UNSET, name="cacheWrite1h")


class ToolDeclaration(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A tool as the model sees it: `parameters` is a JSON Schema."""

    name: str
    description: str
    parameters: dict[str, Any]
    constrained_sampling: dict[str, Any] | None = None  # how strictly the schema is enforced


class ToolReference(Struct, frozen=True):
    """A tool by its name."""

    name: str


class _Message(Struct, frozen=True, tag_field="role", rename="camel", omit_defaults=True):
    pass


class SystemMessage(_Message, frozen=True, tag="system"):
    """Instructions; `sections` patches the named parts of the prompt (`None` removes one)."""

    content: str | tuple[Text, ...]
    timestamp: int
    sections: dict[str, str | None] | None = None
    tools_added: tuple[ToolDeclaration, ...] | None = None
    tools_removed: tuple[ToolReference, ...] | None = None


class UserMessage(_Message, frozen=True, tag="user"):
    """What the user said; `timestamp` in ms since 1970."""

    content: str | tuple[Text | Image, ...]
    timestamp: int


class AssistantMessage(_Message, frozen=True, tag="assistant"):
    """One response of a model, or what came of it before it failed (`stop_reason` "error", "aborted")."""

    content: tuple[Text | Thinking | ToolCall, ...]
    api: str
    provider: str
    model: str
    usage: Usage
    stop_reason: StopReason
    timestamp: int
    response_model: str | None = None
    response_id: str | None = None
    thinking_level: str | None = None
    provider_thinking_level: str | None = None
    diagnostics: list[Any] | None = None
    error_message: str | None = None
    raw_stop_reason: str | None = None
    end_turn: bool | None = None
    deferred: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """All text blocks, joined."""
        return "".join(block.text for block in self.content if isinstance(block, Text))

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The tool calls in the order in which the model wrote them."""
        return [block for block in self.content if isinstance(block, ToolCall)]


class ToolResultMessage(_Message, frozen=True, tag="toolResult"):
    """What a tool answered; `details` is for people and programs, the model never sees it."""

    tool_call_id: str
    tool_name: str
    content: tuple[Text | Image, ...]
    is_error: bool
    timestamp: int
    details: Any = UNSET
    usage: Usage | None = None


Message = SystemMessage | UserMessage | AssistantMessage | ToolResultMessage
Content = Text | Thinking | Image | ToolCall


class Context(Struct, frozen=True):
    """All that a model sees in one request; `messages` holds no leading system message: `system` is that."""

    messages: tuple[Message, ...]
    system: str = ""
    tools: tuple[ToolDeclaration, ...] = ()


def content_text(content: str | tuple[Content, ...]) -> str:
    """The text of a message's content, its text blocks joined by newlines."""
    if isinstance(content, str):
        return content
    return "\n".join(block.text for block in content if isinstance(block, Text))

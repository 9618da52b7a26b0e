"""A conversation as Anthropic Messages wants it: messages made of blocks."""

from collections.abc import Iterable
from typing import Any

from pi.llm.formats.anthropic_compat import Compat
from pi.llm.messages import (
    AssistantMessage,
    Image,
    Message,
    SystemMessage,
    Text,
    Thinking,
    ToolCall,
    ToolResultMessage,
    UserMessage,
)
from pi.llm.models import Model
from pi.llm.transcript import update_text

Block = dict[str, Any]

_EFFORTS = frozenset(("low", "medium", "high", "xhigh", "max"))


def to_blocks(
    model: Model,
    messages: Iterable[Message],
    compat: Compat,
    cache: Block,
    *,
    tool_changes: bool = False,
    effort: str | None = None,
) -> list[Block]:
    """The messages of a request, for a context that `transcript.prepare` has made fit for the model.

    What is up to the last block is cached, if the user said that or it is an instruction. `tool_changes` are
    told where they come up; with an `effort` the messages tell of it, and of the one that each answer was
    written with.
    """
    writer = _Writer(model, compat, tool_changes, effort)
    for message in messages:
        writer.add(message)
    writer.end_turn()
    mark_last(writer.sent, cache)
    writer.tell_effort(effort)
    return writer.sent


def mark_last(messages: list[Block], cache: Block) -> None:
    """Put the cache marker on the last block, unless the model itself said it."""
    if not cache or not messages or messages[-1]["role"] == "assistant":
        return
    last = messages[-1]
    if isinstance(last["content"], str):
        last["content"] = [{"type": "text", "text": last["content"]}]
    last["content"][-1] |= cache


def answer_blocks(message: AssistantMessage, compat: Compat) -> list[Block]:
    """What the model said, as it goes back to it."""
    converted: list[Block] = []
    for block in message.content:
        match block:
            case Text():
                if block.text.strip():
                    converted.append({"type": "text", "text": block.text})
            case Thinking():
                converted += _thought(block, compat)
            case ToolCall():
                converted.append(
                    {"type": "tool_use", "id": block.id, "name": block.name, "input": block.arguments}
                )
    return converted


class _Writer:
    """Writes message after message; neighbouring tool results share one user message."""

    def __init__(self, model: Model, compat: Compat, tool_changes: bool, effort: str | None):
        self.sent: list[Block] = []
        self._model = model
        self._compat = compat
        self._tool_changes = tool_changes
        self._tells_effort = effort is not None
        self._results: list[Block] | None = None
        self._updates: list[Block] = []  # a call's results must follow it at once: these come after them

    def add(self, message: Message) -> None:
        if isinstance(message, ToolResultMessage):
            self._add_result(message)
            return
        match message:
            case UserMessage():
                self._write("user", _user_content(message.content))
            case AssistantMessage():
                self._add_answer(message)
            case SystemMessage():
                if blocks := self._update(message):
                    self._updates.append({"role": "system", "content": blocks})
        self._results = None

    def end_turn(self) -> None:
        """What was said to the model since its last answer is complete."""
        self.sent += self._updates
        self._updates = []

    def tell_effort(self, effort: str | None) -> None:
        if effort is not None and self._tells_effort:
            self.sent.append({"role": "system", "content": [], "output_config": {"effort": effort}})

    def _write(self, role: str, content: str | list[Block]) -> None:
        if content:
            self.sent.append({"role": role, "content": content})

    def _add_answer(self, message: AssistantMessage) -> None:
        if blocks := answer_blocks(message, self._compat):
            self.end_turn()
            effort = message.provider_thinking_level
            at_home = (message.api, message.provider) == (self._model.api, self._model.provider)
            self.tell_effort(effort if at_home and effort in _EFFORTS else None)
            self._write("assistant", blocks)

    def _add_result(self, message: ToolResultMessage) -> None:
        if self._results is None:
            self._results = []
            self.sent.append({"role": "user", "content": self._results})
        self._results.append(_result(message))

    def _update(self, message: SystemMessage) -> list[Block]:
        text = update_text(message)
        blocks: list[Block] = [{"type": "text", "text": text}] if text else []
        if self._tool_changes:
            blocks += [_change("tool_removal", tool.name) for tool in message.tools_removed or ()]
            blocks += [_change("tool_addition", tool.name) for tool in message.tools_added or ()]
        return blocks


def _change(kind: str, name: str) -> Block:
    return {"type": kind, "tool": {"type": "tool_reference", "name": name}}


def _user_content(content: str | tuple[Text | Image, ...]) -> str | list[Block]:
    if isinstance(content, str):
        return content if content.strip() else ""
    return [_piece(block) for block in content if not _is_blank(block)]


def _is_blank(block: Text | Image) -> bool:
    return isinstance(block, Text) and not block.text.strip()


def _piece(block: Text | Image) -> Block:
    if isinstance(block, Text):
        return {"type": "text", "text": block.text}
    return {
        "type": "image",
        "source": {"type": "base64", "media_type": block.mime_type, "data": block.data},
    }


def _thought(block: Thinking, compat: Compat) -> list[Block]:
    """Signed thinking goes back as it came; unsigned as text, unless the endpoint takes it unsigned."""
    signature = block.thinking_signature or ""
    if block.redacted:
        return [{"type": "redacted_thinking", "data": signature}]
    if signature.strip():
        return [{"type": "thinking", "thinking": block.thinking, "signature": signature}]
    if not block.thinking.strip():
        return []
    if compat.allow_empty_signature:
        return [{"type": "thinking", "thinking": block.thinking, "signature": ""}]
    return [{"type": "text", "text": block.thinking}]


def _result(message: ToolResultMessage) -> Block:
    content: str | list[Block]
    if any(isinstance(block, Image) for block in message.content):
        content = [_piece(block) for block in message.content if not _is_blank(block)]
        if not any(block["type"] == "text" for block in content):
            content.insert(0, {"type": "text", "text": "(see attached image)"})
    else:
        content = "\n".join(block.text for block in message.content if isinstance(block, Text))
    return {
        "type": "tool_result",
        "tool_use_id": message.tool_call_id,
        "content": content,
        "is_error": message.is_error,
    }

"""A conversation as one text, so that a model summarises it instead of going on with it."""

from collections.abc import Iterable

from pi.harness.context import to_llm
from pi.harness.storage.entries import AgentMessage, dump_json
from pi.llm.messages import (
    AssistantMessage,
    Image,
    Message,
    Text,
    ToolCall,
    ToolResultMessage,
    UserMessage,
    content_text,
)
from pi.llm.unicode import utf16_len

RESULT_CHARS = 2_000  # of each tool result, in UTF-16 units: results are most of every long conversation


def serialize(messages: Iterable[AgentMessage]) -> str:
    """The messages in order, each under who said it; thinking and images are left out."""
    return "\n\n".join(part for message in to_llm(messages) for part in _parts(message))


def _parts(message: Message) -> list[str]:
    match message:
        case UserMessage(content=content):
            text = _joined(content)
            return [f"[User]: {text}"] if text else []
        case ToolResultMessage(content=content):
            text = _joined(content)
            return [f"[Tool result]: {_shortened(text)}"] if text else []
        case AssistantMessage(content=content):
            parts: list[str] = []
            if any(isinstance(block, Text) for block in content):
                parts.append(f"[Assistant]: {content_text(content)}")
            if calls := message.tool_calls:
                parts.append(f"[Assistant tool calls]: {'; '.join(map(_call, calls))}")
            return parts
        case _:
            return []


def _joined(content: str | tuple[Text | Image, ...]) -> str:
    if isinstance(content, str):
        return content
    return "".join(block.text for block in content if isinstance(block, Text))


def _call(call: ToolCall) -> str:
    arguments = ", ".join(f"{name}={dump_json(value).decode()}" for name, value in call.arguments.items())
    return f"{call.name}({arguments})"


def _shortened(text: str) -> str:
    length = utf16_len(text)
    if length <= RESULT_CHARS:
        return text
    head = text.encode("utf-16-le", "surrogatepass")[: 2 * RESULT_CHARS].decode("utf-16-le", "ignore")
    return f"{head}\n\n[... {length - RESULT_CHARS} more characters truncated]"

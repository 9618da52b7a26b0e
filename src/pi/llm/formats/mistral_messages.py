"""A conversation as Mistral wants it: messages of content chunks, and tools."""

from typing import Any

import msgspec

from pi.llm.formats.strict_schema import held_schema
from pi.llm.messages import (
    AssistantMessage,
    Context,
    Image,
    Message,
    SystemMessage,
    Text,
    Thinking,
    ToolCall,
    ToolDeclaration,
    ToolResultMessage,
    UserMessage,
    content_text,
)
from pi.llm.transcript import current_tools, update_text

Sent = dict[str, Any]


def to_messages(context: Context) -> list[Sent]:
    """The messages of a request, for a context that `transcript.prepare` has made fit for the model."""
    sent: list[Sent] = [{"role": "system", "content": context.system}] if context.system else []
    return sent + [each for message in context.messages if (each := _message(message))]


def to_tools(context: Context) -> list[Sent]:
    """The tools of a request; raises ConfigError when one can't be held to its schema but must be."""
    return [_tool(tool) for tool in current_tools(context)]


def _message(message: Message) -> Sent | None:
    """None for a message that says nothing."""
    match message:
        case UserMessage(content=content):
            if not isinstance(content, str):
                content = [_chunk(block) for block in content]
            return None if content == [] else {"role": "user", "content": content}
        case AssistantMessage():
            return _answer(message)
        case ToolResultMessage():
            return {
                "role": "tool",
                "tool_call_id": message.tool_call_id,
                "name": message.tool_name,
                "content": _result(message),
            }
        case SystemMessage():
            text = update_text(message)
            return {"role": "system", "content": text} if text else None


def _chunk(block: Text | Image) -> Sent:
    if isinstance(block, Text):
        return {"type": "text", "text": block.text}
    return {"type": "image_url", "image_url": f"data:{block.mime_type};base64,{block.data}"}


def _answer(message: AssistantMessage) -> Sent | None:
    content: list[Sent] = []
    calls: list[Sent] = []
    for block in message.content:
        match block:
            case Text(text=text) if text.strip():
                content.append({"type": "text", "text": text})
            case Thinking(thinking=text) if text.strip():
                content.append({"type": "thinking", "thinking": [{"type": "text", "text": text}]})
            case ToolCall(id=id, name=name):
                arguments = msgspec.json.encode(block.arguments).decode()
                function = {"name": name, "arguments": arguments}
                calls.append({"id": id, "type": "function", "function": function, "index": 0})
            case _:
                pass
    if not content and not calls:
        return None
    fields = {"content": content, "tool_calls": calls}
    return {"role": "assistant", "prefix": False} | {name: value for name, value in fields.items() if value}


def _result(message: ToolResultMessage) -> list[Sent]:
    """The text, in which alone Mistral can be told of an error, and the images."""
    images = [block for block in message.content if isinstance(block, Image)]
    text = content_text(message.content).strip()
    text = text or ("(see attached image)" if images else "(no tool output)")
    return [_chunk(Text(f"[tool error] {text}" if message.is_error else text)), *map(_chunk, images)]


def _tool(tool: ToolDeclaration) -> Sent:
    strict = held_schema(tool, able=True)
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters if strict is None else strict,
            "strict": strict is not None,
        },
    }

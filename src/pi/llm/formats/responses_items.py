"""A conversation as the Responses protocol wants it: input items and tools."""

import json
from typing import Any

import msgspec

from pi.llm.call_ids import short_hash
from pi.llm.formats.responses_compat import ResponsesCompat
from pi.llm.formats.strict_schema import strict_schema
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
from pi.llm.models import Model
from pi.llm.unicode import well_formed_json
from pi.platform.errors import ConfigError

Item = dict[str, Any]
ID_LENGTH = 64  # characters of an item's id


def to_input(model: Model, context: Context, compat: ResponsesCompat) -> list[Item]:
    """The items of a request, for a context that `transcript.prepare` has made fit for the model."""
    role = "developer" if model.reasoning and compat.supports_developer_role else "system"
    sent: list[Item] = [{"role": role, "content": context.system}] if context.system else []
    index = 0
    for message in context.messages:
        if items := _items(message, index, model):
            sent += items
            index += 1
    return sent


def to_tools(tools: tuple[ToolDeclaration, ...], compat: ResponsesCompat) -> list[Item]:
    """The tools of a request; raises ConfigError when one can't be held to its schema but must be."""
    return [_tool(tool, compat) for tool in tools]


def text_signature(id: str, phase: str | None) -> str:
    """What a text block keeps of its item; `_text_item` reads it."""
    return msgspec.json.encode({"v": 1, "id": id} | ({"phase": phase} if phase else {})).decode()


def _items(message: Message, index: int, model: Model) -> list[Item]:
    """What one message becomes; `index` counts the messages that became something."""
    match message:
        case UserMessage(content=content):
            blocks = (Text(content),) if isinstance(content, str) else content
            return [{"role": "user", "content": [_part(block) for block in blocks]}] if blocks else []
        case AssistantMessage():
            return _answer(message, index, model)
        case ToolResultMessage(tool_call_id=id, content=content):
            call_id = id.partition("|")[0]
            return [{"type": "function_call_output", "call_id": call_id, "output": _output(content, model)}]
        case SystemMessage():
            return []  # in the prompt


def _part(block: Text | Image) -> Item:
    if isinstance(block, Text):
        return {"type": "input_text", "text": block.text}
    url = f"data:{block.mime_type};base64,{block.data}"
    return {"type": "input_image", "detail": "auto", "image_url": url}


def _output(content: tuple[Text | Image, ...], model: Model) -> str | list[Item]:
    text = content_text(content)
    images = [block for block in content if isinstance(block, Image)]
    if images and "image" in model.input:
        return [*([_part(Text(text))] if text else []), *map(_part, images)]
    return text or ("(see attached image)" if images else "(no tool output)")


def _answer(message: AssistantMessage, index: int, model: Model) -> list[Item]:
    items: list[Item] = []
    texts = 0
    for block in message.content:
        match block:
            case Thinking():
                items += _reasoning(block)
            case Text():
                items.append(_text_item(block, f"msg_pi_{index}_{texts}" if texts else f"msg_pi_{index}"))
                texts += 1
            case ToolCall():
                items.append(_call(block, message, model))
    return items


def _reasoning(block: Thinking) -> list[Item]:
    """The item as it came: its encrypted part is what the model goes on from."""
    item = _json(block.thinking_signature)
    return [item] if isinstance(item, dict) else []


def _text_item(block: Text, fallback_id: str) -> Item:
    item: Item = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": block.text, "annotations": []}],
        "status": "completed",
    }
    match _json(block.text_signature):
        case {"v": 1, "id": str(id), **more}:
            if more.get("phase") in ("commentary", "final_answer"):
                item["phase"] = more["phase"]
        case _:
            id = block.text_signature or ""  # sessions of early versions keep the bare id
    item["id"] = (id if len(id) <= ID_LENGTH else f"msg_{short_hash(id)}") or fallback_id
    return item


def _call(call: ToolCall, message: AssistantMessage, model: Model) -> Item:
    call_id, item_id, *_ = [*call.id.split("|"), ""]
    arguments = msgspec.json.encode(call.arguments).decode()
    item: Item = {"type": "function_call", "call_id": call_id, "name": call.name, "arguments": arguments}
    at_home = (message.provider, message.api) == (model.provider, model.api)
    own = at_home and message.model == model.id
    # OpenAI remembers which call followed which reasoning; another model's reasoning isn't replayed, so its
    # calls come without the ids that would be looked up.
    if item_id.startswith("fc_") and (own or not at_home):
        item["id"] = item_id
    if own and call.namespace is not None:
        item["namespace"] = call.namespace
    return item


def _json(text: str | None) -> Any:
    """The value, None for what isn't JSON."""
    if not text or not text.startswith("{"):
        return None
    try:
        return well_formed_json(json.loads(text))
    except ValueError:
        return None


def _tool(tool: ToolDeclaration, compat: ResponsesCompat) -> Item:
    strict = _strict(tool, compat)
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters if strict is None else strict,
        **({"strict": strict is not None} if compat.supports_strict_mode else {}),
    }


def _strict(tool: ToolDeclaration, compat: ResponsesCompat) -> dict[str, Any] | None:
    """The schema to which the model is held, None when it is only told."""
    match tool.constrained_sampling:
        case {"type": "json_schema", **wish}:
            schema = strict_schema(tool.parameters) if compat.supports_strict_mode else None
        case _:
            return None
    if schema is None and wish.get("strict") == "require":
        reason = (
            "its schema has no strict form" if compat.supports_strict_mode else "strict tools are unsupported"
        )
        raise ConfigError(f'Tool "{tool.name}" requires JSON-schema constrained sampling, but {reason}.')
    return schema

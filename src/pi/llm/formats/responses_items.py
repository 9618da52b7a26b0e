"""A conversation as the Responses protocol wants it: input items and tools."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from pi.llm.call_ids import short_hash
from pi.llm.formats.grammar import Inputs, grammar_of, inputs_of, raw_input
from pi.llm.formats.responses_compat import ResponsesCompat
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
from pi.llm.models import Model
from pi.llm.transcript import current_tools, declared_tools, only_adds_tools, update_text
from pi.llm.unicode import well_formed_json

Item = dict[str, Any]
ID_LENGTH = 64  # characters of an item's id


def to_input(
    model: Model, context: Context, compat: ResponsesCompat, effort: str | None = None
) -> list[Item]:
    """The items of a request, for a context that `transcript.prepare` has made fit for the model.

    With an `effort` the input tells of it, and of the one that each answer was written with.
    """
    writer = _Writer(model, context, compat, effort)
    writer.instruct(context.system)
    for message in context.messages:
        writer.add(message)
    writer.tell_effort(effort)
    return writer.sent


def to_tools(
    tools: Iterable[ToolDeclaration], compat: ResponsesCompat, *, deferred: bool = False
) -> list[Item]:
    """The tools of a request; raises ConfigError when one can't be held to its schema but must be."""
    found = {"defer_loading": True} if deferred else {}
    return [_tool(tool, compat) | found for tool in tools]


def request_tools(context: Context, compat: ResponsesCompat) -> tuple[ToolDeclaration, ...]:
    """The tools that stand at the head of a request: later ones stay where they came up, if possible."""
    return context.tools if _anchors_tools(context, compat) else current_tools(context)


def raw_inputs(context: Context, compat: ResponsesCompat) -> Inputs:
    """The tools whose calls carry raw text, and the argument that it becomes."""
    able = compat.supports_openai_grammar_tools
    return inputs_of(declared_tools(context), able=able) if able else {}


def text_signature(id: str, phase: str | None) -> str:
    """What a text block keeps of its item; `_text_item` reads it."""
    return msgspec.json.encode({"v": 1, "id": id} | ({"phase": phase} if phase else {})).decode()


def _anchors_tools(context: Context, compat: ResponsesCompat) -> bool:
    return (compat.supports_additional_tools or compat.supports_tool_search) and only_adds_tools(context)


class _Writer:
    """Writes message after message; answers without an id of their own are numbered."""

    def __init__(self, model: Model, context: Context, compat: ResponsesCompat, effort: str | None):
        self.sent: list[Item] = []
        self._model = model
        self._compat = compat
        self._inputs = raw_inputs(context, compat)
        self._anchors_tools = _anchors_tools(context, compat)
        self._tells_effort = effort is not None
        self._count = 0  # of messages that became something

    def instruct(self, text: str) -> None:
        developer = self._model.reasoning and self._compat.supports_developer_role
        if text:
            self.sent.append({"role": "developer" if developer else "system", "content": text})

    def tell_effort(self, effort: str | None) -> None:
        if effort is not None and self._tells_effort:
            self.sent.append({"type": "configuration_update", "reasoning": {"effort": effort}})

    def add(self, message: Message) -> None:
        before = len(self.sent)
        match message:
            case UserMessage(content=content):
                blocks = (Text(content),) if isinstance(content, str) else content
                if blocks:
                    self.sent.append({"role": "user", "content": [_part(block) for block in blocks]})
            case AssistantMessage():
                self._add_answer(message)
            case ToolResultMessage():
                self._add_result(message)
            case SystemMessage():
                self._add_tools(message.tools_added or ())
                self.instruct(update_text(message))
        self._count += len(self.sent) > before

    def _add_answer(self, message: AssistantMessage) -> None:
        if items := _answer(message, self._count, self._model, self._inputs):
            if _is_own(message, self._model):
                self.tell_effort(message.provider_thinking_level)
            self.sent += items

    def _add_result(self, message: ToolResultMessage) -> None:
        call_id = message.tool_call_id.partition("|")[0]
        kind = "custom_tool_call_output" if message.tool_name in self._inputs else "function_call_output"
        output = _output(message.content, self._model)
        self.sent.append({"type": kind, "call_id": call_id, "output": output})

    def _add_tools(self, tools: tuple[ToolDeclaration, ...]) -> None:
        """Tools that came up here, and not at the head of the request: what is before them stays cached."""
        if not (tools and self._anchors_tools):
            return
        if self._compat.supports_additional_tools:
            added = to_tools(tools, self._compat)
            self.sent.append({"type": "additional_tools", "role": "developer", "tools": added})
            return
        # as if the model had looked for them
        names = [tool.name for tool in tools]
        id = f"pi_tool_load_{short_hash(f'system:{self._count}:' + ','.join(names))}"
        search = {"call_id": id, "execution": "client", "status": "completed"}
        query = {"query": " ".join(names), "limit": len(names)}
        found = to_tools(tools, self._compat, deferred=True)
        self.sent.append({"type": "tool_search_call", **search, "arguments": query})
        self.sent.append({"type": "tool_search_output", **search, "tools": found})


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


def _is_own(message: AssistantMessage, model: Model) -> bool:
    return _is_at_home(message, model) and message.model == model.id


def _is_at_home(message: AssistantMessage, model: Model) -> bool:
    return (message.provider, message.api) == (model.provider, model.api)


def _answer(message: AssistantMessage, index: int, model: Model, inputs: Inputs) -> list[Item]:
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
                items.append(_call(block, message, model, inputs))
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


def _call(call: ToolCall, message: AssistantMessage, model: Model, inputs: Inputs) -> Item:
    call_id, item_id, *_ = [*call.id.split("|"), ""]
    if call.name in inputs:
        item: Item = {"type": "custom_tool_call", "call_id": call_id, "name": call.name}
        item["input"] = raw_input(call, inputs[call.name])
    else:
        arguments = msgspec.json.encode(call.arguments).decode()
        item = {"type": "function_call", "call_id": call_id, "name": call.name, "arguments": arguments}
    own = _is_own(message, model)
    # OpenAI remembers which call followed which reasoning; another model's reasoning isn't replayed, so its
    # calls come without the ids that would be looked up.
    prefix = "ctc_" if call.name in inputs else "fc_"
    if item_id.startswith(prefix) and (own or not _is_at_home(message, model)):
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
    named = {"name": tool.name, "description": tool.description}
    if grammar := grammar_of(tool, able=compat.supports_openai_grammar_tools):
        rule = {"type": "grammar", "syntax": grammar.syntax, "definition": grammar.definition}
        return {"type": "custom", **named, "format": rule}
    strict = held_schema(tool, able=compat.supports_strict_mode)
    return {
        "type": "function",
        **named,
        "parameters": tool.parameters if strict is None else strict,
        **({"strict": strict is not None} if compat.supports_strict_mode else {}),
    }

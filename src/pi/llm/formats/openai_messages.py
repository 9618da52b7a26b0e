"""A conversation as Chat Completions wants it: messages, tools and, for some hosts, cache markers."""

from typing import Any, cast

import msgspec

from pi.llm.formats.completions_compat import CompletionsCompat
from pi.llm.formats.grammar import Inputs, grammar_of, inputs_of, raw_input
from pi.llm.formats.openai_thinking import Detail, kept_details, legacy_detail
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

Sent = dict[str, Any]
REASONING_FIELDS = ("reasoning_content", "reasoning", "reasoning_text")


def to_messages(model: Model, context: Context, compat: CompletionsCompat) -> list[Sent]:
    """The messages of a request, for a context that `transcript.prepare` has made fit for the model."""
    writer = _Writer(
        model, compat, raw_inputs(context, compat), anchors_tools=_anchors_tools(context, compat)
    )
    writer.instruct(context.system)
    for message in context.messages:
        writer.add(message)
    writer.end_results()
    return writer.sent


def to_tools(tools: tuple[ToolDeclaration, ...], compat: CompletionsCompat) -> list[Sent]:
    """The tools of a request; raises ConfigError when one can't be held to its schema but must be."""
    return [_tool(tool, compat) for tool in tools]


def request_tools(context: Context, compat: CompletionsCompat) -> tuple[ToolDeclaration, ...]:
    """The tools that stand at the head of a request: later ones stay where they came up, if possible."""
    return context.tools if _anchors_tools(context, compat) else current_tools(context)


def raw_inputs(context: Context, compat: CompletionsCompat) -> Inputs:
    """The tools whose calls carry raw text, and the argument that it becomes."""
    able = compat.supports_openai_grammar_tools
    return inputs_of(declared_tools(context), able=able) if able else {}


def mark_cache(messages: list[Sent], tools: list[Sent], marker: Sent) -> None:
    """Mark the instructions, the last tool and the last text of the conversation, as Anthropic does."""
    for message in messages:
        if message["role"] in ("system", "developer"):
            _mark_text(message, marker)
            break
    if tools:
        tools[-1]["cache_control"] = marker
    for message in reversed(messages):
        if message["role"] in ("user", "assistant", "tool") and _mark_text(message, marker):
            break


def _mark_text(message: Sent, marker: Sent) -> bool:
    content = message.get("content")
    if isinstance(content, str) and content:
        message["content"] = [{"type": "text", "text": content, "cache_control": marker}]
        return True
    for part in reversed(cast("list[Sent]", content) if isinstance(content, list) else []):
        if part["type"] == "text":
            part["cache_control"] = marker
            return True
    return False


def _anchors_tools(context: Context, compat: CompletionsCompat) -> bool:
    able = compat.supports_mid_convo_system_messages and compat.supports_mid_convo_tool_additions
    return able and only_adds_tools(context)


def _tool(tool: ToolDeclaration, compat: CompletionsCompat) -> Sent:
    named = {"name": tool.name, "description": tool.description}
    if grammar := grammar_of(tool, able=compat.supports_openai_grammar_tools):
        rule = {"syntax": grammar.syntax, "definition": grammar.definition}
        return {"type": "custom", "custom": {**named, "format": {"type": "grammar", "grammar": rule}}}
    schema = held_schema(tool, able=compat.supports_strict_mode)
    strict = {"strict": schema is not None} if compat.supports_strict_mode else {}  # others reject the field
    parameters = tool.parameters if schema is None else schema
    return {"type": "function", "function": {**named, "parameters": parameters, **strict}}


class _Writer:
    """Writes message after message; tool results collect their images until the last result of a turn."""

    def __init__(self, model: Model, compat: CompletionsCompat, inputs: Inputs, *, anchors_tools: bool):
        self.sent: list[Sent] = []
        self._model = model
        self._compat = compat
        self._inputs = inputs
        self._anchors_tools = anchors_tools
        self._images: list[Sent] = []
        self._after_results = False

    def instruct(self, text: str) -> None:
        if not text:
            return
        developer = self._model.reasoning and self._compat.supports_developer_role
        self.sent.append({"role": "developer" if developer else "system", "content": text})

    def add(self, message: Message) -> None:
        # by `type`, here and below: where it says no, `isinstance` of a struct takes 120 ns more
        if type(message) is ToolResultMessage:
            self._add_result(message)
            return
        if self._images:
            self.end_results()
        if type(message) is AssistantMessage:
            self._add_assistant(message)
        elif type(message) is UserMessage:
            self._add_user(message)
        elif isinstance(message, SystemMessage):
            self._update(message)

    def _update(self, message: SystemMessage) -> None:
        if self._anchors_tools and message.tools_added:
            self.sent.append({"role": "system", "tools": to_tools(message.tools_added, self._compat)})
        self.instruct(update_text(message))
        self._after_results = False

    def end_results(self) -> None:
        """No result of a tool can carry an image here: a user message after the last one does."""
        if self._images:
            note: Sent = {"type": "text", "text": "Attached image(s) from tool result:"}
            self._bridge()
            self.sent.append({"role": "user", "content": [note, *self._images]})
            self._images = []
            self._after_results = False

    def _bridge(self) -> None:
        """Some hosts refuse a user right after the results of tools."""
        if self._after_results and self._compat.requires_assistant_after_tool_result:
            self.sent.append({"role": "assistant", "content": "I have processed the tool results."})

    def _add_user(self, message: UserMessage) -> None:
        if self._after_results:
            self._bridge()
        content: str | list[Sent] = (
            message.content if isinstance(message.content, str) else _parts(message.content)
        )
        if content or isinstance(content, str):
            self.sent.append({"role": "user", "content": content})
            self._after_results = False

    def _add_assistant(self, message: AssistantMessage) -> None:
        sent = _assistant(message, self._model, self._compat, self._inputs)
        if sent["content"] or "tool_calls" in sent:  # neither is what an aborted turn leaves; hosts refuse it
            self.sent.append(sent)
            self._after_results = False

    def _add_result(self, message: ToolResultMessage) -> None:
        if len(message.content) == 1 and type(only := message.content[0]) is Text:  # nearly always
            images, text = [], only.text
        else:
            images = [block for block in message.content if isinstance(block, Image)]
            text = content_text(message.content)
        if not text:
            text = "(see attached image)" if images else "(no tool output)"
        sent: Sent = {"role": "tool", "content": text, "tool_call_id": message.tool_call_id}
        if self._compat.requires_tool_result_name and message.tool_name:
            sent["name"] = message.tool_name
        self.sent.append(sent)
        if images and "image" in self._model.input:
            self._images += _parts(tuple(images))
        self._after_results = True


def _parts(content: tuple[Text | Image, ...]) -> list[Sent]:
    return [
        {"type": "text", "text": block.text}
        if isinstance(block, Text)
        else {"type": "image_url", "image_url": {"url": f"data:{block.mime_type};base64,{block.data}"}}
        for block in content
        if not isinstance(block, Text) or block.text
    ]


def _assistant(message: AssistantMessage, model: Model, compat: CompletionsCompat, inputs: Inputs) -> Sent:
    texts: list[str] = []
    thoughts: list[Thinking] = []
    calls: list[ToolCall] = []
    signed = False
    for block in message.content:  # one pass: a history has thousands of these
        if type(block) is ToolCall:
            calls.append(block)
            signed = signed or block.thought_signature is not None
        elif isinstance(block, Text):
            if block.text.strip():
                texts.append(block.text)
        elif isinstance(block, Thinking) and (block.thinking.strip() or block.thinking_signature):
            thoughts.append(block)
    empty = compat.requires_assistant_after_tool_result or compat.requires_non_null_assistant_content
    # One plain string: sent a list of parts, some models begin to answer in lists of parts.
    sent: Sent = {"role": "assistant", "content": "".join(texts) or ("" if empty else None)}
    details = _details(thoughts, calls) if thoughts or signed else []
    if thoughts:
        _add_thoughts(sent, [block for block in thoughts if block.thinking.strip()], texts, details, compat)
    if calls:
        sent["tool_calls"] = [_call(call, inputs) for call in calls]
    if details:
        sent["reasoning_details"] = details
    if compat.requires_reasoning_content_on_assistant_messages and model.reasoning:
        sent.setdefault("reasoning_content", "")
    return sent


def _add_thoughts(
    sent: Sent, thoughts: list[Thinking], texts: list[str], details: list[Detail], compat: CompletionsCompat
) -> None:
    """Reasoning as text where the host wants it so, else in its own field, unless `details` carry it."""
    if thoughts and compat.requires_thinking_as_text:
        said = ["\n\n".join(block.thinking for block in thoughts), *texts]
        sent["content"] = [{"type": "text", "text": text} for text in said]
    elif thoughts and not details:
        field = thoughts[0].thinking_signature
        if field == "reasoning":
            field = compat.renamed_reasoning_field or field
        if field in REASONING_FIELDS:
            sent[field] = "\n".join(block.thinking for block in thoughts)


def _call(call: ToolCall, inputs: Inputs) -> Sent:
    if call.name in inputs:
        custom = {"name": call.name, "input": raw_input(call, inputs[call.name])}
        return {"id": call.id, "type": "custom", "custom": custom}
    arguments = msgspec.json.encode(call.arguments).decode()
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _details(thoughts: list[Thinking], calls: list[ToolCall]) -> list[Detail]:
    """The host's own record of the reasoning, if it gave one: it goes back in place of the plain text."""
    for block in thoughts:
        if details := kept_details(block.thinking_signature):
            return details
    legacy = (legacy_detail(call.thought_signature) for call in calls)
    return [detail for detail in legacy if detail]

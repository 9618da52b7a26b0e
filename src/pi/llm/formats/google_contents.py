"""A conversation as Gemini wants it: contents made of parts, and function declarations."""

import re
from collections.abc import Iterable
from typing import Any, cast

from pi.llm.call_ids import id_rule
from pi.llm.formats.strict_schema import held_schema
from pi.llm.messages import (
    AssistantMessage,
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

Sent = dict[str, Any]

_GEMINI = re.compile(r"gemini(?:-live)?-(\d+)")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_SCHEMAS = frozenset(
    (
        "additionalItems",
        "additionalProperties",
        "allOf",
        "anyOf",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "oneOf",
        "prefixItems",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    )
)
_SCHEMAS_BY_NAME = frozenset(
    ("$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties")
)


def to_contents(model: Model, messages: Iterable[Message]) -> list[Sent]:
    """The contents of a request, for messages that `transcript.prepare` has made fit for the model."""
    writer = _Writer(model)
    for message in messages:
        writer.add(message)
    return writer.contents


def to_tools(model: Model, tools: Iterable[ToolDeclaration]) -> tuple[list[Sent], bool]:
    """The function declarations of a request, and whether one of them is held to its schema.

    Raises ConfigError for one that must be but can't.
    """
    declarations: list[Sent] = []
    any_strict = False
    for tool in tools:
        strict = held_schema(tool, able=(_generation(model) or 0) >= 3)
        any_strict = any_strict or strict is not None
        schema = _without_const(tool.parameters if strict is None else strict)
        declarations.append(
            {"name": tool.name, "description": tool.description, "parametersJsonSchema": schema}
        )
    return declarations, any_strict


class _Writer:
    """Writes message after message; neighbouring results of tools share one content."""

    def __init__(self, model: Model):
        self.contents: list[Sent] = []
        self._results: list[Sent] | None = None
        self._with_ids = id_rule(model) is not None  # models that want call ids have a rule for them
        generation = _generation(model)
        self._images_inside = generation is None or generation >= 3

    def add(self, message: Message) -> None:
        if isinstance(message, ToolResultMessage):
            self._add_result(message)
            return
        match message:
            case UserMessage(content=content):
                blocks = (Text(content),) if isinstance(content, str) else content
                self._write("user", [_part(block) for block in blocks])
            case AssistantMessage(content=content):
                self._write("model", [part for block in content for part in self._said(block)])
            case SystemMessage():
                pass  # in the prompt

    def _write(self, role: str, parts: list[Sent]) -> None:
        if parts:
            self.contents.append({"role": role, "parts": parts})
            self._results = None

    def _said(self, block: Text | Thinking | ToolCall) -> list[Sent]:
        match block:
            case Text():
                return _signed({"text": block.text}, block.text_signature)
            case Thinking():
                return _signed({"text": block.thinking, "thought": True}, block.thinking_signature)
            case ToolCall():
                call: Sent = {"name": block.name, "args": block.arguments}
                if self._with_ids:
                    call["id"] = block.id
                return _signed({"functionCall": call}, block.thought_signature)

    def _add_result(self, message: ToolResultMessage) -> None:
        images = [_part(block) for block in message.content if isinstance(block, Image)]
        text = content_text(message.content)
        if not text.strip():  # Google refuses a text of spaces
            text = "(see attached image)" if images else ""
        key = "error" if message.is_error else "output"
        response: Sent = {"name": message.tool_name, "response": {key: text}}
        if self._with_ids:
            response["id"] = message.tool_call_id
        if images and self._images_inside:
            response["parts"] = images
        part: Sent = {"functionResponse": response}
        if self._results is None:
            results = [part]
            self._write("user", results)
            self._results = results
        else:
            self._results.append(part)
        if images and not self._images_inside:
            self._write("user", [{"text": "Tool result image:"}, *images])


def _part(block: Text | Image) -> Sent:
    if isinstance(block, Text):
        return {"text": block.text}
    return {"inlineData": {"mimeType": block.mime_type, "data": block.data}}


def _signed(part: Sent, signature: str | None) -> list[Sent]:
    """The part with its signature, if Google can read that; an empty text goes back only for it."""
    if signature and len(signature) % 4 == 0 and _BASE64.fullmatch(signature):
        return [part | {"thoughtSignature": signature}]
    return [part] if part.get("text", "a call").strip() else []


def _generation(model: Model) -> int | None:
    """The generation of a Gemini model, None for the others behind the same API."""
    found = _GEMINI.match(model.id.lower())
    return int(found[1]) if found else None


def _without_const(schema: Any) -> Any:
    """The schema with each `const` as an `enum` of one: Gemini doesn't know the word.

    Only where a schema stands: defaults, examples and properties of that name stay as they are.
    """
    if isinstance(schema, list):
        return [_without_const(item) for item in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    node = {key: _inside(key, value) for key, value in cast("Sent", schema).items()}
    constant = node.get("const")
    if "enum" not in node and isinstance(constant, str | int | float) and not isinstance(constant, bool):
        del node["const"]
        node["enum"] = [constant]
    return node


def _inside(key: str, value: Any) -> Any:
    if key in _SCHEMAS:
        return _without_const(value)
    if key in _SCHEMAS_BY_NAME and isinstance(value, dict):
        return {name: _without_const(item) for name, item in cast("Sent", value).items()}
    return value

"""OpenAI's custom tools: the model writes one raw text after a grammar, everybody else sees an argument."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from pi.llm.formats.lenient import as_dict
from pi.llm.messages import ToolCall, ToolDeclaration
from pi.llm.unicode import well_formed
from pi.platform.errors import ConfigError

UNKNOWN = "input"  # the argument of a custom tool that nobody declared
_VARIANTS = (("openai_lark", "lark"), ("openai_regex", "regex"))

Inputs = Mapping[str, str]  # the argument that takes the raw text, by tool


class Grammar(Struct, frozen=True):
    """A grammar in OpenAI's syntax ("lark" or "regex"), and the argument that is written after it."""

    syntax: str
    definition: str
    argument: str


def grammar_of(tool: ToolDeclaration, *, able: bool) -> Grammar | None:
    """The grammar after which a tool's argument is written; None for a normal tool, or if not `able`.

    Raises ConfigError when the tool asks for a grammar and gives none, or hasn't one string to write with it.
    """
    wish = tool.constrained_sampling or {}
    if not able or wish.get("type") != "grammar":
        return None
    variants = as_dict(wish.get("variants"))
    for variant, syntax in _VARIANTS:
        definition = variants.get(variant)
        if isinstance(definition, str) and definition.strip():
            return Grammar(syntax, definition, _argument(tool))
    raise _unfit(tool, f"give it a variant {' or '.join(name for name, _ in _VARIANTS)}")


def inputs_of(tools: Iterable[ToolDeclaration], *, able: bool) -> Inputs:
    """The tools whose calls carry raw text, and the argument that it becomes."""
    if not able:
        return {}
    return {tool.name: grammar.argument for tool in tools if (grammar := grammar_of(tool, able=True))}


def raw_input(call: ToolCall, argument: str) -> str:
    """The text that the model had written; a call that another model made otherwise as JSON."""
    text = call.arguments.get(argument)
    return well_formed(text) if isinstance(text, str) else _json(call.arguments)


class RawInput:
    """Raw text on its way into a JSON argument: pieces come in, pieces of the JSON object go out."""

    def __init__(self, argument: str):
        self.text = ""
        self._head = f'{{{_json(argument)}:"'
        self._closed = False

    def grow(self, piece: str) -> str:
        """The JSON of one more piece, empty after the end."""
        if self._closed or not piece:
            return ""
        self.text += piece
        head, self._head = self._head, ""
        return head + _json(well_formed(piece))[1:-1]

    def close(self, whole: str | None = None) -> str:
        """The JSON up to the end of the object; `whole` is all of the text, where it is told once more."""
        if self._closed:
            return ""
        rest = self.grow(whole[len(self.text) :]) if whole is not None and whole.startswith(self.text) else ""
        self._closed = True
        return f'{rest or self._head}"}}'


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _argument(tool: ToolDeclaration) -> str:
    match tool.parameters:
        case {"type": "object", "required": [str(name)], "properties": properties}:
            if as_dict(as_dict(properties).get(name)).get("type") == "string":
                return name
            raise _unfit(tool, f'"{name}" has to be a string')
        case _:
            raise _unfit(tool, "its parameters have to be an object with exactly one required string")


def _unfit(tool: ToolDeclaration, reason: str) -> ConfigError:
    return ConfigError(f'Tool "{tool.name}" cannot use grammar constrained sampling: {reason}.')

"""The tools of an Anthropic request: how strictly they hold, where they are cached, which come up later."""

from collections.abc import Iterable
from typing import Any

from pi.llm.formats.anthropic_compat import Compat
from pi.llm.formats.strict_schema import held_schema
from pi.llm.messages import Context, ToolDeclaration
from pi.llm.transcript import current_tools, declared_tools, redefines_tools

Block = dict[str, Any]

_STRICT_REFUSED = frozenset(
    (
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "maxItems",
        "uniqueItems",
        "minContains",
        "maxContains",
        "minProperties",
        "maxProperties",
    )
)
_STRICT_FORMATS = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
)
# A deferred tool brings text of its own into the prompt: there from the start, it leaves what is cached alone
# when the first real one comes up.
_PLACEHOLDER: Block = {
    "name": "__pi_deferred_placeholder__",
    "description": "Keeps a place. It is never there to be called.",
    "input_schema": {"type": "object", "properties": {}, "required": []},
    "defer_loading": True,
}


def tells_tool_changes(context: Context, compat: Compat) -> bool:
    """Whether changes of tools are told where they come up. They are told by name: no tool may change."""
    able = compat.supports_mid_convo_system_messages and compat.supports_mid_convo_tool_changes
    return able and bool(context.tools) and not redefines_tools(context)


def request_tools(context: Context, compat: Compat, cache: Block, *, loose: bool = False) -> list[Block]:
    """The tools of a request; raises ConfigError when one can't be held to its schema but must be.

    With `loose` only those are held to their schema that must be.
    """
    if not compat.supports_cache_control_on_tools:
        cache = {}
    if not tells_tool_changes(context, compat):
        return _marked(_tools(current_tools(context), compat, loose), cache)
    known = {tool.name for tool in context.tools}
    later = [tool for tool in declared_tools(context) if tool.name not in known]
    deferred = [tool | {"defer_loading": True} for tool in _tools(later, compat, loose)]
    return [*_marked(_tools(context.tools, compat, loose), cache), _PLACEHOLDER, *deferred]


def _marked(tools: list[Block], cache: Block) -> list[Block]:
    if tools:
        tools[-1] |= cache
    return tools


def _tools(tools: Iterable[ToolDeclaration], compat: Compat, loose: bool) -> list[Block]:
    eager = {"eager_input_streaming": True} if compat.supports_eager_tool_input_streaming else {}
    return [
        {"name": tool.name, "description": tool.description, **eager, **_schema(tool, compat, loose)}
        for tool in tools
    ]


def _schema(tool: ToolDeclaration, compat: Compat, loose: bool) -> Block:
    must = (tool.constrained_sampling or {}).get("strict") == "require"
    if must or not loose:
        strict = held_schema(tool, able=compat.supports_strict_tools, refuses=_strict_refuses)
        if strict is not None:
            return {"strict": True, "input_schema": strict}
    given = tool.parameters
    properties, required = given.get("properties", {}), given.get("required", [])
    schema = {"type": "object", "properties": properties, "required": required}
    definitions = {key: given[key] for key in ("$defs", "definitions") if key in given}
    return {"input_schema": schema | definitions}


def _strict_refuses(key: str, value: Any) -> bool:
    match key:
        case "minItems":
            return value not in (0, 1)
        case "format":
            return value not in _STRICT_FORMATS
        case _:
            return key in _STRICT_REFUSED

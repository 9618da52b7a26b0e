"""Tool schemas in the strict subset that providers enforce while the model writes arguments."""

from collections.abc import Callable
from typing import Any, cast

from pi.llm.messages import ToolDeclaration
from pi.platform.errors import ConfigError

Refuses = Callable[[str, Any], bool]

_UNSUPPORTED = frozenset(
    (
        "$ref",
        "$defs",
        "definitions",
        "allOf",
        "oneOf",
        "patternProperties",
        "dependentSchemas",
        "dependencies",
        "unevaluatedProperties",
        "propertyNames",
        "contains",
        "prefixItems",
        "not",
        "if",
        "then",
        "else",
    )
)


class _Inexpressible(Exception):
    """The schema says something that the strict subset can't."""


def held_schema(
    tool: ToolDeclaration, *, able: bool, refuses: Refuses | None = None
) -> dict[str, Any] | None:
    """The schema to which the model is held, None when it is only told; `able` says if the provider can.

    Raises ConfigError when a tool requires to be held to a schema that can't be said that way.
    """
    match tool.constrained_sampling:
        case {"type": "json_schema", **wish}:
            schema = strict_schema(tool.parameters, refuses) if able else None
        case _:
            return None
    if schema is None and wish.get("strict") == "require":
        reason = "its schema has no strict form" if able else "strict tools are unsupported"
        raise ConfigError(f'Tool "{tool.name}" requires JSON-schema constrained sampling, but {reason}.')
    return schema


def strict_schema(schema: dict[str, Any], refuses: Refuses | None = None) -> dict[str, Any] | None:
    """The schema with all properties required and no others allowed; None if it can't be said that way.

    Optional properties may be null instead. `refuses(keyword, value)` names what else a provider rejects.
    """
    try:
        strict = _node(schema, refuses)
    except _Inexpressible:
        return None
    return strict if strict.get("type") == "object" else None


def _node(schema: Any, refuses: Refuses | None) -> dict[str, Any]:
    if not isinstance(schema, dict):
        raise _Inexpressible
    node = dict(cast("dict[str, Any]", schema))
    if any(
        key in _UNSUPPORTED or (refuses is not None and refuses(key, value)) for key, value in node.items()
    ):
        raise _Inexpressible
    if "anyOf" in node:
        node["anyOf"] = [_variant(item, refuses) for item in _list(node["anyOf"])]
    if "items" in node:
        node["items"] = _node(node["items"], refuses)
    if node.get("type") == "object":
        return _object(node, refuses)
    if "properties" in node:
        raise _Inexpressible
    return node


def _object(node: dict[str, Any], refuses: Refuses | None) -> dict[str, Any]:
    properties, required = node.get("properties", {}), node.get("required", [])
    if node.get("additionalProperties", False) is not False or not isinstance(properties, dict):
        raise _Inexpressible
    members = cast("dict[str, Any]", properties)
    wanted = _list(required) if required else []
    if any(name not in members for name in wanted):
        raise _Inexpressible
    strict = {name: _node(member, refuses) for name, member in members.items()}
    for name, member in strict.items():
        if name not in wanted and not _allows_null(member):
            strict[name] = {"anyOf": [member, {"type": "null"}]}
    return {**node, "properties": strict, "required": list(strict), "additionalProperties": False}


def _variant(schema: Any, refuses: Refuses | None) -> dict[str, Any]:
    node = _node(schema, refuses)
    types = node.get("type")
    if "properties" in node or "items" in node or {"object", "array"} & set(_types(types)):
        raise _Inexpressible
    return node


def _allows_null(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    node = cast("dict[str, Any]", schema)
    if "null" in _types(node.get("type")) or None in node.get("enum", ()):
        return True
    if "const" in node and node["const"] is None:
        return True
    return any(_allows_null(variant) for variant in node.get("anyOf", ()))


def _types(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _Inexpressible
    return cast("list[Any]", value)

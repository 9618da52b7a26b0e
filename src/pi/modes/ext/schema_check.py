"""What providers refuse in a tool's schema, before the first request fails because of it."""

import re
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from pi.agent.tool import Tool

_PROPERTY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")  # Anthropic's rule, the narrowest
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NOT_AT_TOP = ("anyOf", "oneOf", "allOf", "not", "enum", "$ref", "if")


def refused(tool: Tool) -> list[str]:
    """Why a provider would refuse the tool; empty when none would."""
    return list(dict.fromkeys(_refused(tool)))


def _refused(tool: Tool) -> Iterator[str]:
    schema = cast(Any, tool.parameters)
    if not _NAME.fullmatch(tool.name):
        yield "its name must be 1 to 64 of a-z, A-Z, 0-9, _ and -"
    if not isinstance(schema, dict):
        yield 'its parameters must be a JSON Schema: {"type": "object", "properties": {...}}'
        return
    members = cast(dict[str, Any], schema)
    try:
        msgspec.json.encode(members)
    except (TypeError, ValueError, RecursionError) as error:
        yield f"its schema can't be written as JSON: {error}"
        return
    if members.get("type") != "object":
        yield 'its schema must have "type": "object" at the top'
    for key in _NOT_AT_TOP:
        if key in members:
            yield f'its schema has "{key}" at the top: OpenAI and Anthropic refuse that; use a property'
    if why := _invalid(members):
        yield f"its schema is no valid JSON Schema: {why}"
        return
    yield from _inside(members, "$", members)


def _invalid(schema: dict[str, Any]) -> str:
    import jsonschema_rs

    try:
        jsonschema_rs.meta.validate(schema)
    except jsonschema_rs.ValidationError as error:
        return f"{error.message} at $.{'.'.join(map(str, error.instance_path))}"
    except ValueError as error:  # more than JSON can say
        return str(error).partition("\n")[0]
    return ""


def _inside(schema: Any, path: str, root: dict[str, Any]) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    node = cast(dict[str, Any], schema)
    kind = node.get("type")
    if "array" in (cast("list[Any]", kind) if isinstance(kind, list) else (kind,)) and not {
        "items",
        "prefixItems",
    } & set(node):
        yield f'{path} is an array without "items": OpenAI and Google refuse that; say what it holds'
    if isinstance(ref := node.get("$ref"), str) and not _leads(ref, root):
        yield f'{path} refers to "{ref}", which is not in the schema'
    for name, _ in _members(node, "properties"):
        if not _PROPERTY.fullmatch(name):
            yield f'{path}: Anthropic refuses the property name "{name}": use a-z, A-Z, 0-9, _, . and -'
    for below, member in _below(node, path):
        yield from _inside(member, below, root)


def _below(node: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """The schemas inside of one, each with its path."""
    for key in ("properties", "$defs", "definitions"):
        prefix = path if key == "properties" else f"{path}.{key}"
        yield from ((f"{prefix}.{name}", member) for name, member in _members(node, key))
    for key in ("items", "additionalProperties"):
        yield f"{path}[]", node.get(key)
    for key in ("anyOf", "oneOf", "allOf"):
        variants = node.get(key)
        yield from (
            (path, each) for each in (cast("list[Any]", variants) if isinstance(variants, list) else ())
        )


def _members(node: dict[str, Any], key: str) -> list[tuple[str, Any]]:
    members = node.get(key)
    return list(cast("dict[str, Any]", members).items()) if isinstance(members, dict) else []


def _leads(ref: str, root: dict[str, Any]) -> bool:
    """Whether a reference inside the schema leads somewhere."""
    if not ref.startswith("#"):
        return False
    node: Any = root
    for part in ref[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, dict) or key not in node:
            return False
        node = cast("dict[str, Any]", node)[key]
    return True

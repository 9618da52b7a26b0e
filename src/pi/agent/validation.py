"""Arguments of tool calls: mended where a model's slip is plain, then checked against the tool's JSON Schema.

Schemas of common keywords (those of our own tools) are walked here: importing jsonschema-rs costs the first
tool turn some 12 ms of CPU, so only a schema with other keywords pays for it.
"""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, cast

from pi.agent.tool import ToolError

_SHOWN_ERRORS = 8
_CACHED_SCHEMAS = 256
_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
_NUMBER_LIMITS = (
    ("exclusiveMaximum", operator.lt),
    ("exclusiveMinimum", operator.gt),
    ("maximum", operator.le),
    ("minimum", operator.ge),
)
_SCHEMA_LISTS = frozenset({"anyOf", "oneOf", "allOf"})
_WALKED = _SCHEMA_LISTS | {
    *("type", "properties", "required", "additionalProperties", "items", "enum", "const"),
    *("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum"),
    *("maxItems", "minItems", "maxLength", "minLength"),
    *("title", "description", "default", "examples", "deprecated", "$schema", "$comment"),
}
_TEXTS = {  # of jsonschema-rs's kinds of errors
    "additionalProperties": "must not have additional properties",
    "anyOf": "must match a schema in anyOf",
    "const": "must be equal to constant",
    "contains": "must contain at least 1 valid item",
    "enum": "must be equal to one of the allowed values",
    "exclusiveMaximum": "must be < {limit}",
    "exclusiveMinimum": "must be > {limit}",
    "falseSchema": "schema is false",
    "format": 'must match format "{format}"',
    "maxItems": "must not have more than {limit} items",
    "maxLength": "must not have more than {limit} characters",
    "maxProperties": "must not have more than {limit} properties",
    "maximum": "must be <= {limit}",
    "minItems": "must not have fewer than {limit} items",
    "minLength": "must not have fewer than {limit} characters",
    "minProperties": "must not have fewer than {limit} properties",
    "minimum": "must be >= {limit}",
    "multipleOf": "must be multiple of {multiple_of}",
    "not": "must not be valid",
    "oneOf": "must match exactly one schema in oneOf",
    "pattern": 'must match pattern "{pattern}"',
    "unevaluatedItems": "must not have unevaluated items",
    "unevaluatedProperties": "must not have unevaluated properties",
    "uniqueItems": "must not have duplicate items",
}

_Schema = dict[str, Any] | bool
_Errors = list[tuple[str, str]]  # path in dots, "" for the whole; what is wrong there
_Checker = Callable[[Any], _Errors | None]  # None: the schema itself is broken, so nothing can be said
_checkers: dict[int, tuple[dict[str, Any], _Checker]] = {}  # holds the schema, or its id could be used again


def validate(tool_name: str, schema: dict[str, Any], arguments: Any) -> dict[str, Any]:
    """The arguments as the tool's schema wants them: the same object when they fit already, or a mended copy.

    Mended are numbers, booleans and strings written as one another and `null` for an optional property.
    Raises ToolError with every error found. A schema is expected not to change once a tool has it.
    """
    if not _errors(arguments, schema):
        return arguments
    mended = _coerce(arguments, schema)
    if errors := _errors(mended, schema):
        lines = "\n".join(f"  - {path or 'root'}: {text}" for path, text in errors[:_SHOWN_ERRORS])
        received = f"Received arguments:\n{_as_json(arguments)}"
        raise ToolError(f'Validation failed for tool "{tool_name}":\n{lines}\n\n{received}')
    return mended


def number_text(value: int | float) -> str:
    """A number as JSON writers of JavaScript spell it: `5` for 5.0, `2.5`, `1e-7`."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return repr(value).replace("e-0", "e-")


def _errors(value: Any, schema: _Schema) -> _Errors | None:
    if isinstance(schema, bool):
        return [] if schema else [("", "schema is false")]
    known = _checkers.get(id(schema))
    if known is None:
        if len(_checkers) >= _CACHED_SCHEMAS:
            _checkers.clear()
        known = _checkers[id(schema)] = (schema, _walker(schema) if _is_common(schema) else _library(schema))
    return known[1](value)


def _is_common(schema: Any) -> bool:
    """Whether the walk knows every keyword in the schema, and each has the shape that it should have."""
    if isinstance(schema, bool):
        return True
    if not isinstance(schema, dict):
        return False
    fields = cast(dict[str, Any], schema)
    properties: Any = fields.get("properties", {})
    return (
        fields.keys() <= _WALKED
        and _TYPES.issuperset(_types(fields))
        and isinstance(properties, dict)
        and isinstance(fields.get("required", []), list)
        and isinstance(fields.get("enum", []), list)
        and all(map(_is_common, cast(dict[str, Any], properties).values()))
        and _is_common(fields.get("items", True))
        and _is_common(fields.get("additionalProperties", True))
        and all(_is_common(option) for key in _SCHEMA_LISTS for option in fields.get(key, ()))
    )


def _walker(schema: dict[str, Any]) -> _Checker:
    def check(value: Any) -> _Errors:
        errors: _Errors = []
        _walk(value, schema, "", errors)
        return errors

    return check


def _walk(value: Any, schema: _Schema, path: str, errors: _Errors) -> None:
    if isinstance(schema, bool):
        if not schema:
            errors.append((path, "schema is false"))
        return
    types = _types(schema)
    if types and not any(_has_type(value, name) for name in types):
        errors.append((path, _type_text(types)))
    match value:
        case dict():
            _walk_object(cast(dict[str, Any], value), schema, path, errors)
        case list():
            items = cast(list[Any], value)
            for index, item in enumerate(items):
                _walk(item, schema.get("items", True), _join(path, str(index)), errors)
            _walk_size(len(items), "Items", schema, path, errors)
        case str():
            _walk_size(len(value), "Length", schema, path, errors)
        case int() | float() if not isinstance(value, bool):
            _walk_number(value, schema, path, errors)
        case _:
            pass
    _walk_choice(value, schema, path, errors)


def _walk_object(value: dict[str, Any], schema: dict[str, Any], path: str, errors: _Errors) -> None:
    if missing := [name for name in schema.get("required", ()) if name not in value]:
        errors.append(_missing(path, missing))
    properties: dict[str, Any] = schema.get("properties", {})
    others: _Schema = schema.get("additionalProperties", True)
    if others is not True:
        before = len(errors)
        for name, item in value.items():
            if name not in properties:
                _walk(item, others, _join(path, name), errors)
        if len(errors) > before:
            errors.append((path, _TEXTS["additionalProperties"]))
    for name, property_schema in properties.items():
        if name in value:
            _walk(value[name], property_schema, _join(path, name), errors)


def _walk_size(size: int, what: str, schema: dict[str, Any], path: str, errors: _Errors) -> None:
    if size > (limit := schema.get(f"max{what}", size)):
        errors.append((path, _TEXTS[f"max{what}"].format(limit=limit)))
    if size < (limit := schema.get(f"min{what}", size)):
        errors.append((path, _TEXTS[f"min{what}"].format(limit=limit)))


def _walk_number(value: float, schema: dict[str, Any], path: str, errors: _Errors) -> None:
    for keyword, fits in _NUMBER_LIMITS:
        limit = schema.get(keyword)
        if limit is not None and not fits(value, limit):
            errors.append((path, _TEXTS[keyword].format(limit=number_text(limit))))


def _walk_choice(value: Any, schema: dict[str, Any], path: str, errors: _Errors) -> None:
    if "const" in schema and not _equal(value, schema["const"]):
        errors.append((path, _TEXTS["const"]))
    if "enum" in schema and not any(_equal(value, allowed) for allowed in schema["enum"]):
        errors.append((path, _TEXTS["enum"]))
    for option in schema.get("allOf", ()):
        _walk(value, option, path, errors)
    for keyword in ("anyOf", "oneOf"):
        if keyword not in schema:
            continue
        failed: _Errors = []
        fitting = 0
        for option in schema[keyword]:
            before = len(failed)
            _walk(value, option, path, failed)
            fitting += len(failed) == before
        if not fitting or (keyword == "oneOf" and fitting > 1):
            errors += [*failed, (path, _TEXTS[keyword])]


def _library(schema: dict[str, Any]) -> _Checker:
    import jsonschema_rs

    try:
        validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    except (
        ValueError
    ):  # not a JSON Schema, or it points to another document: the tool has to check for itself
        return lambda value: None

    def check(value: Any) -> _Errors | None:
        try:
            found = list(validator.iter_errors(value))
        except ValueError:  # a lone surrogate in a string, which UTF-8 can't carry
            return None
        return _in_our_words(found)

    return check


def _in_our_words(found: Sequence[Any]) -> _Errors:
    errors: _Errors = []
    missing: dict[str, list[str]] = {}
    for error in found:
        path = ".".join(map(str, error.instance_path))
        name, facts = error.kind.name, error.kind.as_dict()
        if name == "required":
            missing.setdefault(path, []).append(facts["property"])
        elif name == "type":
            errors.append((path, _type_text(facts["types"])))
        else:
            errors.append((path, _TEXTS[name].format_map(facts) if name in _TEXTS else error.message))
    return [_missing(path, names) for path, names in missing.items()] + errors


def _coerce(value: Any, schema: _Schema) -> Any:
    """The value nearer to what the schema wants; the same object when nothing in it changes."""
    if isinstance(schema, bool):
        return value
    for option in schema.get("allOf", ()):
        value = _coerce(value, option)
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            value = _coerce_union(value, schema[keyword])
    types = _types(schema)
    if not any(_has_type(value, name) for name in types):
        value = next((new for name in types if (new := _coerce_scalar(value, name)) is not value), value)
    match value:
        case dict():
            return _coerce_object(cast(dict[str, Any], value), schema)
        case list():
            items = cast(list[Any], value)
            mended = [_coerce(item, schema.get("items", True)) for item in items]
            changed = any(new is not old for new, old in zip(mended, items, strict=True))
            return mended if changed else items
        case _:
            return value


def _coerce_union(value: Any, options: list[_Schema]) -> Any:
    if any(_errors(value, option) == [] for option in options):
        return value
    for option in options:
        mended = _coerce(value, option)
        if _errors(mended, option) == []:
            return mended
    return value


def _coerce_object(value: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = schema.get("properties", {})
    required: list[str] = schema.get("required", [])
    others: _Schema = schema.get("additionalProperties", True)
    changed: dict[str, Any] = {}
    dropped: set[str] = set()
    for name, old in value.items():
        property_schema = properties.get(name, others)
        if old is None and name in properties and name not in required and _errors(None, property_schema):
            dropped.add(name)
        elif (new := _coerce(old, property_schema)) is not old:
            changed[name] = new
    if not changed and not dropped:
        return value
    return {name: old for name, old in (value | changed).items() if name not in dropped}


def _coerce_scalar(value: Any, name: str) -> Any:
    """The value as the named type where that is beyond doubt, otherwise the same object."""
    match name, value:
        case "string", None:
            return ""
        case "string", bool():
            return "true" if value else "false"
        case "string", int() | float():
            return number_text(value)
        case "number" | "integer", None | bool():
            return int(value or 0)
        case "number" | "integer", str():
            return _parse_number(value, whole=name == "integer")
        case "boolean", None | 0 | 1:
            return bool(value)
        case "boolean", str() if value.lower() in ("true", "false"):
            return value.lower() == "true"
        case "null", "" | 0:
            return None
        case _:
            return value


def _parse_number(text: str, *, whole: bool) -> float | str:
    digits = text.strip()
    if "_" in digits or not digits.isascii():
        return text  # fine for Python's own parsers, but no number in JSON
    try:
        if digits[:2].lower() in ("0x", "0o", "0b"):
            return int(digits, 0)
        number = float(digits)
    except ValueError:
        return text
    if not math.isfinite(number) or (whole and not number.is_integer()):
        return text
    return int(number) if number.is_integer() else number


def _types(schema: dict[str, Any]) -> Sequence[str]:
    named: Any = schema.get("type", ())
    return (named,) if isinstance(named, str) else named


def _has_type(value: Any, name: str) -> bool:
    match name:
        case "string":
            return isinstance(value, str)
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return (isinstance(value, int) and not isinstance(value, bool)) or (
                isinstance(value, float) and value.is_integer()
            )


def _equal(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _missing(path: str, names: Sequence[str]) -> tuple[str, str]:
    return _join(path, names[0]), f"must have required properties {', '.join(names)}"


def _type_text(types: Sequence[str]) -> str:
    return f"must be {types[0]}" if len(types) == 1 else f"must be either {' or '.join(types)}"


def _as_json(value: Any) -> str:
    import json

    text = json.dumps(_whole_numbers(value), indent=2, ensure_ascii=False)
    return text.encode(errors="backslashreplace").decode()  # spells a lone surrogate as JSON does


def _whole_numbers(value: Any) -> Any:
    match value:
        case dict():
            return {name: _whole_numbers(item) for name, item in cast(dict[str, Any], value).items()}
        case list():
            return [_whole_numbers(item) for item in cast(list[Any], value)]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value

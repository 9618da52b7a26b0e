"""JSON Schema from type hints: everything inlined, nothing that a model doesn't need."""

from collections import abc
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import PurePath
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from msgspec import NODEFAULT, UNSET, Meta, Struct, UnsetType

_ANYTHING = (Any, object)
_SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}
_LISTS = frozenset({list, set, frozenset, tuple, abc.Sequence, abc.MutableSequence, abc.Collection, abc.Set})
_DICTS = frozenset({dict, abc.Mapping, abc.MutableMapping})
_META_KEYWORDS = (
    ("ge", "minimum"),
    ("gt", "exclusiveMinimum"),
    ("le", "maximum"),
    ("lt", "exclusiveMaximum"),
    ("multiple_of", "multipleOf"),
    ("pattern", "pattern"),
    ("description", "description"),
    ("examples", "examples"),
)
_SIZES = {"string": "Length", "array": "Items", "object": "Properties"}
_SUPPORTED = (
    "use str, int, float, bool, list[T], dict[str, T], Literal, an Enum of str or int, T | None, Any, "
    "a msgspec Struct, a dataclass, a TypedDict or a pydantic model"
)

Schema = dict[str, Any]
_Field = tuple[str, Any, bool, Any]  # name, type, whether it is required, default


def schema_of(hint: Any, default: Any = NODEFAULT) -> Schema:
    """The schema of values that `msgspec.convert(value, hint, dec_hook=validated_model)` takes; a new dict.

    Raises TypeError for a type that can't be said, NameError for an annotation that can't be resolved, and
    what a pydantic model raises.
    """
    schema = _with_default(_Writer().schema(hint), default)
    msgspec.json.Decoder(hint)  # raises for what convert() could never do
    return schema


def object_schema(properties: dict[str, Schema], required: list[str]) -> Schema:
    """The schema of an object; further properties are allowed."""
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})


def takes_null(schema: Schema) -> bool:
    """Whether the schema says that null is a value."""
    return "null" in _kinds(schema)


def is_model(kind: Any) -> bool:
    """Whether this is a pydantic model, or a class that describes and checks itself as one does."""
    return hasattr(kind, "model_json_schema") and hasattr(kind, "model_validate")


def validated_model(kind: Any, value: Any) -> Any:
    """The hook of `msgspec.convert` for pydantic models. Raises ValueError for a value that doesn't fit."""
    if not is_model(kind):
        raise NotImplementedError(f"{kind} can't be made of JSON")
    try:
        return kind.model_validate(value)
    except ValueError as error:  # it ends each line with a link to its documentation
        lines = str(error).splitlines()
        raise ValueError("\n".join(line for line in lines if "errors.pydantic.dev" not in line)) from None


def plain(value: Any) -> Any:
    """The value as JSON has it. Raises TypeError, naming the type, for what has no such form."""
    return msgspec.to_builtins(value, str_keys=True, enc_hook=_plain_foreign)


def _plain_foreign(value: Any) -> Any:
    if is_model(type(value)):
        return value.model_dump(mode="json")
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__qualname__} has no JSON form")


class _Writer:
    """Writes the schema of a type with all that it is made of in place: many providers refuse `$ref`."""

    def __init__(self) -> None:
        self._open: list[Any] = []  # the types around the one that is being written

    def schema(self, hint: Any) -> Schema:
        """A new dict, which the caller may change."""
        if isinstance(hint, type) and (scalar := _SCALARS.get(hint)):
            return {"type": scalar}
        origin, args = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return _annotate(self.schema(args[0]), cast(Any, hint).__metadata__)
        if origin is Literal:
            return _choice(args)
        kind = origin or hint
        if hint in _ANYTHING:
            return {}
        if kind in _SCALARS:
            return {"type": _SCALARS[kind]}
        if origin in (Union, UnionType):
            return _union([self.schema(member) for member in args if member is not UnsetType])
        if kind in _LISTS:
            return self._list(kind, args)
        with self._inside(hint):
            return self._special(kind, hint, args) if origin else self._named(hint)

    def _special(self, kind: Any, hint: Any, args: tuple[Any, ...]) -> Schema:
        if kind in _DICTS:
            if args[0] not in (str, Any):
                raise TypeError(f"the keys of {hint} must be str, as all keys in JSON are")
            values = self.schema(args[1])
            return {"type": "object"} | ({"additionalProperties": values} if values else {})
        if kind in (Required, NotRequired):
            return self.schema(args[0])
        return self._class(kind, hint)

    def _named(self, hint: Any) -> Schema:
        if hint in _DICTS:
            return {"type": "object"}
        for attribute in ("__supertype__", "__value__"):  # NewType; `type X = ...`
            if hasattr(hint, attribute):
                return self.schema(getattr(hint, attribute))
        return self._class(hint, hint)

    def _list(self, kind: Any, args: tuple[Any, ...]) -> Schema:
        if kind is tuple and args and args[1:] != (...,):
            raise TypeError(
                "a tuple of fixed length can't be told to every provider: use list[T] or a dataclass"
            )
        items = self.schema(args[0]) if args else {}
        return {"type": "array"} | ({"items": items} if items else {})

    def _class(self, kind: Any, hint: Any) -> Schema:
        if not isinstance(kind, type):
            raise _unknown(hint)
        if issubclass(kind, Enum):
            return _choice([member.value for member in kind])
        if is_model(kind):
            schema = cast(Any, kind).model_json_schema()
            return _inline(schema, schema.get("$defs", {}), ())
        if issubclass(kind, Struct):
            return self._struct(kind, hint)
        if any(hasattr(hint, mark) for mark in ("__required_keys__", "__dataclass_fields__")):
            return self._object(_fields(kind))
        raise _unknown(hint)

    def _struct(self, kind: type[Struct], hint: Any) -> Schema:
        config = kind.__struct_config__
        if config.array_like:
            raise TypeError(f"{kind.__qualname__} is array_like, which can't be told to every provider")
        fields = ((f.encode_name, f.type, f.required, f.default) for f in msgspec.structs.fields(hint))
        schema = self._object(fields)
        if config.tag is not None:
            schema["properties"] = {config.tag_field: _choice([config.tag])} | schema["properties"]
            schema["required"] = [config.tag_field, *schema.get("required", ())]
        if config.forbid_unknown_fields:
            schema["additionalProperties"] = False
        return schema

    def _object(self, fields: Iterable[_Field]) -> Schema:
        properties: dict[str, Schema] = {}
        required: list[str] = []
        for name, hint, needed, default in fields:
            properties[name] = _with_default(self.schema(hint), default)
            if needed:
                required.append(name)
        return object_schema(properties, required)

    @contextmanager
    def _inside(self, hint: Any) -> Generator[None]:
        if hint in self._open:
            raise _recursion(getattr(hint, "__qualname__", str(hint)))
        self._open.append(hint)
        yield
        self._open.pop()


def _fields(kind: Any) -> Iterator[_Field]:
    """Of a TypedDict or dataclass."""
    hints = get_type_hints(kind, include_extras=True)
    if (required := getattr(kind, "__required_keys__", None)) is not None:
        for name, hint in hints.items():  # with annotations that are strings, Python knows `total` only
            origin = get_origin(hint)
            yield (
                name,
                hint,
                origin is Required or (name in required and origin is not NotRequired),
                NODEFAULT,
            )
        return
    from dataclasses import MISSING, fields

    for field in fields(kind):
        needed = field.default is MISSING and field.default_factory is MISSING
        yield field.name, hints[field.name], needed, NODEFAULT if field.default is MISSING else field.default


def _choice(values: Iterable[Any]) -> Schema:
    allowed = list(values)
    if wrong := [value for value in allowed if type(value) not in (str, int, NoneType)]:
        raise TypeError(f"{wrong[0]!r} can't be one of several values: only str, int and None can")
    kinds = list(dict.fromkeys(_SCALARS[type(value)] for value in allowed))
    return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": allowed}


def _union(options: list[Schema]) -> Schema:
    null: Schema = {"type": "null"}
    others = [option for option in options if option != null]
    if {} in others:
        return {}
    if all(option.keys() == {"type"} for option in options):
        kinds = list(dict.fromkeys(kind for option in options for kind in _listed(option["type"])))
        return {"type": kinds[0] if len(kinds) == 1 else kinds}
    if len(others) == len(options):
        return {"anyOf": options} if len(options) > 1 else options[0]
    if len(others) > 1 or "type" not in others[0]:
        return {"anyOf": [*others, null]}
    one = others[0]
    if takes_null(one):
        return one
    if "enum" in one:
        one["enum"] = [*one["enum"], None]
    return one | {"type": [*_listed(one["type"]), "null"]}


def _annotate(schema: Schema, marks: Iterable[Any]) -> Schema:
    for mark in marks:
        if isinstance(mark, str):
            schema["description"] = mark
        elif isinstance(mark, Meta):
            said = {key: getattr(mark, name) for name, key in _META_KEYWORDS}
            for kind in _kinds(schema) & _SIZES.keys():
                said |= {f"min{_SIZES[kind]}": mark.min_length, f"max{_SIZES[kind]}": mark.max_length}
            schema |= {key: value for key, value in said.items() if value is not None}
            schema |= mark.extra_json_schema or {}
    return schema


def _kinds(schema: Schema) -> set[str]:
    """The JSON types that a schema speaks of."""
    options: list[Schema] = schema.get("anyOf", [])
    return set(_listed(schema.get("type", []))).union(*map(_kinds, options))


def _listed(types: str | list[str]) -> list[str]:
    return [types] if isinstance(types, str) else types


def _with_default(schema: Schema, default: Any) -> Schema:
    if default is NODEFAULT or default is None or default is UNSET:  # None is what a missing value means
        return schema
    return schema | {"default": plain(default)}


def _inline(node: Any, definitions: Mapping[str, Any], inside: tuple[str, ...]) -> Any:
    """A pydantic schema with its definitions put in place and without titles."""
    if isinstance(node, list):
        return [_inline(item, definitions, inside) for item in cast(list[Any], node)]
    if not isinstance(node, dict):
        return node
    schema = cast(Schema, node)
    if (reference := schema.get("$ref")) is not None:
        name = reference.rpartition("/")[2]
        if name in inside:
            raise _recursion(name)
        others = {key: value for key, value in schema.items() if key != "$ref"}
        return _inline(definitions[name] | others, definitions, (*inside, name))
    inlined: Schema = {}
    for key, value in schema.items():
        if key == "properties":
            inlined[key] = {name: _inline(each, definitions, inside) for name, each in value.items()}
        elif key in ("default", "enum", "const"):
            inlined |= {} if value is None else {key: value}
        elif key not in ("title", "$defs"):
            inlined[key] = _inline(value, definitions, inside)
    return _union(inlined.pop("anyOf")) | inlined if "anyOf" in inlined else inlined


def _unknown(hint: Any) -> TypeError:
    name = hint.__qualname__ if isinstance(hint, type) else hint
    return TypeError(f"{name} has no JSON Schema here: {_SUPPORTED}")


def _recursion(name: str) -> TypeError:
    return TypeError(
        f"{name} contains itself, and providers don't take recursive schemas: "
        "use dict[str, Any] there, or a flat list whose items name their parents"
    )

"""Whether a value of foreign code is what its type says: structs made in Python don't check their fields."""

import re
from collections.abc import Collection
from types import NoneType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct


def misfit(value: Any, hint: Any = None, *, known: Collection[int] = ()) -> str | None:
    """What is wrong with `value`, in words; None if it fits `hint` (by default: its own type).

    Where the hint is Any, the value must be JSON. A list fits where a tuple is wanted. Items of a list whose
    `id` is in `known` aren't looked at.
    """
    return _misfit(value, cast(Any, type(value)) if hint is None else hint, "it", known)


_cached: dict[type, dict[str, Any]] = {}


def field_hint(value: Struct, field: str) -> Any:
    """The type of a struct's field."""
    return _hints(cast(type[Any], type(value))).get(field)


def _misfit(value: Any, hint: Any, place: str, known: Collection[int]) -> str | None:
    origin = get_origin(hint)
    if hint is Any:
        return _not_json(value, place)
    if origin is Literal:
        return None if value in get_args(hint) else f"{place} is {value!r:.40}, not {_name(hint)}"
    if origin is Union or origin is UnionType:
        return _none_of(value, get_args(hint), place, known)
    wanted = cast(type[Any], NoneType if hint is None else origin or hint)
    if not isinstance(cast(Any, wanted), type):
        return None
    if not issubclass(type(value), _accepted(wanted)):
        return f"{place} is {type(value).__name__}, not {_name(hint)}"
    if issubclass(wanted, Struct):
        found = (
            _misfit(getattr(value, name), inner, _field(place, name), known)
            for name, inner in _hints(cast(Any, type(value))).items()
        )
        return next((problem for problem in found if problem), None)
    return _in_items(value, wanted, get_args(hint), place, known)


def _in_items(
    value: Any, wanted: type[Any], inner: tuple[Any, ...], place: str, known: Collection[int]
) -> str | None:
    """What is wrong inside of a list, a tuple or a dict."""
    if wanted in (list, tuple) and inner:
        items = ((at, item) for at, item in enumerate(value) if id(item) not in known)
        found = (_misfit(item, inner[0], f"{place}[{at}]", known) for at, item in items)
    elif wanted is dict and inner:
        found = (
            _misfit(part, hint, f"{place}[{name!r:.40}]", known)
            for name, item in value.items()
            for part, hint in ((name, inner[0]), (item, inner[1]))
        )
    else:
        return None
    return next((problem for problem in found if problem), None)


def _none_of(value: Any, hints: tuple[Any, ...], place: str, known: Collection[int]) -> str | None:
    problems = [problem for hint in hints if (problem := _misfit(value, hint, place, known))]
    if len(problems) < len(hints):
        return None
    deeper = [problem for problem in problems if not problem.startswith(f"{place} is ")]
    names = " or ".join(map(_name, hints))
    return deeper[0] if deeper else f"{place} is {type(value).__name__}, not {names}"


def _not_json(value: Any, place: str) -> str | None:
    if value is msgspec.UNSET:
        return None
    try:
        msgspec.json.encode(value)
    except Exception as error:  # foreign code may be in it; also what is nested too deep
        return f"{place} is no JSON ({type(error).__name__})"
    return None


def _accepted(wanted: type) -> tuple[type, ...]:
    match wanted:
        case _ if wanted is tuple:
            return (tuple, list)
        case _ if wanted is float:
            return (float, int)
        case _:
            return (wanted,)


def _hints(kind: type[Any]) -> dict[str, Any]:
    if kind in _cached:
        return _cached[kind]
    try:
        hints = get_type_hints(kind)
    except Exception:  # a type of foreign code whose hints say nothing
        return {}
    if kind.__module__.partition(".")[0] == "pi":  # an extension's would live for ever
        _cached[kind] = hints
    return hints


def _field(place: str, name: str) -> str:
    return name if place == "it" else f"{place}.{name}"


def _name(hint: Any) -> str:
    text = hint.__name__ if get_origin(hint) is None and isinstance(hint, type) else str(hint)
    return re.sub(r"[\w.]+\.(?=\w)", "", text).replace("NoneType", "None")

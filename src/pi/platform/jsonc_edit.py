"""Single values changed in JSON with comments, the rest of the text as it was.

Ours, because no well-kept library does it: jsonc-edit starts Node for it, jsonc-document needs Python 3.12,
json-five has not changed since 2024 and brings two dependencies for a syntax that isn't ours.
"""

import json
import re
from typing import Any

from msgspec import Struct

_STRING = r'"(?:\\.|[^"\\])*"'
_COMMENT = r"//[^\n]*|/\*(?s:.*?)\*/"  # as pi.platform.jsonc reads them
_GAP = rf"(?:[ \t\r\n]+|{_COMMENT})*"
_SCALAR = rf"{_STRING}|[^\s,{{}}\[\]/]+"
_TOKEN = rf"{_STRING}|{_COMMENT}|[{{}}\[\]]"
_LINE_COMMENT = r"//[^\n]*?(?=\r?\n)"  # without the line's end
_REST_OF_LINE = rf"(?:[ \t]*(?:/\*[^\n]*?\*/|{_LINE_COMMENT}))*"
_SPACE = " \t\r\n"


class _Member(Struct, frozen=True):
    """Where a member of an object stands in the text."""

    key: str
    start: int
    value: int
    end: int  # behind the value
    comma: int | None


class _Style(Struct, frozen=True):
    """How the text is laid out."""

    unit: str
    newline: str


def set_value(text: str, path: tuple[str, ...], value: Any) -> str:
    """The text with `value` at `path`; objects on the way are made, and replace what is no object.

    New members come last, laid out like their neighbours. Of a key that stands twice, the last counts, as in
    every parser. `text` must be an object that `loads_jsonc` takes. Raises ValueError for NaN or no path.
    """
    at = _root(text)
    style = _style(text, at)
    indent: str | None = ""  # of the line that the object's owner begins; None: it stands within a line
    for depth, key in enumerate(path, 1):
        members, closing = _members(text, at)
        member = next((member for member in reversed(members) if member.key == key), None)
        if member is None:
            new = f"{dumps_json(key)}: ", _nested(path[depth:], value)
            if members:
                return _append(text, members[-1], *new, style)
            return _fill(text, at, closing, *new, indent, style)
        indent = _indent(text, member.start)
        if depth == len(path) or text[member.value] != "{":
            written = _render(_nested(path[depth:], value), indent, style)
            return text[: member.value] + written + text[member.end :]
        at = member.value
    raise ValueError("The path is empty.")


def remove_value(text: str, path: tuple[str, ...]) -> str:
    """The text without the member at `path`; unchanged if there is none. Comments around it stay."""
    at = _root(text)
    for key in path[:-1]:
        owner = next((member for member in reversed(_members(text, at)[0]) if member.key == key), None)
        if owner is None or text[owner.value] != "{":
            return text
        at = owner.value
    while True:  # a key may stand there twice, and the first would come to light
        members, _ = _members(text, at)
        index = next((index for index, member in enumerate(members) if member.key == path[-1]), None)
        if index is None:
            return text
        text = _without(text, members, index)
        if len(members) == 1:
            text = _closed_up(text, at)


def _root(text: str) -> int:
    return _skip(text, 1 if text.startswith("\ufeff") else 0)


def _skip(text: str, at: int) -> int:
    """Past spaces and comments."""
    found = re.compile(_GAP).match(text, at)
    return found.end() if found else at


def _members(text: str, opening: int) -> tuple[list[_Member], int]:
    """The members of the object that opens there, and where it closes."""
    found: list[_Member] = []
    at = _skip(text, opening + 1)
    if text[at] == ",":  # `{,}` is taken by the reader
        at = _skip(text, at + 1)
    while text[at] != "}":
        key_end = _end(text, at)
        value = _skip(text, _skip(text, key_end) + 1)
        end = _end(text, value)
        behind = _skip(text, end)
        comma = behind if text[behind] == "," else None
        found.append(_Member(json.loads(text[at:key_end]), at, value, end, comma))
        at = behind if comma is None else _skip(text, comma + 1)
    return found, at


def _end(text: str, at: int) -> int:
    """Behind the value that begins there."""
    if text[at] not in "{[":
        found = re.compile(_SCALAR).match(text, at)
        return found.end() if found else at
    depth = 0
    for token in re.compile(_TOKEN).finditer(text, at):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return len(text)


def _indent(text: str, at: int) -> str | None:
    """What stands before `at` on its line, if that is only spaces."""
    before = text[text.rfind("\n", 0, at) + 1 : at]
    return None if before.strip(" \t") else before


def _style(text: str, root: int) -> _Style:
    members, _ = _members(text, root)
    unit = _indent(text, members[0].start) if members else None
    return _Style("  " if unit is None else unit, "\r\n" if "\r\n" in text else "\n")


def _append(text: str, last: _Member, name: str, value: Any, style: _Style) -> str:
    indent = _indent(text, last.start)
    item = name + _render(value, indent, style)
    if indent is None:
        return f"{text[: last.end]}, {item}{text[last.end :]}"  # a trailing comma stays one
    behind = last.end if last.comma is None else last.comma + 1
    rest = re.compile(_REST_OF_LINE).match(text, behind)  # a comment there belongs to the last one
    place = rest.end() if rest else behind
    between = "," + text[last.end : place] if last.comma is None else text[last.end : place]
    trailing = "" if last.comma is None else ","
    return f"{text[: last.end]}{between}{style.newline}{indent}{item}{trailing}{text[place:]}"


def _fill(
    text: str, opening: int, closing: int, name: str, value: Any, outer: str | None, style: _Style
) -> str:
    """The first member of an object, below the comments that are already in it."""
    start = opening + 1
    stray = _skip(text, start)
    inside = text[start:closing] if stray == closing else text[start:stray] + text[stray + 1 : closing]
    if outer is None:
        return f"{text[:start]}{name}{_render(value, None, style)}{inside}{text[closing:]}"
    comments = list(re.finditer(rf"/\*(?s:.*?)\*/|{_LINE_COMMENT}", inside))
    place = comments[-1].end() if comments else 0
    indent = outer + style.unit
    tail = inside[place:] if "\n" in inside[place:] else style.newline + outer
    item = name + _render(value, indent, style)
    return f"{text[:start]}{inside[:place]}{style.newline}{indent}{item}{tail}{text[closing:]}"


def _without(text: str, members: list[_Member], index: int) -> str:
    member = members[index]
    if member.comma is None:
        if index == 0:
            return _cut(text, member.start, member.end)
        comma = members[index - 1].comma or 0  # there is one, or the text would not parse
        if not text[comma + 1 : member.start].strip(_SPACE):
            return text[:comma] + text[member.end :]
        text = _cut(text, member.start, member.end)
        return text[:comma] + text[comma + 1 :]
    if not text[member.end : member.comma].strip(_SPACE):
        return _cut(text, member.start, member.comma + 1)
    text = text[: member.comma] + text[member.comma + 1 :]
    return _cut(text, member.start, member.end)


def _cut(text: str, start: int, end: int) -> str:
    """Take that part out, and its line if nothing else stands on it."""
    indent = _indent(text, start)
    rest = re.compile(r"[ \t]*(\r?\n)?").match(text, end)
    if rest is None:
        return text[:start] + text[end:]
    if rest[1] and indent is not None:
        return text[: start - len(indent)] + text[rest.end() :]
    return text[:start] + text[rest.start(1) if rest[1] else rest.end() :]


def _closed_up(text: str, opening: int) -> str:
    _, closing = _members(text, opening)
    inside = text[opening + 1 : closing].strip(_SPACE)
    return text if inside else text[: opening + 1] + text[closing:]


def _nested(path: tuple[str, ...], value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def _render(value: Any, indent: str | None, style: _Style) -> str:
    if indent is None:
        return dumps_json(value)
    return dumps_json(value, style.unit).replace("\n", style.newline + indent)


def dumps_json(value: Any, unit: str | None = None) -> str:
    """The value as JSON that UTF-8 can hold; over several lines with `unit` as the indentation."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=unit)
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)  # no UTF-8 for these

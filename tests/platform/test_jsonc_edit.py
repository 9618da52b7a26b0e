"""Edits change what they name and nothing around it."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.platform.jsonc import loads_jsonc
from pi.platform.jsonc_edit import remove_value, set_value

TEXT = """\
\ufeff// the top
{
\t// which one
\t"theme": "dark", // at night
\t"retry": { "enabled": true /* why not */ },
\t"skills": [
\t\t"a", // first
\t],
\t"x-foreign": {"url": "http://x//y"},
\t/* the end */
}
// below
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("theme",), "light", '"dark"', '"light"'),
        (("retry", "enabled"), False, "true", "false"),
        (("retry", "maxRetries"), 5, "true /*", 'true, "maxRetries": 5 /*'),
        (("skills",), [], '[\n\t\t"a", // first\n\t]', "[]"),
        (("x-foreign",), 1, '{"url": "http://x//y"}', "1"),
        (("theme", "name"), "x", '"dark"', '{\n\t\t"name": "x"\n\t}'),
        (("new",), {"a": ["ü"]}, 'y"},\n', 'y"},\n\t"new": {\n\t\t"a": [\n\t\t\t"ü"\n\t\t]\n\t},\n'),
        (("new", "a"), None, 'y"},\n', 'y"},\n\t"new": {\n\t\t"a": null\n\t},\n'),
    ],
)
def test_a_value_is_set_in_its_place(path: tuple[str, ...], value: Any, old: str, new: str) -> None:
    assert set_value(TEXT, path, value) == TEXT.replace(old, new, 1)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (("theme",), '\t"theme": "dark", // at night\n', "\t// at night\n"),
        (("retry",), '\t"retry": { "enabled": true /* why not */ },\n', ""),
        (("retry", "enabled"), '"enabled": true /* why not */', "/* why not */"),
        (("skills",), '\t"skills": [\n\t\t"a", // first\n\t],\n', ""),
        (("x-foreign",), '\t"x-foreign": {"url": "http://x//y"},\n', ""),
        (("x-foreign", "url"), '{"url": "http://x//y"}', "{}"),
        (("missing",), "", ""),
        (("theme", "name"), "", ""),
    ],
)
def test_a_value_is_taken_out_and_comments_stay(path: tuple[str, ...], old: str, new: str) -> None:
    assert remove_value(TEXT, path) == TEXT.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("{}", ("a",), '{\n  "a": 1\n}'),
        ("{}\n", ("a", "b"), '{\n  "a": {\n    "b": 1\n  }\n}\n'),
        ('{"a":2}', ("b",), '{"a":2, "b": 1}'),
        ('{"a":2,}', ("b",), '{"a":2, "b": 1,}'),
        ('{"a": {}}', ("a", "b"), '{"a": {"b": 1}}'),
        ('{\n    "a": {}\n}', ("a", "b"), '{\n    "a": {\n        "b": 1\n    }\n}'),
        ('{\r\n  "a": 2 // x\r\n}\r\n', ("b",), '{\r\n  "a": 2, // x\r\n  "b": 1\r\n}\r\n'),
        ("{\n  // none yet  \n}", ("a",), '{\n  // none yet  \n  "a": 1\n}'),
        ("{ /* none */ }", ("a",), '{ /* none */\n  "a": 1\n}'),
        ("{,}", ("a",), '{\n  "a": 1\n}'),
        ('{"a": 2, "b": 3, "a": 4}', ("a",), '{"a": 2, "b": 3, "a": 1}'),
        ('{"a": {// x\n}}', ("a", "b"), '{"a": {"b": 1// x\n}}'),
        ('{"\\u0061": 2}', ("a",), '{"\\u0061": 1}'),
    ],
)
def test_a_new_member_is_laid_out_like_its_neighbours(
    text: str, path: tuple[str, ...], expected: str
) -> None:
    assert set_value(text, path, 1) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', "{}"),
        ('{"a": 1, "b": 2}', '{"b": 2}'),
        ('{"b": 2, "a": 1}', '{"b": 2}'),
        ('{\n  "b": 2,\n  "a": 1\n}', '{\n  "b": 2\n}'),
        ('{\n  "b": 2, // two\n  "a": 1\n}', '{\n  "b": 2 // two\n}'),
        ('{\n  "a": 1 // one\n  , "b": 2\n}', '{\n  // one\n   "b": 2\n}'),
        ('{"a": 1, "b": 2, "a": 3}', '{"b": 2}'),
        ('{\n  "a": 1,\n}', "{}"),
    ],
)
def test_commas_and_empty_lines_go_with_their_member(text: str, expected: str) -> None:
    assert remove_value(text, ("a",)) == expected


def test_a_cut_emoji_becomes_text_that_utf8_can_hold() -> None:
    text = set_value("{}", ("a",), "\ud83d")
    assert loads_jsonc(text.encode(), source="x") == {"a": "\ud83d"}


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(ValueError):
        set_value("{}", ("a",), float("nan"))
    with pytest.raises(ValueError):
        set_value("{}", (), 1)


KEYS = st.sampled_from(["a", "b", "c.d", 'q"', "{", "//"])
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "}", "/*", '"', "\n", "ü"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)
GAPS = st.sampled_from(
    ["", " ", "\n", "\r\n  ", "\t", "\n    ", "// NOTE, }\n", "/* NOTE { */", " /* NOTE\n */ "]
)
PATHS = st.lists(KEYS, min_size=1, max_size=3).map(tuple)
EDITS = st.lists(st.tuples(PATHS, st.none() | st.tuples(VALUES)), min_size=1, max_size=5)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """An object, and the same as a person might have written it; each comment has a number."""
    count = 0

    def gap() -> str:
        nonlocal count
        text = draw(GAPS)
        if "NOTE" in text:
            count += 1
            text = text.replace("NOTE", f"note {count};")
        return text

    def write(value: Any) -> str:
        match value:
            case dict():
                items = [
                    f"{gap()}{json.dumps(key)}{gap()}:{gap()}{write(value[key])}{gap()}" for key in value
                ]
                return "{" + ",".join(items) + trailing(items) + gap() + "}"
            case list():
                items = [f"{gap()}{write(item)}{gap()}" for item in value]
                return "[" + ",".join(items) + trailing(items) + gap() + "]"
            case _:
                return json.dumps(value)

    def trailing(items: list[str]) -> str:
        return "," if items and draw(st.booleans()) else ""

    value = draw(OBJECTS)
    bom = draw(st.sampled_from(["", "\ufeff"]))
    return bom + gap() + write(value) + gap(), value


def set_in(values: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    if path[1:]:
        inner = values.get(path[0])
        value = set_in(inner if isinstance(inner, dict) else {}, path[1:], value)
    return {**values, path[0]: value}


def remove_in(values: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    if not path[1:]:
        return {key: value for key, value in values.items() if key != path[0]}
    inner = values.get(path[0])
    return {**values, path[0]: remove_in(inner, path[1:])} if isinstance(inner, dict) else values


def comments(text: str) -> list[str]:
    found = re.findall(r'"(?:\\.|[^"\\])*"|(//[^\n]*|/\*(?s:.*?)\*/)', text)
    return [comment.rstrip("\r") for comment in found if comment]


@given(documents(), EDITS)
def test_after_any_edits_the_text_means_what_it_should_and_the_order_stays(
    document: tuple[str, dict[str, Any]], edits: list[tuple[tuple[str, ...], tuple[Any] | None]]
) -> None:
    text, expected = document
    for path, value in edits:
        if value is None:
            text, expected = remove_value(text, path), remove_in(expected, path)
        else:
            text, expected = set_value(text, path, value[0]), set_in(expected, path, value[0])
        found = loads_jsonc(text, source="x")
        assert json.dumps(found) == json.dumps(expected)  # the order as well


@given(documents(), KEYS, VALUES)
def test_comments_outside_of_what_is_edited_stay_byte_for_byte(
    document: tuple[str, dict[str, Any]], key: str, value: Any
) -> None:
    text, values = document
    if key in values:
        mark = "MARK"  # what stands between the marks is the value itself
        inside = set_value(text, (key,), mark)
        before, after = inside.split(json.dumps(mark))
        assert text.startswith(before) and text.endswith(after)
        assert set_value(text, (key,), value).startswith(before)
        assert set_value(text, (key,), value).endswith(after)
        kept = comments(inside)
    else:
        assert comments(set_value(text, (key,), value)) == comments(text)
        kept = comments(text)
    removed = comments(remove_value(text, (key,)))
    outside = [comment for comment in kept if comment in removed]
    assert outside == removed
    if key not in values:
        assert remove_value(text, (key,)) == text

from typing import Any

import pytest

from pi.llm.formats.strict_schema import strict_schema


def test_optional_properties_become_required_and_nullable() -> None:
    schema = {
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "limit": {"type": "number"},
            "tag": {"type": ["string", "null"]},
        },
        "required": ["path"],
    }

    assert strict_schema(schema) == {
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "limit": {"anyOf": [{"type": "number"}, {"type": "null"}]},
            "tag": {"type": ["string", "null"]},
        },
        "required": ["path", "limit", "tag"],
        "additionalProperties": False,
    }


def test_objects_inside_arrays_are_strict_too_and_the_original_is_untouched() -> None:
    item = {"type": "object", "properties": {"a": {"type": "string"}}}
    schema = {
        "type": "object",
        "properties": {"list": {"type": "array", "items": item}},
        "required": ["list"],
    }

    strict = strict_schema(schema)

    assert strict is not None
    assert strict["properties"]["list"]["items"] == {
        "type": "object",
        "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert item == {"type": "object", "properties": {"a": {"type": "string"}}}


@pytest.mark.parametrize(
    "member",
    [
        True,
        {"$ref": "#/x"},
        {"oneOf": []},
        {"anyOf": []},
        {"anyOf": [{"type": "object"}]},
        {"items": [{"type": "string"}]},
        {"properties": {}},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "required": ["missing"]},
        {"type": "string", "format": "secret"},
    ],
)
def test_what_the_strict_subset_cannot_say_is_left_to_the_plain_schema(member: Any) -> None:
    schema = {"type": "object", "properties": {"a": member}, "required": ["a"]}

    assert strict_schema(schema, lambda key, value: key == "format" and value == "secret") is None


def test_only_an_object_can_be_a_tools_schema() -> None:
    assert strict_schema({"type": "string"}) is None

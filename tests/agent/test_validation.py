import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.agent.tool import ToolError
from pi.agent.validation import number_text, validate

Schema = dict[str, Any]
STRING: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}


def fields(required: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


READ = fields(("path",), path=STRING, offset=NUMBER, limit=NUMBER)
EDIT = fields(
    ("path", "edits"),
    path=STRING,
    edits={"type": "array", "items": fields(("oldText", "newText"), oldText=STRING, newText=STRING)},
)


def errors(schema: Schema, arguments: Any) -> list[str]:
    with pytest.raises(ToolError) as caught:
        validate("t", schema, arguments)
    head, _, rest = str(caught.value).partition("\n")
    assert head == 'Validation failed for tool "t":'
    return [line.removeprefix("  - ") for line in rest.partition("\n\nReceived arguments:\n")[0].split("\n")]


@pytest.mark.parametrize(
    ("tool", "schema", "arguments", "text"),
    [
        (
            "read",
            READ,
            {"offset": 2},
            'Validation failed for tool "read":\n  - path: must have required properties path\n\n'
            'Received arguments:\n{\n  "offset": 2\n}',
        ),
        (
            "read",
            READ,
            {},
            'Validation failed for tool "read":\n  - path: must have required properties path\n\n'
            "Received arguments:\n{}",
        ),
        (
            "read",
            READ,
            {"path": ["a.txt"]},
            'Validation failed for tool "read":\n  - path: must be string\n\n'
            'Received arguments:\n{\n  "path": [\n    "a.txt"\n  ]\n}',
        ),
        (
            "write",
            fields(("path", "content"), path=STRING, content=STRING),
            {"path": "x.txt", "content": {"a": 1}},
            'Validation failed for tool "write":\n  - content: must be string\n\n'
            'Received arguments:\n{\n  "path": "x.txt",\n  "content": {\n    "a": 1\n  }\n}',
        ),
    ],
)
def test_the_recorded_texts_are_matched(tool: str, schema: Schema, arguments: Any, text: str):
    with pytest.raises(ToolError) as caught:
        validate(tool, schema, arguments)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("schema", "given_value", "mended"),
    [
        (NUMBER, "12", 12),
        (NUMBER, " 12.50 ", 12.5),
        (NUMBER, True, 1),
        (NUMBER, None, 0),
        (INTEGER, "0x10", 16),
        (INTEGER, "2.0", 2),
        (BOOLEAN, "true", True),
        (BOOLEAN, "False", False),
        (BOOLEAN, 1, True),
        (BOOLEAN, None, False),
        (STRING, 5, "5"),
        (STRING, 2.0, "2"),
        (STRING, False, "false"),
        (STRING, None, ""),
        ({"type": "null"}, "", None),
        ({"type": ["number", "null"]}, "7", 7),
        ({"anyOf": [NUMBER, BOOLEAN]}, "true", True),
        ({"anyOf": [{"type": "null"}, NUMBER]}, "4", 4),
        ({"allOf": [NUMBER, {"minimum": 3}]}, "4", 4),
        ({"type": "array", "items": NUMBER}, [1, "2"], [1, 2]),
        ({"type": "object", "additionalProperties": NUMBER}, {"x": "4"}, {"x": 4}),
        (fields(a=fields(b=NUMBER)), {"a": {"b": "1", "c": "1"}}, {"a": {"b": 1, "c": "1"}}),
        ({"type": "string", "pattern": "^[0-9]+$"}, 12, "12"),
    ],
)
def test_plain_slips_are_mended(schema: Schema, given_value: Any, mended: Any):
    before = {"a": given_value, "other": [None]}
    after = validate("t", fields(("a",), a=schema), before)
    assert after == {"a": mended, "other": [None]}
    assert type(after["a"]) is type(mended)
    assert before == {"a": given_value, "other": [None]}, "what the model wrote is not touched"


@pytest.mark.parametrize(
    ("schema", "wrong", "text"),
    [
        (NUMBER, "x", "a: must be number"),
        (NUMBER, "", "a: must be number"),
        (NUMBER, "1_000", "a: must be number"),
        (NUMBER, "inf", "a: must be number"),
        (INTEGER, "2.5", "a: must be integer"),
        (BOOLEAN, 2, "a: must be boolean"),
        ({"type": ["number", "boolean"]}, [], "a: must be either number or boolean"),
        ({"enum": ["x", "y"]}, "z", "a: must be equal to one of the allowed values"),
        ({"enum": [1]}, True, "a: must be equal to one of the allowed values"),
        ({"const": 3}, 4, "a: must be equal to constant"),
        ({"type": "number", "minimum": 3, "maximum": 4}, 1, "a: must be >= 3"),
        ({"type": "number", "minimum": 3, "maximum": 4.5}, 5, "a: must be <= 4.5"),
        ({"type": "number", "exclusiveMinimum": 0}, 0, "a: must be > 0"),
        ({"type": "string", "minLength": 3}, "x", "a: must not have fewer than 3 characters"),
        ({"type": "array", "items": STRING, "maxItems": 1}, ["x", "y"], "a: must not have more than 1 items"),
        ({"type": "string", "pattern": "^x"}, "y", 'a: must match pattern "^x"'),
        ({"type": "array", "uniqueItems": True}, [1, 1], "a: must not have duplicate items"),
        ({"not": STRING}, "x", "a: must not be valid"),
        ({"type": "number", "multipleOf": 2}, 3, "a: must be multiple of 2"),
        (
            {"type": ["string", "null"], "minLength": 1, "format": "email"},
            "q",
            'a: must match format "email"',
        ),
    ],
)
def test_each_kind_of_error_has_its_sentence(schema: Schema, wrong: Any, text: str):
    assert errors(fields(a=schema), {"a": wrong}) == [text]


def test_all_errors_are_told_up_to_eight():
    closed = {**fields(("a", "b"), a=STRING, b=STRING), "additionalProperties": False}
    assert errors(closed, {"x": 1}) == [
        "a: must have required properties a, b",
        "x: schema is false",
        "root: must not have additional properties",
    ]
    assert errors(EDIT, {"path": "p", "edits": [{"newText": "n"}, 3]}) == [
        "edits.0.oldText: must have required properties oldText",
        "edits.1: must be object",
    ]
    assert errors(fields(a={"anyOf": [STRING, NUMBER]}), {"a": []}) == [
        "a: must be string",
        "a: must be number",
        "a: must match a schema in anyOf",
    ]
    many = {letter: "q" for letter in "abcdefghij"}
    assert len(errors(fields(**dict.fromkeys(many, NUMBER)), many)) == 8


def test_the_library_speaks_like_the_walk():
    schema = {
        **fields(("z", "y"), a={"$ref": "#/$defs/k"}, n=NUMBER),
        "additionalProperties": False,
        "$defs": {"k": {"type": ["string", "null"]}},
    }
    assert sorted(errors(schema, {"a": 1, "n": [], "x": 1})) == [
        "a: must be either null or string",
        "n: must be number",
        "root: must not have additional properties",
        "z: must have required properties z, y",
    ]


def test_null_for_an_optional_property_is_dropped_where_it_is_not_allowed():
    schema = fields(("must",), must=NUMBER, may=NUMBER, null={"type": ["string", "null"]})
    assert validate("t", schema, {"must": None, "may": None, "null": None}) == {"must": 0, "null": None}


def test_arguments_that_are_no_object_are_refused():
    assert errors(READ, ["path"]) == ["root: must be object"]
    assert errors(READ, None) == ["root: must be object"]


def test_arguments_are_shown_as_the_model_wrote_them():
    with pytest.raises(ToolError) as caught:
        validate("t", fields(a=STRING), {"a": {"é": [1.0, 2.5, '"\n\x01', [], {}, "\ud83d"]}})
    assert str(caught.value).partition("arguments:\n")[2] == (
        '{\n  "a": {\n    "é": [\n      1,\n      2.5,\n      "\\"\\n\\u0001",\n      [],\n      {},\n'
        '      "\\ud83d"\n    ]\n  }\n}'
    )


@pytest.mark.parametrize(
    "schema",
    [{"type": "wat"}, {"$ref": "https://example.com/schema.json"}, {"properties": []}, {"pattern": "("}],
)
def test_a_schema_that_is_none_leaves_the_checking_to_the_tool(schema: Schema):
    arguments = {"a": 1}
    assert validate("t", schema, arguments) is arguments


@pytest.mark.parametrize(
    ("number", "text"),
    [(5, "5"), (5.0, "5"), (0.5, "0.5"), (1e21, "1e+21"), (1e-7, "1e-7"), (2147483.647, "2147483.647")],
)
def test_numbers_are_spelled_as_in_javascript(number: float, text: str):
    assert number_text(number) == text


scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())
values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=8
)
edits = st.fixed_dictionaries({"oldText": st.text(), "newText": st.text()}, optional={"more": values})


@given(
    st.fixed_dictionaries(
        {"path": st.text()}, optional={"offset": st.floats() | st.integers(), "more": values}
    )
)
def test_valid_arguments_pass_as_the_same_object(arguments: dict[str, Any]):
    assert validate("read", READ, arguments) is arguments


@given(st.fixed_dictionaries({"path": st.text(), "edits": st.lists(edits)}))
def test_valid_nested_arguments_pass_as_the_same_object(arguments: dict[str, Any]):
    assert validate("edit", EDIT, arguments) is arguments


@given(values)
def test_any_arguments_are_mended_or_refused_and_mending_is_done_once(arguments: Any):
    try:
        mended = validate("edit", EDIT, arguments)
    except ToolError:
        return
    assert validate("edit", EDIT, mended) is mended


@given(values)
def test_the_walk_and_the_library_agree(value: Any):
    jsonschema_rs = pytest.importorskip("jsonschema_rs")
    schema = {
        "anyOf": [EDIT, {"type": "array", "items": INTEGER, "minItems": 2}, {"enum": [1, None, "x", []]}]
    }
    try:
        expected = jsonschema_rs.is_valid(schema, value)
    except ValueError:
        return  # a text that UTF-8 can't carry
    try:
        fits = validate("t", schema, value) is value
    except ToolError:
        fits = False
    assert fits == expected


def test_our_own_tools_never_load_the_library():
    code = (
        "import sys; from pi.agent.validation import validate\n"
        "schema = {'type': 'object', 'properties': {'n': {'type': 'number', 'description': 'x'}}}\n"
        "validate('t', schema, {'n': '1'}); print('jsonschema_rs' in sys.modules, 'json' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"

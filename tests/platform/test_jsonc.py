"""Hand-written JSON is read as it is meant, and its faults are named by line and column."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.platform.errors import ConfigError
from pi.platform.jsonc import loads_jsonc

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_plain_json_means_what_it_means_everywhere(value: Any) -> None:
    text = json.dumps(value)
    assert loads_jsonc(text, source="x.json") == value
    assert loads_jsonc(text.encode(), source="x.json") == value


def sloppy(value: Any) -> str:
    """The value as JSON with a comment wherever one may stand, and a comma behind every last item."""
    note = ' // note: ", ]\n /* and\n , } */ '
    match value:
        case list() if value:
            return f"{note}[" + "".join(f"{sloppy(item)}{note},{note}" for item in value) + "]"
        case dict() if value:
            items = (f"{note}{json.dumps(key)}{note}:{sloppy(item)}{note}," for key, item in value.items())
            return "{" + "".join(items) + note + "}"
        case _:
            return note + json.dumps(value) + note


@given(JSON)
def test_comments_and_trailing_commas_change_nothing(value: Any) -> None:
    assert loads_jsonc(sloppy(value), source="x.json") == value


def test_everything_people_write_is_taken() -> None:
    text = """\ufeff{
      // a line
      "url": "http://x//y", /* "no": 1, */
      "quote\\"": "/* no comment */ ,]",
      "list": [1, 2, /* 3 */ ],
    }
    """
    expected = {"url": "http://x//y", 'quote"': "/* no comment */ ,]", "list": [1, 2]}
    assert loads_jsonc(text, source="x.json") == expected
    assert loads_jsonc(text.encode(), source="x.json") == expected


def test_a_lone_surrogate_that_javascript_wrote_is_taken() -> None:
    assert loads_jsonc(b'{"cut": "\\ud83d"}', source="x.json") == {"cut": "\ud83d"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ not json", "m.json, line 1, column 3: expecting property name enclosed in double quotes."),
        ('{\n  "a": 1\n  "b": 2\n}', "m.json, line 3, column 3: expecting ',' delimiter."),
        ('// one\n/* two\n three */ {"a": }', "m.json, line 3, column 17: expecting value."),
        ('{"a": "open', "m.json, line 1, column 7: unterminated string starting at."),
        ('{"a": 1, "b": NaN}', "m.json, line 1, column 15: not JSON: NaN."),
        ("", "m.json, line 1, column 1: expecting value."),
        ("[" * 100_000, "m.json: nested too deeply."),
        (b'{"a": "\xff"}', "m.json: byte 7 is not UTF-8. Save the file as UTF-8."),
    ],
)
def test_a_fault_is_named_with_its_place(text: str | bytes, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loads_jsonc(text, source="m.json")
    assert str(caught.value) == message

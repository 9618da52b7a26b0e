"""Whatever a model writes as arguments, an object comes out and nothing raises."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.llm.partial_json import parse_partial_json

text = st.text(max_size=20)  # no surrogates
scalar = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
value = st.recursive(
    scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3)
)
arguments = st.dictionaries(text, value, max_size=4)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", {}),
        (" \n", {}),
        ("{}", {}),
        ('{"path": "a.t', {"path": "a.t"}),
        ('{"path": "a.txt", "lim', {"path": "a.txt"}),
        ('{"a": {"b": [1, 2, "c', {"a": {"b": [1, 2, "c"]}}),
        ("not json at all", {}),
        ("[1]", {}),
        ('"text"', {}),
        ("null", {}),
        ('{"a": 1} and more', {"a": 1}),
        ('{"a": "two\nlines\t"}', {"a": "two\nlines\t"}),
        ('{"a": "two\nli', {"a": "two\nli"}),
        (r'{"a": "C:\qa\x"}', {"a": r"C:\qa\x"}),
        (r'{"a": "\d+\s \u12 \\ \" \n"}', {"a": '\\d+\\s \\u12 \\ " \n'}),
        (r'{"a": "x\q\u12', {"a": r"x\q"}),
        ('{"a": "x\\', {"a": "x"}),
        (r'{"a": "\ud83d\ude00"}', {"a": "😀"}),
        (r'{"a": "\ud83d", "b": "\ude00x\ud83d"}', {"a": "\ufffd", "b": "\ufffdx\ufffd"}),
        (r'{"a": "x\ud83d', {"a": "x"}),
        ('{"a": "\ud83d\ude00 \ud83d"}', {"a": "😀 \ufffd"}),
        ("[" * 100_000, {}),
        ('{"a":' * 100_000, {}),
    ],
)
def test_arguments_are_taken_as_they_were_meant(written: str, expected: dict[str, Any]) -> None:
    assert parse_partial_json(written) == expected


@given(arguments)
def test_whole_arguments_are_read_exactly(written: dict[str, Any]) -> None:
    assert parse_partial_json(json.dumps(written)) == written
    assert parse_partial_json(json.dumps(written, ensure_ascii=False)) == written


@given(arguments, st.data())
def test_cut_arguments_hold_only_what_was_written(written: dict[str, Any], data: st.DataObject) -> None:
    whole = json.dumps(written)
    cut = parse_partial_json(whole[: data.draw(st.integers(0, len(whole)))])
    assert list(cut) == list(written)[: len(cut)]
    *complete, _ = [*cut, None]
    for key in complete[:-1]:
        assert cut[key] == written[key]
    for key in complete[-1:]:
        if isinstance(written[key], str):
            assert written[key].startswith(cut[key])


@given(st.text(st.characters(exclude_categories=())) | st.text('{}[]":,\\ud8ce01 \n'))
def test_nothing_raises_and_every_string_can_be_written_to_a_file(written: str) -> None:
    for candidate in (written, '{"a":"' + written, '{"a":"' + written + '"}'):
        json.dumps(parse_partial_json(candidate), ensure_ascii=False).encode()


def test_whole_arguments_need_no_partial_parser() -> None:
    code = (
        "import sys; from pi.llm.partial_json import parse_partial_json as p; "
        "p('{\"a\": 1}'); sys.exit('jiter' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

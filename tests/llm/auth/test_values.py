"""Values of keys and headers: what is literal, what comes from the environment, what a command prints."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.llm.auth.values import missing_names, resolve_value

ENV = {"KEY": "secret", "OTHER_1": "x", "EMPTY": "", "PATH": os.environ["PATH"]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("sk-plain", "sk-plain"),
        ("$KEY", "secret"),
        ("${KEY}!", "secret!"),
        ("a-$KEY-$OTHER_1.", "a-secret-x."),
        ("$$KEY", "$KEY"),
        ("$!echo", "!echo"),
        ("cost: 5$", "cost: 5$"),
        ("${not a name} $1", "${not a name} $1"),
        ("${KEY", "${KEY"),
        ("$UNSET", None),
        ("a$EMPTY", None),
        ("!printf ' from-cmd\\n\\n'", "from-cmd"),
        ('!echo "$KEY"', "secret"),
        ("!true", None),
        ("!echo half; exit 3", None),
        ("!no-such-program-anywhere", None),
    ],
)
def test_a_value_stands_for(text: str, value: str | None) -> None:
    assert resolve_value(text, ENV) == value


@given(
    st.text(alphabet=st.characters(exclude_characters="$"), min_size=1).filter(lambda text: text[0] != "!")
)
def test_text_without_a_dollar_is_itself(text: str) -> None:
    assert resolve_value(text, {}) == text


def test_missing_names_are_told_once_each_and_no_command_is_run() -> None:
    assert missing_names("$A $B ${A} $KEY $$C", ENV) == ["A", "B"]
    assert missing_names("!echo $A", ENV) == []


def test_a_cached_command_runs_once_whatever_came_of_it(tmp_path: Path) -> None:
    for end in ("; echo key", "; exit 1"):
        log = tmp_path / f"runs{len(end)}"
        command = f"!echo run >> '{log}'{end}"
        values = {resolve_value(command, ENV, cached=True) for _ in range(3)}
        assert values == {"key" if "key" in end else None}
        assert log.read_text() == "run\n"


def test_an_uncached_command_runs_every_time(tmp_path: Path) -> None:
    command = f"!echo run >> '{tmp_path}/runs'; wc -l < '{tmp_path}/runs'"
    assert [resolve_value(command, ENV) for _ in range(3)] == ["1", "2", "3"]


def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pi.llm.auth.values.COMMAND_TIMEOUT_S", 0.05)
    assert resolve_value("!exec sleep 60", ENV) is None

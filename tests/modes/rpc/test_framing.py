"""Lines in and out: what ends a record, what doesn't, and what a broken one does."""

import json
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.harness.framing import Splitter, decode, encode
from tests.e2e.conftest import World
from tests.modes.rpc.conftest import Start


@given(st.lists(st.binary().filter(lambda line: b"\n" not in line)), st.data())
def test_lines_come_out_whole_wherever_the_pieces_end(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    splitter = Splitter()
    found = [
        line
        for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for line in splitter.add(stream[begin:end])
    ]
    assert found == [line.removesuffix(b"\r") for line in lines]
    assert splitter.last() is None


def test_unicode_separators_are_text() -> None:
    assert encode({"a": "\u2028\u2029\x85"}).count(b"\n") == 1
    assert Splitter().add('{"a":"\u2028"}\n'.encode()) == ['{"a":"\u2028"}'.encode()]


def test_lone_surrogates_go_in_and_out_as_javascript_writes_them() -> None:
    value = decode(b'{"text":"\\ud83d"}')
    assert value == {"text": "\ud83d"}
    assert json.loads(encode(value)) == value


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"", "Unexpected end of JSON input"),
        (b'{"type":', "Unexpected end of JSON input"),
        (b"this is not json", "Unexpected token 'h', \"this is not json\" is not valid JSON"),
        (b"this is certainly not json at all", "Unexpected token 'h', \"this is cer\"... is not valid JSON"),
    ],
)
def test_a_broken_line_is_explained_as_the_original_does(line: bytes, problem: str) -> None:
    with pytest.raises(ValueError) as error:
        decode(line)
    assert str(error.value) == problem


def test_broken_and_unknown_lines_are_answered_and_harm_nothing(start: Start) -> None:
    pi = start()
    pi.raw(b'nonsense\n[1]\nnull\n{"id":{"a":1},"type":"no_such"}\n{"id":7,"type":["x"]}\r\n')
    answers = [pi.next() for _ in range(5)]
    assert answers[0]["command"] == "parse" and "id" not in answers[0]
    assert answers[1] == {
        "type": "response",
        "success": False,
        "error": "Unknown command: undefined",
        "code": "unknown_command",
    }
    assert answers[2] == answers[1]
    assert answers[3]["id"] == {"a": 1} and answers[3]["error"] == "Unknown command: no_such"
    assert answers[4]["id"] == 7
    assert pi.data("get_messages") == {"messages": []}


def test_a_command_may_come_in_pieces_with_crlf_and_without_an_end(start: Start) -> None:
    pi = start()
    for piece in (b'{"id":"a",', b'"type":"get_last_', b'assistant_text"}\r', b"\n"):
        pi.raw(piece)
    assert pi.next() == {
        "id": "a",
        "type": "response",
        "command": "get_last_assistant_text",
        "success": True,
        "data": {},
    }
    pi.raw(b'{"id":"b","type":"get_fork_messages"}')
    assert pi.close() == 0
    assert [record["id"] for record in pi.rest()] == ["b"]


def test_a_huge_line_is_a_command_like_any_other(start: Start) -> None:
    pi = start()
    name = "n" * 5_000_000
    assert pi.call("set_session_name", name=name)["success"]
    assert pi.data("get_state")["sessionName"] == name


def test_commands_may_come_from_a_file_and_records_go_to_one(world: World) -> None:
    given, told = world.project / "commands", world.project / "records"
    given.write_text('{"id":"a","type":"get_state"}\n{"id":"b","type":"get_state"}')
    with given.open() as source, told.open("w") as sink:
        command = world.command("--mode", "rpc", "--model", "oai/m")
        ended = subprocess.run(
            command, cwd=world.project, env=world.env, stdin=source, stdout=sink, timeout=30
        )
    assert ended.returncode == 0
    assert [json.loads(line)["id"] for line in told.read_text().splitlines()] == ["a", "b"]


def test_a_response_stays_behind_the_events_of_its_command(start: Start) -> None:
    """Responses may be written at once, events never are: none may overtake the other."""
    pi = start()
    names = [f"{number}" * 50 for number in range(300)]
    pi.send(*({"id": name, "type": "set_session_name", "name": name} for name in names))
    seen: dict[str, list[Any]] = {name: [] for name in names}
    for _ in range(2 * len(names)):
        record = pi.next()
        seen[record.get("id") or record["name"]].append(record["type"])
    assert set(map(tuple, seen.values())) == {("session_info_changed", "response")}

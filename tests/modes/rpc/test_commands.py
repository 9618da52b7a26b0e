"""What commands promise beyond the recordings: they run at the same time, and say what is wrong."""

import json
from pathlib import Path
from typing import Any

from pi.harness.storage.store import Store
from pi.modes.rpc.commands import COMMANDS
from pi.modes.rpc.views import nested
from tests.e2e.conftest import World
from tests.modes.rpc.conftest import Start

SLOW = {"text": "This takes its time.", "chunk": 4, "fault": {"kind": "hang", "afterDeltas": 2}}


def test_all_commands_of_the_original_are_there() -> None:
    original = """prompt steer follow_up abort clear_queue new_session get_state get_messages set_model
        cycle_model get_available_models set_thinking_level cycle_thinking_level
        get_available_thinking_levels set_steering_mode set_follow_up_mode compact set_auto_compaction
        set_auto_retry abort_retry bash abort_bash get_session_stats export_html switch_session fork clone
        get_fork_messages get_entries get_tree get_last_assistant_text set_session_name get_commands"""
    assert len(original.split()) == 33
    assert set(original.split()) <= set(COMMANDS)


def test_every_command_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "rpc.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f'"type":"{name}"' not in text] == []


def test_the_documentations_commands_are_understood(start: Start, world: World) -> None:
    world.provider.script(after={"text": "Fine."})
    text = (Path(__file__).parents[3] / "docs" / "rpc.md").read_text(encoding="utf-8")
    section = text.split("<!-- commands -->")[1]
    lines = [line for line in section.splitlines() if line.startswith('{"type":')]
    pi = start()
    assert len(lines) >= len(COMMANDS)
    for line in lines:
        response = pi.call(**json.loads(line))
        assert response.get("code") not in ("invalid_arguments", "unknown_command", "internal"), response


def test_a_prompt_runs_while_other_commands_are_answered(start: Start, world: World) -> None:
    world.provider.script(SLOW, after={"text": "Next."})
    pi = start()
    pi.send({"id": "p", "type": "prompt", "message": "Go"})
    assert pi.next()["data"] == {"disposition": "started"}
    pi.until(type="message_update")

    assert pi.data("get_state")["isStreaming"] is True
    refused = pi.call("prompt", message="And this?")
    assert (refused["success"], refused["code"]) == (False, "busy")
    assert pi.data("prompt", message="And this?", streamingBehavior="followUp") == {"disposition": "queued"}
    assert pi.data("get_state")["pendingMessageCount"] == 1
    assert pi.data("clear_queue") == {"steering": [], "followUp": ["And this?"]}

    pi.send({"id": "a", "type": "abort"})
    seen = pi.until(type="response", id="a")
    assert [record["type"] for record in seen][-2:] == ["agent_settled", "response"]
    assert pi.data("get_state")["isStreaming"] is False


def test_many_commands_at_once_get_their_own_answers(start: Start) -> None:
    pi = start()
    pi.send(*({"id": str(number), "type": "get_state"} for number in range(200)))
    assert {pi.next()["id"] for _ in range(200)} == {str(number) for number in range(200)}


def test_missing_and_wrong_arguments_are_said_by_name(start: Start) -> None:
    pi = start()
    missing = pi.call("prompt")
    assert (missing["code"], "`message`" in missing["error"]) == ("invalid_arguments", True)
    wrong = pi.call("set_auto_retry", enabled="yes")
    assert "$.enabled" in wrong["error"]
    assert pi.call("get_entries", since=None)["success"]


def test_a_shell_command_prints_as_it_runs_and_can_be_stopped(start: Start) -> None:
    pi = start()
    pi.send({"id": "b", "type": "bash", "command": "printf '\\033[31mred\\033[0m\\r\\n'; sleep 60"})
    assert pi.next() == {"type": "bash_execution_update", "delta": "red\n", "id": "b"}
    pi.send({"type": "abort_bash"})
    answers = {record["command"]: record for record in (pi.next(), pi.next())}
    assert answers["bash"]["data"] == {"output": "red\n", "cancelled": True, "truncated": False}
    (message,) = pi.data("get_messages")["messages"]
    assert (message["role"], message["cancelled"]) == ("bashExecution", True)


def test_a_shell_commands_long_output_is_cut_and_kept_in_a_file(start: Start) -> None:
    pi = start()
    done = pi.data("bash", command="seq 1 30000")
    assert (done["truncated"], done["exitCode"]) == (True, 0)
    assert done["output"].endswith("29999\n30000")
    whole = Path(done["fullOutputPath"])
    assert whole.read_text().splitlines() == [str(number) for number in range(1, 30001)]
    whole.unlink()


def test_a_session_deeper_than_any_stack_is_told_as_a_tree(start: Start, world: World) -> None:
    path = world.project / "deep.jsonl"
    header = {"type": "session", "version": 3, "id": "deep", "timestamp": "", "cwd": str(world.project)}
    lines: list[dict[str, Any]] = [header]
    parent = None
    for number in range(20_000):
        id = f"{number:08x}"
        lines.append({"type": "custom", "customType": "x", "id": id, "parentId": parent, "timestamp": "1"})
        parent = id
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    nests = bytes(nested(Store.open(path).tree()))
    assert nests.count(b'"children":[{"entry":') == 19_999
    assert nests.endswith(b'"children":[]' + b"}]" * 20_000)

    flat = start("--session", str(path)).data("tree")
    assert len(flat["entries"]) >= 20_000
    assert flat["branch"][:2] == ["00000000", "00000001"]


def test_moving_in_the_tree_gives_the_text_and_labels_the_place(start: Start, world: World) -> None:
    world.provider.script({"text": "One."}, {"text": "Two."}, after={"text": "## Goal\nSummed up"})
    pi = start()
    for text in ("first", "second"):
        pi.send({"type": "prompt", "message": text})
        pi.until(type="agent_settled")
    said = pi.data("get_fork_messages")["messages"]
    moved = pi.data("navigate_tree", entryId=said[1]["entryId"], summarize=True, label="here")
    assert (moved["cancelled"], moved["text"]) == (False, "second")
    flat = pi.data("tree")
    (labelled,) = [row for row in flat["entries"] if "label" in row]
    assert (labelled["id"], labelled["label"]) == (moved["summaryEntryId"], "here")
    assert pi.data("get_messages")["messages"][-1]["role"] == "branchSummary"
    busy = pi.call("navigate_tree", entryId="none")
    assert busy["error"] == "Entry none not found"


def test_switches_are_kept_in_the_users_settings(start: Start, world: World) -> None:
    pi = start()
    pi.data("set_steering_mode", mode="all")
    pi.data("set_auto_compaction", enabled=False)
    settings = json.loads((world.agent / "settings.json").read_text())
    assert settings == {"steeringMode": "all", "compaction": {"enabled": False}}


def test_what_a_run_with_images_says_reaches_the_model(start: Start, world: World) -> None:
    pi = start()
    data = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    image = {"type": "image", "data": data, "mimeType": "image/png"}
    pi.send({"type": "prompt", "message": "Look", "images": [image]})
    pi.until(type="agent_settled")
    assert pi.data("get_messages")["messages"][1]["content"] == [{"type": "text", "text": "Look"}, image]


def test_what_was_spent_is_told_by_model_and_session(start: Start, world: World) -> None:
    world.provider.script(after={"text": "Fine."})
    pi = start()
    pi.send({"id": "p", "type": "prompt", "message": "Go"})
    pi.until(type="agent_settled")
    report = pi.data("get_usage", by=["model", "session"])
    assert report["total"]["requests"] == 1
    assert [row["requests"] for row in report["groups"]["model"]] == [1]
    assert [row["key"] for row in report["groups"]["session"]] == [pi.data("get_state")["sessionId"]]

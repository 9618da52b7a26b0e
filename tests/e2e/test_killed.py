"""Pi is killed at any moment: what it showed is saved, nothing of it is left, and the session goes on."""

import json
import os
import random
import select
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pi.harness.storage.store import Store
from tests.e2e.conftest import Provider, World

KILLS = int(os.environ.get("PI_TEST_KILLS", "20"))
ORIGINAL = shlex.split(os.environ.get("PI_TEST_ORIGINAL", ""))
OURS = [sys.executable, "-m", "pi"]
GO_ON = "Go on after that."
BIG = "".join(f"line {number} of many\n" for number in range(8000))  # 150 KB

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
    pytest.mark.timeout(60 + 5 * KILLS),
]


def call(id: str, name: str, **args: Any) -> dict[str, Any]:
    return {"id": f"call_{id}", "name": name, "args": args}


# What the model answers, by the last call that a request knows of: so it doesn't matter who asks when.
TURNS = {
    "call_edit": {"thinking": "Done, isn't it?", "text": "All is done. " * 20, "chunk": 13, "delayMs": 4},
    "call_write": {
        "text": "Now an edit, and something that runs away.",
        "toolCalls": [
            call(
                "away", "bash", command="cd / && timeout 60 sleep 0.2 | cat; setsid -w sleep 0.1; echo three"
            ),
            call("edit", "edit", path="big.txt", edits=[{"oldText": "line 7 of", "newText": "LINE 7 of"}]),
        ],
        "delayMs": 3,
    },
    "call_first": {
        "toolCalls": [
            call("long", "bash", command="sleep 0.1; seq 1 30000"),
            call("write", "write", path="big.txt", content=BIG),
        ],
        "chunk": 10_000,
        "delayMs": 3,
    },
}
FIRST = {
    "thinking": "Let me see.",
    "text": "I will look at the folder first, and then I will write a file.",
    "toolCalls": [call("first", "bash", command="(sleep 0.15; echo one; echo two >&2) | cat")],
    "chunk": 4,
    "delayMs": 4,
}


@pytest.fixture
def model(provider: Provider) -> Iterator[Provider]:
    rules = [{"match": GO_ON, "turn": {"text": "Fine."}}]
    rules += [{"match": f'"{last}"', "turn": turn} for last, turn in TURNS.items()]
    provider.script(after=FIRST)
    provider.requests.clear()
    provider._server.rules = rules
    yield provider
    provider._server.rules = []


class Killed(NamedTuple):
    """What is left of a killed run."""

    shown: list[Any]  # the messages that stdout called finished
    longest_s: float  # how long its last process lived on
    whole: bool  # it had ended by itself


def killed(world: World, command: list[str], api: str, chance: random.Random, full_s: float) -> Killed:
    """Run two prompts in JSON or print mode, and kill the process after a while or after some events."""
    json_mode = chance.random() < 0.7
    after_lines = chance.randrange(200) if json_mode and chance.random() < 0.5 else None
    after_s = chance.uniform(0, 0.02 if after_lines is not None else full_s)
    mode = ["--mode", "json"] if json_mode else ["-p"]
    process = subprocess.Popen(
        [*command, "--model", f"{api}/m", *mode, "Begin.", "And now again."],
        cwd=world.project,
        env={**world.env, "TMPDIR": str(world.agent.parent), "PI_TELEMETRY": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    lines: list[bytes] = []
    enough = threading.Event()

    def read() -> None:
        for line in process.stdout or ():
            lines.append(line)
            if len(lines) == after_lines:
                enough.set()
        enough.set()

    reader = threading.Thread(target=read)
    reader.start()
    if after_lines:
        enough.wait()
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    reader.join()
    with process:  # closes its pipes
        complaints = process.stderr.read() if process.stderr else b""
    assert process.returncode in (0, -signal.SIGKILL), complaints
    assert complaints == b""
    longest_s = gone(world)
    events = [json.loads(line) for line in lines if json_mode and line.endswith(b"\n")]
    shown = [event["message"] for event in events if event["type"] == "message_end"]
    return Killed(shown, longest_s, process.returncode == 0)


def gone(world: World) -> float:
    """Wait until no process has this world in its environment; the result is for how long, in seconds."""
    start = time.monotonic()
    mark = f"PI_CODING_AGENT_DIR={world.agent}\0".encode()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            if mark not in (folder / "environ").read_bytes():
                continue
            words = (folder / "cmdline").read_bytes()
            ended = os.pidfd_open(int(folder.name))
        except OSError:
            continue  # it has ended
        try:
            assert select.select([ended], [], [], 10)[0], f"still there: {words!r}"
        finally:
            os.close(ended)
    return time.monotonic() - start


def go_on(world: World, command: list[str]) -> dict[str, Any]:
    """Continue with `-c`, as people do; the result is what the model was sent."""
    prompt = f"{GO_ON} {os.urandom(8).hex()}"
    done = subprocess.run(
        [*command, "-c", "-p", prompt],
        cwd=world.project,
        env={**world.env, "PI_TELEMETRY": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "Fine.\n", "")
    (body,) = [request["body"] for request in world.provider.requests if prompt in strings(request)]
    return body


def strings(value: Any) -> set[str]:
    """All texts in a value."""
    match value:
        case str():
            return {value}
        case dict():
            return set().union(*map(strings, value.values()))
        case list():
            return set().union(*map(strings, value))
        case _:
            return set()


def saved(world: World) -> list[dict[str, Any]]:
    """The messages of the only session; of its lines only one, the last of a killed run, may be broken."""
    entries = []
    broken = 0
    for path in world.agent.glob("sessions/*/*.jsonl"):
        for line in path.read_bytes().splitlines():
            try:
                entries.append(json.loads(line))
            except ValueError:
                broken += 1
    assert broken <= 1
    assert [entry["type"] for entry in entries].count("session") == (1 if entries else 0)
    return [entry["message"] for entry in entries if entry["type"] == "message"]


def check_calls(body: dict[str, Any]) -> None:
    """Each call has its answers right behind it, one each; nothing else is an answer."""
    open_calls: list[str] = []
    for message in body["messages"]:
        content = message["content"] if isinstance(message["content"], list) else []
        answers = [block["tool_use_id"] for block in content if block.get("type") == "tool_result"]
        answers += [message["tool_call_id"]] if message["role"] == "tool" else []
        for answer in answers:
            open_calls.remove(answer)
        assert answers or not open_calls
        open_calls += [block["id"] for block in content if block.get("type") == "tool_use"]
        open_calls += [made["id"] for made in message.get("tool_calls") or ()]
    assert open_calls == []
    assert body["messages"][-1]["role"] == "user"


def said(messages: list[dict[str, Any]]) -> set[str]:
    """What of saved messages has to be in the next request: all but the system's and empty texts."""
    spoken = [message for message in messages if message["role"] in ("user", "assistant", "toolResult")]
    blocks = [block for message in spoken for block in message["content"] if isinstance(block, dict)]
    return {block["text"].strip() for block in blocks if block.get("text", "").strip()}


def check_left_overs(world: World) -> None:
    files = {path.relative_to(world.agent) for path in world.agent.rglob("*") if not path.is_dir()}
    assert {path.parts[0] if path.suffix == ".jsonl" else str(path) for path in files} <= {
        "models.json",
        "sessions",
    }
    assert not [path for path in world.agent.rglob("*") if path.suffix in (".lock", ".tmp")]


class Round(NamedTuple):
    """A kill and the run after it."""

    number: int
    killed: Killed
    saved: int  # messages
    torn: bool  # the file ended inside a line


def one_round(
    root: Path, model: Provider, number: int, full_s: float, first: list[str], *then: list[str]
) -> Round:
    """Kill `first`, then go on with each of `then`."""
    chance = random.Random(number)
    (root / str(number)).mkdir()
    world = World(root / str(number), model)
    result = killed(world, first, chance.choice(("oai", "ant")), chance, full_s)
    before = saved(world)
    if first == OURS:  # the original saves nothing before the first answer
        assert [message for message in before if message in result.shown] == result.shown
    files = list(world.agent.glob("sessions/*/*.jsonl"))
    count, torn = len(before), any(not path.read_bytes().endswith(b"\n") for path in files)
    if first == OURS:
        for path in files:
            copy = world.agent.parent / "copy.jsonl"
            copy.write_bytes(path.read_bytes())
            assert len(Store.open(copy).entries("message")) == len(before)
    for command in then:
        body = go_on(world, command)
        check_calls(body)
        assert {text for text in said(before) if not any(text in there for there in strings(body))} == set()
        after = saved(world)
        assert after[: len(before)] == before
        assert after[-1]["content"][0]["text"] == "Fine."
        before = after
    if first == OURS == then[-1] and len(then) == 1:  # the original leaves files of its own
        check_left_overs(world)
    return Round(number, result, count, torn)


def rounds(root: Path, model: Provider, count: int, *commands: list[str]) -> list[Round]:
    """That many, two at a time; a whole run tells how long one takes."""
    world = World(root, model)
    start = time.monotonic()
    subprocess.run(
        [*commands[0], "--model", "oai/m", "-p", "Begin.", "And now again."],
        cwd=world.project,
        env={**world.env, "TMPDIR": str(root), "PI_TELEMETRY": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    full_s = time.monotonic() - start
    with ThreadPoolExecutor(2) as pool:
        done = list(
            pool.map(lambda number: one_round(root, model, number, full_s * 1.1, *commands), range(count))
        )
    late, torn = sum(it.killed.whole for it in done), sum(it.torn for it in done)
    empty = sum(it.saved == 0 for it in done)
    longest_s = max(it.killed.longest_s for it in done)
    print(f"{count} kills in runs of {full_s:.2f} s: {late} too late, {empty} before anything was saved,")
    print(f"{torn} inside a line; the last process of one was gone after {longest_s:.3f} s at most")
    return done


def test_a_killed_run_loses_nothing_that_it_showed_and_goes_on(tmp_path: Path, model: Provider) -> None:
    done = rounds(tmp_path, model, KILLS, OURS, OURS)

    assert sum(not it.killed.whole for it in done) > KILLS / 2


@pytest.mark.skipif(not ORIGINAL, reason="opt-in: PI_TEST_ORIGINAL is the original's command line")
def test_the_original_goes_on_with_what_we_left_and_we_with_that(tmp_path: Path, model: Provider) -> None:
    rounds(tmp_path, model, 30, OURS, ORIGINAL, OURS)


@pytest.mark.skipif(not ORIGINAL, reason="opt-in: PI_TEST_ORIGINAL is the original's command line")
def test_we_go_on_with_what_the_original_left(tmp_path: Path, model: Provider) -> None:
    rounds(tmp_path, model, 30, ORIGINAL, OURS)

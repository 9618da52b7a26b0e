"""Back and forth with the original Pi on the same files: opt-in, PI_TEST_ORIGINAL is its command line."""

import json
import os
import shlex
import subprocess
import sys

import pytest

from tests.e2e.conftest import World

ORIGINAL = shlex.split(os.environ.get("PI_TEST_ORIGINAL", ""))

pytestmark = pytest.mark.skipif(
    not ORIGINAL, reason="opt-in: PI_TEST_ORIGINAL is the original's command line"
)


def say(world: World, command: list[str], *words: str) -> str:
    done = subprocess.run(
        [*command, *words],
        cwd=world.project,
        env={**world.env, "PI_TELEMETRY": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_session_goes_back_and_forth_between_the_two(world: World) -> None:
    ours = [sys.executable, "-m", "pi"]
    world.provider.script(*({"text": f"answer {number}"} for number in range(4)))

    say(world, ours, "--model", "oai/m", "-p", "one")
    say(world, ORIGINAL, "-c", "-p", "two")
    say(world, ours, "-c", "-p", "three")
    assert say(world, ORIGINAL, "-c", "-p", "four") == "answer 3\n"

    asked = [m for m in world.provider.requests[-1]["body"]["messages"] if m["role"] in ("user", "assistant")]
    texts = [m["content"] if isinstance(m["content"], str) else m["content"][0]["text"] for m in asked]
    assert texts == ["one", "answer 0", "two", "answer 1", "three", "answer 2", "four"]
    assert len(world.sessions()) == 1


def test_the_original_starts_on_a_folder_that_we_wrote(world: World) -> None:
    calls = [{"name": "bash", "args": {"command": "echo \ud83d"}}, {"name": "read", "args": {"path": "none"}}]
    world.provider.script({"toolCalls": calls}, {"text": "Done."})
    world.run("--model", "oai/m", "--name", "Näme 🐦", "-p", "Wörk")

    (session,) = world.sessions()
    exported = world.project / "out.html"
    path = next(world.agent.glob("sessions/*/*.jsonl"))
    say(world, ORIGINAL, "--export", str(path), str(exported))

    assert exported.stat().st_size > 100_000
    assert [entry["type"] for entry in session][:3] == ["session", "session_info", "model_change"]
    assert json.loads((world.agent / "models.json").read_text())["providers"]

"""Runs the real command against a real local model: tool calls and their results make the round trip.

Opt-in: set PI_TEST_LOCAL_MODEL=http://host:port to an OpenAI-compatible server whose model can call tools
(llama-server with --jinja does; start it with --temp 0). Small models are poor at tasks, so only the
plumbing is asserted: a tool was called, ran, was saved, and the model took its result back.
"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pi

SERVER = os.environ.get("PI_TEST_LOCAL_MODEL", "").rstrip("/")
PI = [sys.executable, "-m", "pi"]
PROVIDERS = {
    "openai-completions": f"{SERVER}/v1",
    "openai-responses": f"{SERVER}/v1",
    "anthropic-messages": SERVER,
}

pytestmark = [
    pytest.mark.skipif(not SERVER, reason="opt-in: PI_TEST_LOCAL_MODEL=http://host:port names the server"),
    pytest.mark.timeout(900),  # a small model on a shared CPU reads some 30 tokens a second
]


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    """The protocol to speak; the Anthropic one only where the server has it."""
    if request.param == "anthropic-messages" and not answers_messages():
        pytest.skip(f"{SERVER} does not answer /v1/messages")
    return request.param


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project beside an agent directory whose models.json knows the server by both protocols."""
    project, agent = tmp_path / "project", tmp_path / "agent"
    project.mkdir()
    agent.mkdir()
    model = {"id": "local", "contextWindow": 16384, "maxTokens": 256}
    providers = {
        api: {"api": api, "baseUrl": url, "apiKey": "none", "models": [model]}
        for api, url in PROVIDERS.items()
    }
    (agent / "models.json").write_text(json.dumps({"providers": providers}))
    return project


def test_a_read_call_of_a_real_model_runs_and_its_result_goes_back(project: Path, provider: str):
    (project / "notes.txt").write_text("The heron waits by the mill.\n")
    events = run(project, provider, "read", "Use the read tool to read the file notes.txt.")
    assert "The heron waits by the mill." in tool_text(events, "read")
    assert saved_calls(project) >= {("read", False)}
    assert_answered(events)


def test_a_bash_call_of_a_real_model_runs_and_its_result_goes_back(project: Path, provider: str):
    # Named outright: left to itself, a small model likes a timeout of 0, which is an error.
    prompt = (
        "Use the bash tool with a timeout of 60 to run this command: echo kingfisher > made.txt; cat made.txt"
    )
    events = run(project, provider, "bash", prompt)
    assert "kingfisher" in tool_text(events, "bash")
    assert (project / "made.txt").read_text() == "kingfisher\n"
    assert saved_calls(project) >= {("bash", False)}
    assert_answered(events)


def answers_messages() -> bool:
    body = {"model": "local", "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]}
    request = urllib.request.Request(
        f"{SERVER}/v1/messages",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": "none"},
    )
    try:
        with urllib.request.urlopen(request, timeout=300) as response:
            return json.load(response).get("type") == "message"
    except urllib.error.HTTPError as error:
        error.close()
        return False


def run(project: Path, provider: str, tool: str, prompt: str) -> list[dict[str, Any]]:
    """The events of the first two turns: the call, and what the model says to its result.

    The command is stopped there: a small model may go on calling for ever, and that is no fault of ours.
    """
    command = [*PI, "--model", f"{provider}/local", "--mode", "json", "--tools", tool, prompt]
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(pi.__file__).parents[1]),
        "HOME": str(project.parent),
        "PI_CODING_AGENT_DIR": str(project.parent / "agent"),
        "PI_OFFLINE": "1",
    }
    with (
        (project.parent / "stderr.txt").open("w+") as errors,
        subprocess.Popen(
            command,
            cwd=project,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as child,
    ):
        try:
            assert child.stdout is not None
            events = list(first_turns(map(json.loads, child.stdout), 2))
        finally:
            child.kill()
        errors.seek(0)
        assert events, f"no event came; stderr: {errors.read()}"
        return events


def first_turns(events: Iterator[dict[str, Any]], turns: int) -> Iterator[dict[str, Any]]:
    for event in events:
        yield event
        turns -= event["type"] == "turn_end"
        if not turns:
            return


def tool_text(events: list[dict[str, Any]], name: str) -> str:
    """All text that the tool gave; a failed call counts as none."""
    return "\n".join(
        block["text"]
        for event in events
        if event["type"] == "tool_execution_end" and event["toolName"] == name and not event["isError"]
        for block in event["result"]["content"]
    )


def saved_calls(project: Path) -> set[tuple[str, bool]]:
    """(tool, failed) of each call in the session file that has its result there."""
    (path,) = (project.parent / "agent" / "sessions").glob("*/*.jsonl")
    entries = map(json.loads, path.read_text().splitlines())
    messages = [entry["message"] for entry in entries if entry["type"] == "message"]
    calls = {
        block["id"]
        for message in messages
        if message["role"] == "assistant"
        for block in message["content"]
        if block["type"] == "toolCall"
    }
    return {
        (message["toolName"], message["isError"])
        for message in messages
        if message["role"] == "toolResult" and message["toolCallId"] in calls
    }


def assert_answered(events: list[dict[str, Any]]) -> None:
    """The model took the result: each answer ended on its own, none in an error."""
    reasons = [
        event["message"]["stopReason"]
        for event in events
        if event["type"] == "message_end" and event["message"]["role"] == "assistant"
    ]
    assert len(reasons) == 2
    assert set(reasons) <= {"stop", "toolUse", "length"}

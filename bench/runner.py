"""Runs one command of one peer in a clean environment of its own; tells what it cost and what it asked."""

import itertools
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from peers import Peer
from scenarios import Sample, Scenario
from server import LAST_PIECE, Play, Request, ScriptedServer

LAUNCH = Path(__file__).with_name("launch.py")


class RunError(Exception):
    """A run that did not do what its scenario is about; the text says what it did instead."""


class Runner:
    """A peer that is ready to run: its program, its home and its (empty) working directory below `root`."""

    def __init__(
        self, peer: Peer, program: list[str], root: Path, server: ScriptedServer, timeout: float
    ) -> None:
        self.peer, self.program, self.server, self.timeout = peer, program, server, timeout
        self.home, self.work, self.output = root / "home", root / "work", root / "output"
        scratch = root / "tmp"
        for folder in (self.home, self.work, scratch):
            folder.mkdir(parents=True)
        places = {"home": str(self.home), "url": server.url}
        for name, text in peer.files.items():
            path = self.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(fill(text, places))
        self.env = {
            "HOME": str(self.home),
            "TMPDIR": str(scratch),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            **{name: fill(value, places) for name, value in peer.env.items()},
        }

    def can(self, scenario: Scenario) -> bool:
        """Whether the peer has the command, and a way to write the session that the scenario continues."""
        return scenario.command in self.peer.arguments and not (
            scenario.entries and not self.peer.write_session
        )

    def run(self, scenario: Scenario) -> Sample:
        """One run; raises RunError when it fails, hangs or does something else."""
        self.prepare_session(scenario)
        play = self.server.play(scenario.script)
        cost = self.launch([*self.program, *self.peer.arguments[scenario.command]])
        self.check(scenario, cost, play)
        return Sample(cost["wall"], cost["cpu"], cost["rss"], *asked(cost["start"], play.requests))

    def prepare_session(self, scenario: Scenario) -> None:
        shutil.rmtree(self.home / self.peer.sessions, ignore_errors=True)
        if scenario.entries and self.peer.write_session:
            self.peer.write_session(self.home, self.work, scenario)

    def launch(self, command: list[str]) -> dict[str, Any]:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCH), str(self.output), *command],
            cwd=self.work,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            out, errors = process.communicate(timeout=self.timeout)
        except subprocess.TimeoutExpired:
            raise RunError(f"did not end within {self.timeout:g} s") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        if process.returncode:
            raise RunError(f"could not be started: {last_line(errors)}")
        return json.loads(out)

    def check(self, scenario: Scenario, cost: dict[str, Any], play: Play) -> None:
        with self.output.open("rb") as file:
            file.seek(max(0, self.output.stat().st_size - 100_000))
            tail = file.read()
        if cost["code"]:
            raise RunError(f"exit code {cost['code']}: {last_line(tail)}")
        if len(play.requests) < scenario.requests:
            raise RunError(f"{len(play.requests)} of {scenario.requests} requests came: {last_line(tail)}")
        if scenario.requests and LAST_PIECE.encode() not in tail:
            raise RunError(f"the model's text is missing in the output: {last_line(tail)}")
        if scenario.requests and len(messages_of(play.requests[0])) < scenario.messages:
            raise RunError("the session's messages are missing in the request")


def asked(start: float, requests: list[Request]) -> tuple[int, float, float, int, int]:
    """The last five fields of a sample."""
    if not requests:
        return 0, 0, 0, 0, 0
    gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(requests)]
    body = requests[0].body
    system = [item for item in messages_of(requests[0]) if item.get("role") in ("system", "developer")]
    instructions = body.get("instructions") or ""
    tools = json.dumps(body.get("tools", []), separators=(",", ":"), ensure_ascii=False)
    return (
        len(requests),
        requests[0].at - start,
        statistics.median(gaps) if gaps else 0,
        len(instructions) + sum(characters(message["content"]) for message in system),
        len(tools),
    )


def messages_of(request: Request) -> list[dict[str, Any]]:
    """The conversation of a request, by the name that its format has for it."""
    return request.body.get("messages") or request.body.get("input") or []


def characters(content: Any) -> int:
    """The characters of a message's text, given as a string or as text blocks."""
    return len(content) if isinstance(content, str) else sum(len(block["text"]) for block in content)


def fill(text: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        text = text.replace(f"<{name}>", value)
    return text


def last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").split("\n")
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "no output")

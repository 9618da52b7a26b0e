"""Somebody deletes, cuts or replaces the session file, or the disk is full: the run goes on and saves."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import World

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there nobody can meddle with an open file")

ROLES = ["user", "assistant", "toolResult", "assistant", "toolResult", "assistant"]


def wait_for(name: str) -> dict[str, Any]:
    """A call of bash that makes a file and ends when there is another one."""
    command = f"touch at-{name}; until [ -e on-{name} ]; do sleep 0.01; done; seq 1 2000"
    return {"toolCalls": [{"id": f"call_{name}", "name": "bash", "args": {"command": command}}]}


class Run:
    """A run in JSON mode with two pauses, `one` and `two`, in which the test does something."""

    def __init__(self, world: World):
        self.world = world
        world.provider.script(wait_for("one"), wait_for("two"), {"text": "Done."})
        self.process = world.start("--model", "oai/m", "--mode", "json", "Begin.")
        self.pause("one", resume=False)
        (self.path,) = world.agent.glob("sessions/*/*.jsonl")

    def pause(self, name: str, *, resume: bool) -> None:
        """Read events until the call has begun; `resume` lets it end."""
        assert self.process.stdout
        for line in self.process.stdout:
            event = json.loads(line)
            if event["type"] == "tool_execution_start" and event["toolCallId"] == f"call_{name}":
                break
        if resume:
            self.resume(name)

    def resume(self, name: str) -> None:
        (self.world.project / f"on-{name}").touch()

    def end(self) -> tuple[int, str]:
        """Exit code and stderr."""
        _, complaints = self.process.communicate(timeout=60)
        return self.process.returncode, complaints

    def roles(self) -> list[str]:
        (session,) = self.world.sessions()
        roles = [entry["message"]["role"] for entry in session if entry["type"] == "message"]
        return [role for role in roles if role != "system"]


def deleted(path: Path) -> None:
    path.unlink()


def deleted_with_its_folder(path: Path) -> None:
    shutil.rmtree(path.parents[1])


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def cut_in_a_line(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 100)


def replaced_by_its_beginning(path: Path) -> None:
    draft = path.with_suffix(".draft")
    draft.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    draft.replace(path)


def made_read_only(path: Path) -> None:
    path.chmod(0o444)


@pytest.mark.parametrize(
    "meddle",
    [deleted, deleted_with_its_folder, emptied, cut_in_a_line, replaced_by_its_beginning, made_read_only],
)
def test_what_others_do_to_the_file_loses_nothing(world: World, meddle: Callable[[Path], None]) -> None:
    run = Run(world)
    meddle(run.path)
    run.resume("one")
    run.pause("two", resume=True)

    assert run.end() == (0, "")
    lines = run.path.read_bytes().splitlines()
    unreadable = [line for line in lines if not line.endswith(b"}")]
    assert len(unreadable) == (meddle is cut_in_a_line)
    run.path.write_bytes(b"".join(line + b"\n" for line in lines if line not in unreadable))
    assert run.roles() == ROLES
    run.path.chmod(0o644)
    assert world.run("-c", "-p", "More").returncode == 0
    assert [message["role"] for message in world.provider.requests[-1]["body"]["messages"]] == [
        "developer",
        *("tool" if role == "toolResult" else role for role in ROLES),
        "user",
    ]


def test_what_a_full_disk_refused_is_written_once_there_is_room(world: World) -> None:
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("only Linux changes the limits of a running program")
    run = Run(world)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (run.path.stat().st_size + 500, hard))
    run.resume("one")
    run.pause("two", resume=False)
    before = run.roles()
    resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (soft, hard))
    run.resume("two")

    code, complaints = run.end()
    assert (code, before, run.roles()) == (0, ROLES[:2], ROLES)
    assert complaints.startswith(
        f"Warning: Can't write the session file {run.path}: File too large. Nothing is"
    )
    assert complaints.count("\n") == 1


def test_a_disk_that_stays_full_costs_the_rest_and_nothing_else(world: World) -> None:
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("only Linux changes the limits of a running program")
    run = Run(world)
    whole = run.path.read_bytes()
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (len(whole) + 500, hard))
    run.resume("one")
    run.pause("two", resume=True)

    code, complaints = run.end()
    assert (code, run.path.read_bytes()) == (1, whole)
    assert "File too large" in complaints and "Traceback" not in complaints
    assert world.run("-c", "-p", "More").returncode == 0
    roles = [message["role"] for message in world.provider.requests[-1]["body"]["messages"]]
    assert roles == ["developer", "user", "assistant", "tool", "user"]


def test_a_really_full_disk_is_one_too(world: World, tmp_path: Path) -> None:
    sessions = world.agent / "sessions"
    sessions.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(sessions)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root alone")
    try:
        run = Run(world)
        filler = sessions / "filler"
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while file.write(b"x" * 1000):
                pass
        run.resume("one")
        run.pause("two", resume=False)
        before = run.path.read_bytes()
        filler.unlink()
        run.resume("two")
        code, complaints = run.end()
        assert (code, run.roles()) == (0, ROLES)
        assert before.endswith(b"}\n")
        assert "No space left on device" in complaints
    finally:
        subprocess.run(["umount", str(sessions)], check=True)

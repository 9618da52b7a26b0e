"""How it ends: orderly at the end of stdin, at a signal and at a reader's end, at once when asked twice."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.e2e.conftest import World
from tests.modes.rpc.conftest import Start

HANG = {"text": "Never done.", "chunk": 4, "fault": {"kind": "hang", "afterDeltas": 1}}
unix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def test_the_end_of_stdin_stops_the_run_and_saves_what_came(start: Start, world: World) -> None:
    world.provider.script(HANG)
    pi = start()
    pi.send({"type": "prompt", "message": "Go"})
    pi.until(type="message_update")
    assert pi.close() == 0
    assert world.last_message()["stopReason"] == "aborted"


@unix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_with_its_code_and_nothing_runs_on(
    start: Start, world: World, number: signal.Signals, code: int
) -> None:
    pi = start()
    pi.send({"type": "bash", "command": "echo $$; sleep 600"})
    child = int(pi.next()["delta"])
    pi.process.send_signal(number)
    assert pi.wait() == code
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


@unix
def test_extensions_are_told_of_the_end(start: Start, world: World) -> None:
    note = world.project / "note"
    extension = world.project / "bye.py"
    extension.write_text(
        "def extension(pi):\n"
        "    @pi.on('session_shutdown')\n"
        "    def bye(event, ctx):\n"
        f"        open({str(note)!r}, 'w').write(event.reason)\n"
    )
    pi = start("-e", str(extension))
    assert pi.data("get_commands") == {"commands": []}
    pi.process.send_signal(signal.SIGTERM)
    assert pi.wait() == 143
    assert note.read_text() == "quit"


@unix
def test_a_second_signal_ends_it_at_once_without_orphans(start: Start, world: World) -> None:
    extension = world.project / "slow.py"
    extension.write_text(
        "import asyncio\n"
        "def extension(pi):\n"
        "    @pi.on('session_shutdown', limit=600)\n"
        "    async def bye(event, ctx):\n"
        "        ctx.ui.notify('leaving')\n"
        "        await asyncio.sleep(600)\n"
    )
    pi = start("-e", str(extension))
    pi.send({"type": "bash", "command": "echo $$; sleep 600"})
    child = int(pi.next()["delta"])
    pi.process.send_signal(signal.SIGTERM)
    pi.until(method="notify")
    pi.process.send_signal(signal.SIGTERM)
    assert pi.wait() == 143
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_an_extension_may_end_it_once_its_command_is_done(start: Start, world: World) -> None:
    extension = world.project / "leave.py"
    extension.write_text(
        "def extension(pi):\n"
        "    @pi.command('leave', 'end Pi')\n"
        "    async def leave(args, ctx):\n"
        "        ctx.shutdown()\n"
        "        ctx.ui.notify('soon')\n"
    )
    pi = start("-e", str(extension))
    pi.send({"id": "p", "type": "prompt", "message": "/leave"})
    assert pi.next()["message"] == "soon"
    assert pi.next()["data"] == {"disposition": "handled"}
    assert pi.wait() == 0


def begin(world: World) -> "subprocess.Popen[bytes]":
    """A process whose output nobody reads yet."""
    return subprocess.Popen(
        world.command("--mode", "rpc", "--model", "oai/m"),
        cwd=world.project,
        env=world.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def test_a_reader_that_has_gone_ends_it(world: World) -> None:
    process = begin(world)
    assert process.stdin and process.stdout
    process.stdout.close()
    process.stdin.write(b'{"type":"get_state"}\n')
    process.stdin.flush()
    assert process.wait(30) == 141
    process.stdin.close()


@unix
def test_a_slow_reader_stops_nothing_and_loses_nothing(world: World) -> None:
    """Far more than a pipe holds is asked for before anything is read; the session goes on meanwhile."""
    world.provider.script(after={"text": "Fine."})
    process = begin(world)
    assert process.stdin and process.stdout
    marker = world.project / "marker"
    os.mkfifo(marker)
    commands = [{"id": n, "type": "set_session_name", "name": f"{n}" * 20_000} for n in range(1, 9)]
    commands += [{"id": f"s{n}", "type": "get_state"} for n in range(200)]
    commands += [{"id": "last", "type": "bash", "command": f"echo done > {marker}; echo done"}]
    process.stdin.write(b"".join(json.dumps(command).encode() + b"\n" for command in commands))
    process.stdin.flush()
    assert marker.read_text() == "done\n"  # it has run, though nobody reads
    records = []
    for line in process.stdout:
        records.append(json.loads(line))
        if records[-1].get("id") == "last" and records[-1]["type"] == "response":
            break
    answered = [record["id"] for record in records if record["type"] == "response"]
    assert sorted(map(str, answered)) == sorted(str(command["id"]) for command in commands)
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()


def test_what_others_print_goes_to_stderr(start: Start, world: World) -> None:
    extension = world.project / "noisy.py"
    extension.write_text(
        "import os, subprocess, sys\n"
        "print('at import')\n"
        "def extension(pi):\n"
        "    @pi.command('noise', '')\n"
        "    async def noise(args, ctx):\n"
        "        print('printed')\n"
        "        os.write(1, b'written\\n')\n"
        "        subprocess.run([sys.executable, '-c', 'print(\"by a child\")'])\n"
        "        assert sys.stdin.read() == ''\n"
    )
    pi = start("-e", str(extension))
    assert pi.data("prompt", message="/noise") == {"disposition": "handled"}
    assert pi.close() == 0
    assert pi.rest() == []
    for text in ("at import", "printed", "written", "by a child"):
        assert text in pi.stderr


def test_what_came_before_the_end_of_stdin_is_answered_when_extensions_begin_slowly(world: World) -> None:
    extension = world.project / "slow.py"
    extension.write_text(
        "import asyncio\n"
        "def extension(pi):\n"
        "    @pi.on('session_start')\n"
        "    async def slow(event, ctx):\n"
        "        await asyncio.sleep(0.2)\n"
        "        assert not await ctx.ui.confirm('Anybody there?')\n"
    )
    done = world.run("--mode", "rpc", "-e", str(extension), stdin='{"id":"1","type":"get_state"}\n')
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["id"], line["success"]) for line in answers if line["type"] == "response"] == [("1", True)]
    assert done.returncode == 0

"""Programs in the background outlive Pi, are found again, tell their code, and end with all they started."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from pi.harness.background import BackgroundProcesses, Output, Process
from pi.platform.errors import PiError
from pi.platform.process_ids import ProcessId, _ps, process_id, process_table

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")

SPAWNER = """
import asyncio, os, signal, sys
from pathlib import Path
from pi.harness.background import BackgroundProcesses

async def main():
    folder = Path(sys.argv[1])
    await BackgroundProcesses(folder / "processes").spawn(
        sys.argv[2:], cwd=folder, owner="ext", session_id="s1", name="server"
    )
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[BackgroundProcesses]:
    found = BackgroundProcesses(tmp_path / "processes")
    yield found
    for process in found.list():
        asyncio.run(process.stop(grace_s=0))


async def line(process: Process) -> str:
    """The first line of its log; what waits for it is bounded by the test's time limit."""
    while "\n" not in (text := process.read().text):
        await asyncio.sleep(0.01)
    return text.splitlines()[0]


def finished(processes: BackgroundProcesses, cwd: Path, *argv: str, **options: object) -> Process:
    async def run() -> Process:
        process = await processes.spawn(argv, cwd=cwd, **options)  # type: ignore[arg-type]
        await process.wait()
        return process

    return asyncio.run(run())


def noted(processes: BackgroundProcesses, process: Process, **changes: object) -> Process:
    """The process as it would be had its note said something else."""
    changed = structs.replace(process, **changes)
    (process.folder / "process.json").write_bytes(msgspec.json.encode(changed, enc_hook=str))
    return processes.get(process.id)


def test_it_writes_both_streams_to_its_log_and_tells_its_code(
    processes: BackgroundProcesses, tmp_path: Path
) -> None:
    process = finished(processes, tmp_path, "sh", "-c", "echo out; echo err >&2; cat; pwd; exit 3")
    assert (process.running, process.exit_code) == (False, 3)
    text = f"out\nerr\n{tmp_path}\n"
    assert process.read() == Output(text, len(text), ended=True)


def test_a_signal_is_told_as_128_plus_its_number(processes: BackgroundProcesses, tmp_path: Path) -> None:
    assert finished(processes, tmp_path, "sh", "-c", "kill -TERM $$").exit_code == 143


def test_arguments_and_environment_arrive_as_they_are(processes: BackgroundProcesses, tmp_path: Path) -> None:
    script = "import os, sys; print(sys.argv[1:]); print(open('/proc/self/environ').read().split(chr(0)))"
    env = {"odd name": "$(x)", "PATH": "/bin"}
    process = finished(processes, tmp_path, sys.executable, "-c", script, "$HOME", "a b", "*;", "", env=env)
    assert process.read().text == "['$HOME', 'a b', '*;', '']\n['odd name=$(x)', 'PATH=/bin', '']\n"


def test_a_builtin_of_shells_is_no_program(processes: BackgroundProcesses, tmp_path: Path) -> None:
    with pytest.raises(PiError, match=r"Can't start set: No such file or directory\. Is it installed"):
        finished(processes, tmp_path, "set")


@pytest.mark.parametrize("argv", [["./missing"], [], ["a\0b"], ["/"]])
def test_what_cannot_start_says_so_and_leaves_nothing(
    processes: BackgroundProcesses, tmp_path: Path, argv: list[str]
) -> None:
    with pytest.raises(PiError):
        asyncio.run(processes.spawn(argv, cwd=tmp_path))
    assert not (tmp_path / "processes").exists() or os.listdir(tmp_path / "processes") == []


def test_a_missing_folder_or_log_folder_is_named(processes: BackgroundProcesses, tmp_path: Path) -> None:
    with pytest.raises(PiError, match="nowhere is no folder"):
        asyncio.run(processes.spawn(["true"], cwd=tmp_path / "nowhere"))
    with pytest.raises(PiError, match=r"nowhere/log.*No such file"):
        asyncio.run(processes.spawn(["true"], cwd=tmp_path, log=Path("nowhere/log")))
    assert os.listdir(tmp_path / "processes") == []


def test_only_its_user_can_look_inside(processes: BackgroundProcesses, tmp_path: Path) -> None:
    process = finished(processes, tmp_path, "true")
    modes = [path.stat().st_mode & 0o777 for path in (process.folder.parent, process.folder)]
    files = {
        path.name: path.stat().st_mode & 0o777 for path in (process.log, process.folder / "process.json")
    }
    assert (modes, files) == ([0o700, 0o700], {"log": 0o600, "process.json": 0o600})


def test_it_survives_a_killed_pi_and_is_read_on_waited_for_and_found(
    processes: BackgroundProcesses, tmp_path: Path
) -> None:
    script = "echo begun; read line <fifo; echo $line; exit 7"
    os.mkfifo(tmp_path / "fifo")
    parent = subprocess.run([sys.executable, "-c", SPAWNER, str(tmp_path), "sh", "-c", script])
    assert parent.returncode == -signal.SIGKILL

    async def attach() -> None:
        [process] = processes.list(owner="ext", session_id="s1")
        assert (process.name, process.argv, process.running) == ("server", ("sh", "-c", script), True)
        assert await line(process) == "begun"
        first = process.read()
        assert first == Output("begun\n", 6, ended=False)
        assert await process.wait(timeout=0) is None
        (tmp_path / "fifo").write_text("more\n")
        assert await process.wait() == 7
        assert process.read(first.next_offset) == Output("more\n", 11, ended=True)
        assert processes.get(process.id) == process

    asyncio.run(attach())


def test_it_can_be_stopped_after_pi_was_killed(processes: BackgroundProcesses, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", SPAWNER, str(tmp_path), "sleep", "1000"])
    [process] = processes.list()
    assert process.running
    asyncio.run(process.stop())
    assert (process.running, process.exit_code) == (False, 143)


def test_stopping_gives_time_to_say_goodbye(processes: BackgroundProcesses, tmp_path: Path) -> None:
    async def run() -> None:
        script = "trap 'echo bye; exit 4' TERM; echo ready; while :; do sleep 0.05; done"
        process = await processes.spawn(["sh", "-c", script], cwd=tmp_path)
        await line(process)
        await process.stop(grace_s=60)
        assert (process.exit_code, process.read().text.splitlines()[-1]) == (4, "bye")
        await process.stop()  # once more does nothing

    asyncio.run(run())


def test_stopping_ends_the_whole_tree_even_what_left_the_session(
    processes: BackgroundProcesses, tmp_path: Path
) -> None:
    async def run() -> None:
        deaf = "trap '' TERM; echo $$ >>pids; while :; do sleep 1000; done"
        script = f'trap "" TERM; setsid sh -c "$1" & sh -c "$1" & {deaf}'
        process = await processes.spawn(["sh", "-c", script, "sh", deaf], cwd=tmp_path)
        pids: list[str] = []
        while len(pids) < 3:
            await asyncio.sleep(0.01)
            pids = (tmp_path / "pids").read_text().split() if (tmp_path / "pids").exists() else []
        await process.stop(grace_s=0)
        assert process.exit_code == 137
        assert [process_id(int(pid)) for pid in pids] == [None, None, None]

    asyncio.run(run())


def test_another_process_of_the_same_number_is_neither_taken_for_it_nor_killed(
    processes: BackgroundProcesses, tmp_path: Path
) -> None:
    stranger = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    try:
        process = finished(processes, tmp_path, "true")
        (process.folder / "exit").unlink()  # as if its supervisor had been killed
        earlier = ProcessId(stranger.pid, process.root.birth)
        process = noted(processes, process, root=earlier, supervisor=earlier)
        assert (process.running, process.exit_code) == (False, None)
        asyncio.run(process.stop(grace_s=0))
        assert asyncio.run(process.wait()) is None
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_without_its_supervisor_it_runs_on_and_can_be_stopped_but_its_code_is_unknown(
    processes: BackgroundProcesses, tmp_path: Path
) -> None:
    async def run() -> None:
        process = await processes.spawn(["sleep", "1000"], cwd=tmp_path)
        os.kill(process.supervisor.pid, signal.SIGKILL)
        assert await process.wait(timeout=0.05) is None
        assert process.running
        await process.stop()
        assert (process.running, process.exit_code, process.read()) == (
            False,
            None,
            Output("", 0, ended=True),
        )

    asyncio.run(run())


def test_no_zombie_stays(processes: BackgroundProcesses, tmp_path: Path) -> None:
    process = finished(processes, tmp_path, "true")
    for thread in threading.enumerate():
        if thread.daemon:
            thread.join(10)
    assert [Path(f"/proc/{pid}").exists() for pid in (process.pid, process.supervisor.pid)] == [False, False]


def test_it_is_out_of_reach_of_the_terminals_signals(processes: BackgroundProcesses, tmp_path: Path) -> None:
    async def run() -> None:
        process = await processes.spawn(["sleep", "1000"], cwd=tmp_path)
        assert os.getsid(process.pid) == os.getpgid(process.pid) == process.pid
        assert os.getsid(process.supervisor.pid) not in (os.getsid(0), process.pid)
        await process.stop(grace_s=0)

    asyncio.run(run())


def test_a_cancelled_start_began_nothing_or_is_listed(processes: BackgroundProcesses, tmp_path: Path) -> None:
    async def run(steps: int) -> None:
        task = asyncio.create_task(processes.spawn(["sleep", "1000"], cwd=tmp_path))
        for _ in range(steps):
            await asyncio.sleep(0.004)
        task.cancel()
        await asyncio.wait([task])

    for steps in range(12):
        asyncio.run(run(steps))
    listed = {process.pid for process in processes.list() if process.running}
    sleeping = {pid for pid in process_table() if _cwd(pid) == str(tmp_path)}
    assert sleeping == listed


def _cwd(pid: int) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return None


def test_a_chosen_log_is_continued_and_kept(processes: BackgroundProcesses, tmp_path: Path) -> None:
    (tmp_path / "my.log").write_text("old\n")
    process = finished(processes, tmp_path, "echo", "new", log=Path("my.log"))
    processes.forget(process.id)
    assert (process.log, process.log.read_text()) == (tmp_path / "my.log", "old\nnew\n")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    data=st.one_of(
        st.text(max_size=40).map(lambda text: text.encode(errors="replace")), st.binary(max_size=40)
    )
)
def test_pieces_of_a_log_make_the_whole(tmp_path: Path, data: bytes) -> None:
    process = Process(
        id="x",
        argv=("x",),
        cwd=tmp_path,
        name="",
        owner="",
        session_id=None,
        log=tmp_path / "log",
        started_at=0,
        folder=tmp_path,
        root=ProcessId(1, "never"),
        supervisor=ProcessId(1, "never"),
    )
    process.log.write_bytes(data)
    for limit in (1, 4, 5, 7):
        pieces = [process.read(limit=limit)]
        while not pieces[-1].ended:
            pieces.append(process.read(pieces[-1].next_offset, limit))
        assert ("".join(piece.text for piece in pieces), pieces[-1].next_offset) == (
            data.decode(errors="replace"),
            len(data),
        )


def test_half_a_character_waits_for_its_other_half(processes: BackgroundProcesses, tmp_path: Path) -> None:
    async def run() -> None:
        process = await processes.spawn(["sleep", "1000"], cwd=tmp_path)
        process.log.write_bytes("aé".encode()[:-1])
        assert process.read() == Output("a", 1, ended=False)
        process.log.write_bytes("aé".encode())
        assert process.read(1) == Output("é", 3, ended=False)
        await process.stop(grace_s=0)
        assert process.read(3) == Output("", 3, ended=True)
        process.log.unlink()
        assert process.read(3) == Output("", 3, ended=True)

    asyncio.run(run())


def test_they_are_listed_by_owner_and_session_in_the_order_of_start(
    processes: BackgroundProcesses, tmp_path: Path
) -> None:
    a = finished(processes, tmp_path, "true", owner="x", session_id="1")
    b = finished(processes, tmp_path, "true", owner="x", session_id="2")
    c = finished(processes, tmp_path, "true", owner="y", session_id="1")
    assert processes.list() == [a, b, c]
    assert processes.list(owner="x") == [a, b]
    assert processes.list(session_id="1") == [a, c]
    assert processes.list(owner="y", session_id="2") == []


def test_an_unknown_id_is_answered_with_the_known_ones(
    processes: BackgroundProcesses, tmp_path: Path
) -> None:
    with pytest.raises(PiError, match="there are: none at all"):
        processes.get("../x")
    process = finished(processes, tmp_path, "true")
    with pytest.raises(PiError, match=f"there are: {process.id}"):
        processes.get("12345678")


def test_only_ended_ones_are_forgotten(processes: BackgroundProcesses, tmp_path: Path) -> None:
    async def run() -> None:
        process = await processes.spawn(["sleep", "1000"], cwd=tmp_path)
        with pytest.raises(PiError, match="Stop it first"):
            processes.forget(process.id)
        processes.prune(max_age_ms=-1000)
        assert processes.list() == [process]
        await process.stop(grace_s=0)
        processes.forget(process.id)
        assert processes.list() == []

    asyncio.run(run())


def test_old_ended_and_damaged_ones_go_at_the_next_start(
    processes: BackgroundProcesses, tmp_path: Path
) -> None:
    old = finished(processes, tmp_path, "true")
    damaged = finished(processes, tmp_path, "true")
    (damaged.folder / "process.json").write_text("{")
    assert processes.list() == [old]
    for process in (old, damaged):
        os.utime(process.folder, (0, 0))
    new = finished(processes, tmp_path, "true")
    assert (processes.list(), os.listdir(new.folder.parent)) == ([new], [new.id])


def test_ps_tells_of_the_same_processes_as_the_kernel() -> None:
    me = os.getpid()
    row, kernels = _ps("-A")[me], process_table()[me]
    assert (row.parent, row.group) == (kernels.parent, kernels.group) == (os.getppid(), os.getpgid(0))
    assert row == _ps("-p", str(me))[me]
    assert row.birth.replace("_", "").isalnum()
    ended = subprocess.Popen(["true"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
    assert (_ps("-p", str(ended.pid)), process_id(ended.pid)) == ({}, None)
    ended.wait()

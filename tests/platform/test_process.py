import asyncio
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pi.platform import process
from pi.platform.process import Exit, run, run_captured

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="watches processes through /proc and pidfds")


def shell(command: str, **options: object) -> tuple[Exit, bytes]:
    output = bytearray()
    end = asyncio.run(run(["/bin/bash", "-c", command], on_output=output.extend, **options))  # type: ignore[arg-type]
    return end, bytes(output)


def gone(pid: int) -> bool:
    """Waits until the process has ended, at most 10 s."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    try:
        return bool(poll.poll(10_000))
    finally:
        os.close(handle)


def kill_if_alive(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


async def start(command: str, **options: object) -> tuple[asyncio.Task[Exit], list[int]]:
    """A running command and the process ids that its first line of output names."""
    line: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def on_output(data: bytes) -> None:
        if not line.done():
            line.set_result(data)

    task = asyncio.create_task(run(["/bin/bash", "-c", command], on_output=on_output, **options))  # type: ignore[arg-type]
    return task, [int(pid) for pid in (await line).split()]


def children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


def test_stdout_and_stderr_come_as_one_stream_in_the_order_of_writing():
    assert shell("echo a; echo b >&2; echo c") == (Exit(0), b"a\nb\nc\n")


def test_stderr_can_be_dropped():
    assert asyncio.run(run_captured(["/bin/bash", "-c", "echo out; echo err >&2; exit 5"])) == (5, b"out\n")


def test_a_signal_is_told_as_128_plus_its_number():
    assert shell("kill -TERM $$")[0] == Exit(143)


def test_stdin_is_at_its_end():
    assert shell("cat; echo $?") == (Exit(0), b"0\n")


def test_a_script_can_be_given_on_stdin(tmp_path: Path):
    script = tmp_path / "script"
    script.write_text("echo $((6 * 7))")
    with script.open("rb") as stdin:
        output = bytearray()
        end = asyncio.run(run(["/bin/bash", "-s"], on_output=output.extend, stdin=stdin))
    assert (end, bytes(output)) == (Exit(0), b"42\n")


def test_cwd_and_environment_are_what_was_asked_for(tmp_path: Path):
    end, output = shell("pwd; echo $NAME", cwd=tmp_path, env={"NAME": "value"})
    assert (end, output.decode()) == (Exit(0), f"{tmp_path}\nvalue\n")


def test_bytes_arrive_as_they_were_written():
    data = bytes(range(256)) * 1000
    argv = [sys.executable, "-c", "import os; os.write(1, bytes(range(256)) * 1000)"]
    assert asyncio.run(run_captured(argv)) == (0, data)


def test_a_daemon_in_the_background_is_neither_waited_for_nor_killed():
    end, output = shell("sleep 1000 & echo $!")
    assert end == Exit(0)
    assert kill_if_alive(int(output))


def test_output_that_goes_on_after_the_exit_is_read_to_its_end():
    assert shell("(for i in 1 2 3 4; do sleep 0.04; echo $i; done) & exit 7") == (Exit(7), b"1\n2\n3\n4\n")


def test_a_program_that_closes_its_output_is_waited_for():
    assert shell("exec >&- 2>&-; sleep 0.1; exit 9") == (Exit(9), b"")


def test_time_out_kills_the_tree_also_who_left_the_group():
    async def main() -> tuple[Exit, list[int]]:
        task, pids = await start("setsid sleep 1000 & sleep 1000 & echo $! $(jobs -p); wait", timeout_ms=300)
        return await task, pids

    end, pids = asyncio.run(main())
    assert end == Exit(137, timed_out=True)
    assert all(map(gone, pids))


def test_cancelling_kills_the_tree_and_waits_for_it_also_when_cancelled_twice():
    async def main() -> list[int]:
        task, pids = await start("trap '' TERM; setsid sleep 1000 & echo $! $$; wait; wait")
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return pids

    setsid, bash = asyncio.run(main())
    assert not Path(f"/proc/{bash}").exists(), "it is neither running nor a zombie"
    assert gone(setsid)


def test_kill_all_ends_what_runs():
    async def main() -> Exit:
        task, _ = await start("echo $$; sleep 1000")
        process.kill_all()
        return await task

    assert asyncio.run(main()) == Exit(137)


def test_nothing_is_left_open_and_no_zombie_stays():
    shell("true")  # the guard is there from now on
    fds, before = set(os.listdir("/proc/self/fd")), children()
    shell("echo x; sleep 0.01 & true")
    shell("sleep 1000", timeout_ms=20)
    assert (set(os.listdir("/proc/self/fd")), children()) == (fds, before)


def test_a_missing_program_is_an_oserror_and_leaves_nothing_open():
    shell("true")
    fds = set(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        asyncio.run(run(["/no/such/program"], on_output=print))
    assert set(os.listdir("/proc/self/fd")) == fds


def test_an_error_of_the_consumer_ends_the_run():
    def refuse(data: bytes) -> None:
        raise RuntimeError(data.decode())

    with pytest.raises(RuntimeError, match="full"):
        asyncio.run(run(["/bin/bash", "-c", "echo full; sleep 1000"], on_output=refuse))


def test_without_pidfds_a_thread_waits(monkeypatch: pytest.MonkeyPatch):
    def refuse(pid: int, flags: int = 0) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    assert shell("echo a; exit 3") == (Exit(3), b"a\n")
    assert shell("sleep 1000", timeout_ms=20) == (Exit(137, timed_out=True), b"")


STAND_IN = """
import asyncio
from pi.platform.process import run

def show(data):
    print(data.decode(), end="", flush=True)

command = "sleep 1000 & timeout 1000 sleep 1001 & setsid sh -c 'sleep 1002; :' & echo $$; wait"
asyncio.run(run(["/bin/bash", "-c", command], on_output=show))
"""


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(one for child in below for one in family(int(child)))]


def test_no_foreground_child_survives_when_pi_is_killed():
    with subprocess.Popen([sys.executable, "-c", STAND_IN], stdout=subprocess.PIPE, text=True) as pi:
        assert pi.stdout
        bash = int(pi.stdout.readline())
        while len(tree := family(bash)) < 6:  # until the last sleep has started
            pass
        pi.kill()
    assert [pid for pid in tree if not gone(pid)] == []


def test_pi_leaves_no_guard_behind_when_it_exits():
    code = (
        "import asyncio; from pi.platform import process as p\n"
        "asyncio.run(p.run(['true'], on_output=print)); print(p._guard._process.pid)"
    )
    guard = int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert not Path(f"/proc/{guard}").exists()

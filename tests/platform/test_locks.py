"""One at a time holds a lock, the original among them, and nobody waits for the dead."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pi.platform.errors import ConfigError
from pi.platform.locks import FileLock, LockedError, update_file

INCREMENT = """
import json, sys
from pathlib import Path
from pi.platform.locks import update_file

def one_more(old):
    return json.dumps({"n": json.loads(old)["n"] + 1}).encode()

for _ in range(50):
    update_file(Path(sys.argv[1]), one_more)
"""


def lock_directory(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def hold_as_the_original_does(path: Path, *, age_s: float = 0) -> Path:
    directory = lock_directory(path)
    directory.mkdir()
    then = time.time() - age_s
    os.utime(directory, (then, then))
    return directory


def count_in_two_processes(path: Path) -> int:
    path.write_text('{"n": 0}')
    two = [subprocess.Popen([sys.executable, "-c", INCREMENT, str(path)]) for _ in range(2)]
    assert [process.wait() for process in two] == [0, 0]
    return json.loads(path.read_text())["n"]


def test_two_processes_lose_no_change_and_leave_no_lock(tmp_path: Path) -> None:
    assert count_in_two_processes(tmp_path / "n.json") == 100
    assert os.listdir(tmp_path) == ["n.json"]


def test_two_processes_that_find_a_stale_lock_lose_no_change(tmp_path: Path) -> None:
    hold_as_the_original_does(tmp_path / "n.json", age_s=60)
    assert count_in_two_processes(tmp_path / "n.json") == 100
    assert os.listdir(tmp_path) == ["n.json"]


def test_the_lock_is_a_directory_beside_the_file_while_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    with FileLock(path) as lock:
        assert lock_directory(path).is_dir()
        assert lock.is_held()
    assert not lock_directory(path).exists()
    assert not lock.is_held()


def test_the_names_of_one_file_share_its_lock(tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("{}")
    link.symlink_to(real)
    with FileLock(link):
        assert lock_directory(real).is_dir()
        with pytest.raises(LockedError), FileLock(real, wait_ms=0):
            pass


def test_an_error_inside_lets_go_and_comes_out(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(KeyboardInterrupt), FileLock(path):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_a_lock_held_elsewhere_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    directory = hold_as_the_original_does(path)
    entered = threading.Event()

    def enter() -> None:
        with FileLock(path, wait_ms=60_000):
            entered.set()

    waiter = threading.Thread(target=enter)
    waiter.start()
    assert not entered.is_set()
    directory.rmdir()
    waiter.join()
    assert entered.is_set()
    assert os.listdir(tmp_path) == []


def test_who_waits_in_vain_learns_what_is_in_the_way_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    directory = hold_as_the_original_does(path)
    with pytest.raises(LockedError) as caught, FileLock(path, wait_ms=0):
        pass
    assert str(caught.value) == (
        f"{path} is in use by another program, which holds {directory}. "
        "Try again; if no other Pi is running, delete that directory."
    )
    assert directory.is_dir()


def test_what_a_crash_left_behind_is_taken_over_when_it_is_stale_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    hold_as_the_original_does(path, age_s=20)
    with pytest.raises(LockedError), FileLock(path, stale_ms=30_000, wait_ms=0):
        pass
    with FileLock(path, stale_ms=10_000, wait_ms=0) as lock:
        assert lock.is_held()
    assert os.listdir(tmp_path) == []


def test_a_lock_held_long_stays_fresh(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with FileLock(path, stale_ms=200) as lock:
        made = lock_directory(path).stat().st_mtime_ns
        while lock_directory(path).stat().st_mtime_ns == made:
            time.sleep(0.005)  # the clock of the file system: there is no event for it
        assert lock.is_held()
    assert os.listdir(tmp_path) == []


def test_a_lock_that_another_took_over_is_not_taken_from_him(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with FileLock(path) as lock:
        lock_directory(path).rmdir()
        hold_as_the_original_does(path, age_s=1)
        assert not lock.is_held()
    assert lock_directory(path).is_dir()


def test_the_loop_goes_on_while_a_task_waits_and_a_cancelled_one_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.json"

    async def enter(log: list[str]) -> None:
        async with FileLock(path, wait_ms=60_000):
            log.append("in")

    async def run() -> list[str]:
        log: list[str] = []
        async with FileLock(path):
            waiting, cancelled = asyncio.create_task(enter(log)), asyncio.create_task(enter(log))
            await asyncio.sleep(0)
            cancelled.cancel()
            await asyncio.gather(cancelled, return_exceptions=True)
            log.append("out")
        await waiting
        return log

    assert asyncio.run(run()) == ["out", "in"]
    assert os.listdir(tmp_path) == []


def test_what_stands_in_the_way_for_good_is_named(tmp_path: Path) -> None:
    directory = hold_as_the_original_does(tmp_path / "a.json")
    (directory / "mine").write_text("")
    os.utime(directory, (0, 0))
    with (
        pytest.raises(ConfigError, match=r"Can't lock .*a\.json: .*a\.json\.lock: "),
        FileLock(tmp_path / "a.json"),
    ):
        pass
    with pytest.raises(ConfigError, match="Make its folder writable"), FileLock(tmp_path / "no" / "b.json"):
        pass


def test_a_change_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    update_file(path, lambda old: None if old is None else b"never")
    assert not path.exists()
    path.write_bytes(b"same")
    before = path.stat()
    update_file(path, lambda old: old)
    assert path.stat() == before


PROPER = "PI_TEST_PROPER_LOCKFILE"  # the folder of the original's node_modules


@pytest.mark.skipif(
    not os.environ.get(PROPER) or shutil.which("node") is None, reason=f"needs node, and {PROPER} set"
)
def test_the_originals_own_library_and_ours_keep_each_other_out(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("{}")
    script = (
        "const lockfile = require(process.argv[1] + '/proper-lockfile');"
        "try { lockfile.lockSync(process.argv[2], {realpath: false}); console.log('locked') }"
        "catch (error) { console.log(error.code) }"
        "process.stdin.on('data', () => process.exit(0));"
    )
    command = ["node", "-e", script, os.environ[PROPER], str(path)]

    def node() -> subprocess.Popen[str]:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    with FileLock(path), node() as other:
        assert other.stdout and other.stdout.readline() == "ELOCKED\n"
        other.communicate("go\n")
    with node() as other:
        assert other.stdout and other.stdout.readline() == "locked\n"
        with pytest.raises(LockedError), FileLock(path, wait_ms=0):
            pass
        other.communicate("go\n")
    with FileLock(path, wait_ms=0) as lock:
        assert lock.is_held()


@pytest.mark.skipif(sys.platform != "linux", reason="only there a dead holder shows")
def test_the_lock_of_a_killed_holder_is_taken_over_at_once_and_that_of_a_living_one_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "settings.json"
    code = (
        "import pathlib, sys; from pi.platform.locks import FileLock\n"
        "with FileLock(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, str(path)], **pipes) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(LockedError), FileLock(path, wait_ms=50):
            pass
        holder.kill()
        holder.wait()
        with FileLock(path, wait_ms=0):
            assert lock_directory(path).is_dir()
    assert not lock_directory(path).exists()

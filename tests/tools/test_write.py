"""write: what is on the disk afterwards, whatever was there before."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pi.agent.tool import ToolContext, ToolError, ToolResult
from pi.llm.messages import Text
from pi.llm.models import Model
from pi.tools import mutation_queue
from pi.tools.mutation_queue import file_mutation
from pi.tools.write import write_tool

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX files")


def write(cwd: Path, path: str, content: str) -> ToolResult:
    ctx = ToolContext("c", cwd, Model("m", "p", "a", "http://x"), {}, lambda result: None)
    return asyncio.run(write_tool().run({"path": path, "content": content}, ctx))


def error(cwd: Path, path: str) -> str:
    with pytest.raises(ToolError) as caught:
        write(cwd, path, "x")
    return str(caught.value)


def test_a_new_file_and_its_parents_are_made(tmp_path: Path):
    assert write(tmp_path, "a/b/c.txt", "é\r\n\ud800") == ToolResult(
        (Text("Successfully wrote to a/b/c.txt"),)
    )
    assert (tmp_path / "a/b/c.txt").read_bytes() == "é\r\n\ufffd".encode()


@posix
def test_a_new_file_gets_the_usual_mode(tmp_path: Path):
    old = os.umask(0o027)
    try:
        write(tmp_path, "a", "")
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


@posix
def test_mode_hard_links_and_symbolic_links_stay(tmp_path: Path):
    real = tmp_path / "real.sh"
    real.write_text("long old content")
    real.chmod(0o750)
    os.link(real, tmp_path / "hard")
    (tmp_path / "soft").symlink_to("real.sh")
    write(tmp_path, "soft", "new")
    assert (tmp_path / "hard").read_text() == "new"
    assert (tmp_path / "soft").is_symlink()
    assert real.stat().st_mode & 0o777 == 0o750


@posix
def test_refusals_have_the_words_of_node(tmp_path: Path):
    (tmp_path / "dir").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    assert error(tmp_path, "dir") == f"EISDIR: illegal operation on a directory, open '{tmp_path}/dir'"
    assert error(tmp_path, "file/x") == f"EEXIST: file already exists, mkdir '{tmp_path}/file'"
    assert error(tmp_path, "file/x/y") == f"ENOTDIR: not a directory, mkdir '{tmp_path}/file/x'"
    assert error(tmp_path, "pipe") == f"ENXIO: no such device or address, open '{tmp_path}/pipe'"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_device_is_reported(tmp_path: Path):
    assert error(tmp_path, "/dev/full") == (
        "ENOSPC: no space left on device, write: nothing is written to /dev/full. "
        "Make room or choose another place, then do it again."
    )


_TOO_LARGE = """
import asyncio, resource, sys
from pathlib import Path
from pi.tools.mutation_queue import overwrite
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    overwrite(Path(sys.argv[1]), b"x" * 2000)
except Exception as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="needs posix_fallocate")
def test_without_room_the_old_content_stays(tmp_path: Path):
    file = tmp_path / "f"
    file.write_text("precious")
    argv = [sys.executable, "-c", _TOO_LARGE, str(file)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run(argv, capture_output=True, text=True, check=True, env=env).stdout
    assert said.startswith("EFBIG: file too large, write: nothing is written")
    assert file.read_text() == "precious"


@posix
def test_changes_of_one_file_follow_each_other_and_others_do_not_wait(tmp_path: Path):
    (tmp_path / "soft").symlink_to("file")
    order: list[str] = []

    async def change(name: str, until: asyncio.Event) -> None:
        async with file_mutation(tmp_path / name):
            order.append(f"{name} in")
            await until.wait()
            order.append(f"{name} out")

    async def run() -> None:
        go, now = asyncio.Event(), asyncio.Event()
        now.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(change("file", go))
            group.create_task(change("soft", now))
            await group.create_task(change("other", now))
            go.set()

    asyncio.run(run())
    assert order == ["file in", "other in", "other out", "file out", "soft in", "soft out"]
    assert not mutation_queue._locks


def test_a_cancelled_change_lets_the_next_one_in(tmp_path: Path):
    async def hold(entered: asyncio.Event) -> None:
        async with file_mutation(tmp_path / "f"):
            entered.set()
            await asyncio.Event().wait()

    async def run() -> None:
        entered = asyncio.Event()
        task = asyncio.create_task(hold(entered))
        await entered.wait()
        task.cancel()
        async with file_mutation(tmp_path / "f"):
            assert task.cancelled()

    asyncio.run(run())
    assert not mutation_queue._locks

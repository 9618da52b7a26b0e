"""Writing a file whole or not at all, and alone."""

import os
import stat
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_ABANDONED_S = 60  # no program takes that long to write a file whole
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would write other line ends


def write_atomic(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Put `data` in the place of the file's content at once: see `replacing`."""
    with replacing(path, mode=mode) as file:
        file.write(data)


@contextmanager
def replacing(path: Path, *, mode: int | None = None) -> Generator[BinaryIO]:
    """A file whose content takes the place of the old one at once: readers see the old bytes or the new ones.

    A symlink stays, the file it leads to is written. The file keeps its permissions, or gets `mode`; a new
    one without `mode` gets what the umask leaves. Raises OSError, for example for a full disk; then the old
    file is whole and no temporary file is left behind; one that a killed program left goes with the next
    write. The folder must exist.
    """
    target = Path(os.path.realpath(path))
    _sweep(target)
    kept = _mode(target) if mode is None else mode
    # Nobody else may read the draft of what can be a secret; without a mode to keep, the umask decides.
    draft, handle = _open_draft(target, 0o666 if kept is None else 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if kept is not None:
                draft.chmod(kept)
            if sys.platform != "win32":  # there an open file can't be moved
                draft.replace(target)
        if sys.platform == "win32":
            draft.replace(target)
    except BaseException:  # an interruption must not leave the draft either
        draft.unlink(missing_ok=True)
        raise


def _open_draft(target: Path, mode: int) -> tuple[Path, int]:
    """A new file beside `target`, on the same file system; while it is open, nobody sweeps it away."""
    while True:
        draft = target.with_name(f".{target.name}.{os.urandom(6).hex()}.tmp")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, mode)
        if try_lock(handle) is not False and os.fstat(handle).st_nlink:
            return draft, handle
        os.close(handle)  # swept away before it was locked


def _sweep(target: Path) -> None:
    """Delete the drafts of `target` whose writers were killed."""
    start = f".{target.name}."
    with suppress(OSError), os.scandir(target.parent) as entries:
        drafts = [entry for entry in entries if entry.name.startswith(start) and entry.name.endswith(".tmp")]
        for draft in drafts:
            handle = os.open(draft.path, os.O_RDONLY)
            try:
                dead = try_lock(handle)
                if dead is None:  # without locks only its age tells
                    dead = os.fstat(handle).st_mtime < time.time() - _ABANDONED_S
            finally:
                os.close(handle)
            if dead:
                Path(draft.path).unlink()


def try_lock(descriptor: int) -> bool | None:
    """Whether the open file is ours alone now, until it is closed; None where there are no locks."""
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system that has no locks
        return None
    return True


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None


@contextmanager
def exclusive(descriptor: int) -> Generator[None]:
    """Keep others of us from writing the open file for a moment; the lock of a killed process ends with it.

    Whoever holds it for longer than half a second has been stopped in the middle: it isn't waited for. On
    Windows, where appending programs don't see each other's, nothing is locked.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    for _ in range(100):
        if try_lock(descriptor) is not False:
            break
        time.sleep(0.005)
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)

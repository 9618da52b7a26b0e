"""Writing a file whole or not at all, and alone."""

import os
import stat
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

_BINARY = getattr(os, "O_BINARY", 0)  # Windows would write other line ends


def write_atomic(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Put `data` in the place of the file's content at once: readers see the old bytes or the new ones.

    A symlink stays, the file it leads to is written. The file keeps its permissions, or gets `mode`; a new
    one without `mode` gets what the umask leaves. Raises OSError, for example for a full disk; then the old
    file is whole and no temporary file is left behind. The folder must exist.
    """
    target = Path(os.path.realpath(path))
    draft = target.with_name(f".{target.name}.{os.urandom(6).hex()}.tmp")  # beside it: the same file system
    kept = _mode(target) if mode is None else mode
    # Nobody else may read the draft of what can be a secret; without a mode to keep, the umask decides.
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666 if kept is None else 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if kept is not None:
            draft.chmod(kept)
        draft.replace(target)
    except BaseException:  # an interruption must not leave the draft either
        draft.unlink(missing_ok=True)
        raise


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
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(0.005)
        except OSError:  # a file system that has no locks
            break
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)

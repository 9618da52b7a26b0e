"""Locks on files that the original takes part in: a directory beside the file, kept fresh while held."""

import asyncio
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from pi.platform.errors import ConfigError, PiError
from pi.platform.files import write_atomic


class LockedError(PiError):
    """Another program holds the lock and did not let go in time; trying again later may do."""


class FileLock:
    """A lock on a file by the directory `<real path>.lock`; names of one file share it. Not reentrant.

    Use it with `with` for work on the disk, and with `async with` where waiting must not stop the loop. Its
    mtime is renewed every half `stale_ms`; a lock that nobody renewed for `stale_ms` was left by a crash and
    is taken over. 10,000 ms is the original's measure for settings, 30,000 ms for `auth.json`. Raises
    LockedError after `wait_ms`, ConfigError when the directory can't be made. The file may be missing, its
    folder not.
    """

    def __init__(self, path: Path, *, stale_ms: int = 10_000, wait_ms: int = 2_000) -> None:
        self.path = path
        self._directory = Path(f"{os.path.realpath(path)}.lock")
        self._stale_ms = stale_ms
        self._wait_ms = wait_ms
        self._mtime: int | None = None  # as we set it, in ns: whoever takes the lock from us sets another
        self._guard = threading.Lock()
        self._done = threading.Event()

    def __enter__(self) -> "FileLock":
        for seconds in self._attempts():
            time.sleep(seconds)
        return self

    def __exit__(self, *_: object) -> None:
        self._release()

    async def __aenter__(self) -> "FileLock":
        for seconds in self._attempts():
            await asyncio.sleep(seconds)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._release()

    def is_held(self) -> bool:
        """Whether it is still ours; ask after long work (or a sleeping laptop) and before writing."""
        with self._guard:
            return self._is_ours()

    def _is_ours(self) -> bool:
        try:
            return self._mtime is not None and self._directory.stat().st_mtime_ns == self._mtime
        except OSError:
            return False

    def _attempts(self) -> Iterator[float]:
        """The pauses in seconds, until the lock is ours."""
        end = time.monotonic() + self._wait_ms / 1000
        pause = 0.005
        while not self._take():
            left = end - time.monotonic()
            if left <= 0:
                raise LockedError(
                    f"{self.path} is in use by another program, which holds {self._directory}. "
                    "Try again; if no other Pi is running, delete that directory."
                )
            yield min(left, pause * random.uniform(0.5, 1))
            pause = min(pause * 2, 0.1)

    def _take(self) -> bool:
        try:
            return self._make() or (self._is_stale() and self._take_over())
        except OSError as error:
            raise ConfigError(
                f"Can't lock {self.path}: {self._directory}: {error.strerror}. Make its folder writable, or "
                "delete what stands there."
            ) from error

    def _make(self) -> bool:
        try:
            self._directory.mkdir()
        except FileExistsError:
            return False
        except PermissionError:
            if sys.platform == "win32" and self._directory.exists():  # on its way out, as Windows removes it
                return False
            raise
        try:
            self._mtime = self._directory.stat().st_mtime_ns
            self._done = threading.Event()
            threading.Thread(target=self._keep_fresh, args=(self._done,), daemon=True).start()
        except BaseException:  # an interruption as well: nobody would let go of it
            self._directory.rmdir()
            raise
        return True

    def _is_stale(self) -> bool:
        try:
            return self._directory.stat().st_mtime < time.time() - self._stale_ms / 1000
        except FileNotFoundError:
            return False

    def _take_over(self) -> bool:
        with _alone_in(self._directory.parent) as alone:
            if not alone or not self._is_stale():  # it may have been taken over meanwhile
                return False
            try:
                self._directory.rmdir()
            except FileNotFoundError:
                pass  # its holder came back and let go
            return self._make()

    def _keep_fresh(self, done: threading.Event) -> None:
        while not done.wait(self._stale_ms / 2000):
            with self._guard:
                if not self._is_ours():
                    return
                try:
                    os.utime(self._directory)
                    self._mtime = self._directory.stat().st_mtime_ns  # as coarse as the file system keeps it
                except OSError:  # lost between the question and here
                    return

    def _release(self) -> None:
        self._done.set()
        with self._guard:
            try:
                if self._is_ours():
                    self._directory.rmdir()
            except OSError:  # lost just now, or not ours to empty: the work is done, and it becomes stale
                pass
            self._mtime = None


def update_file(
    path: Path, change: Callable[[bytes | None], bytes | None], *, mode: int | None = None
) -> None:
    """Under its lock, read the file and write what `change` makes of it; None, or the same, writes nothing.

    `change` gets None for a file that isn't there; its folder is made. Raises ConfigError or LockedError;
    then the file is as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path):
            old = path.read_bytes() if path.exists() else None
            new = change(old)
            if new is not None and new != old:
                write_atomic(path, new, mode=mode)
    except OSError as error:
        raise ConfigError(f"Can't write {path}: {error.strerror}. It is left as it was.") from error


@contextmanager
def _alone_in(folder: Path) -> Generator[bool]:
    """Keep two of us from taking over the same stale lock, of which the second would remove a fresh one."""
    if sys.platform == "win32":  # there it is left to luck, as the original does everywhere
        yield True
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = True
        except BlockingIOError:
            alone = False
        except OSError:  # a network drive that knows no locks
            alone = True
        yield alone
    finally:
        os.close(handle)

"""Locks on files that the original takes part in: a directory beside the file, kept fresh while held."""

import asyncio
import os
import random
import sys
import threading
import time
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from pi.platform.errors import ConfigError, PiError
from pi.platform.files import try_lock, write_atomic

_MS = 1_000_000  # nanoseconds


class LockedError(PiError):
    """Another program holds the lock and did not let go in time; trying again later may do."""


class FileLock:
    """A lock on a file by the directory `<real path>.lock`; names of one file share it. Not reentrant.

    Use it with `with` for work on the disk, and with `async with` where waiting must not stop the loop. Its
    mtime is renewed every half `stale_ms`; a lock that nobody renewed for `stale_ms` was left by a crash and
    is taken over, at once if its holder was one of us and the system can tell. 10,000 ms is the original's
    measure for settings, 30,000 ms for `auth.json`. Raises LockedError after `wait_ms`, ConfigError when the
    directory can't be made. The file may be missing, its folder not.
    """

    def __init__(self, path: Path, *, stale_ms: int = 10_000, wait_ms: int = 2_000) -> None:
        self.path = path
        self._directory = Path(f"{os.path.realpath(path)}.lock")
        self._stale_ms = stale_ms
        self._wait_ms = wait_ms
        self._mark: int | None = None
        self._mtime: int | None = None  # as we set it, in ns: whoever takes the lock from us sets another
        self._handle = -1  # of the directory, locked while we hold it and live
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
        mark = _mark()  # before: who is killed between here and the stamp is in the way until it is stale
        try:
            self._directory.mkdir()
        except FileExistsError:
            return False
        except PermissionError:
            if sys.platform == "win32" and self._directory.exists():  # on its way out, as Windows removes it
                return False
            raise
        try:
            self._hold(mark)
            self._stamp()
            self._done = threading.Event()
            threading.Thread(target=self._keep_fresh, args=(self._done,), daemon=True).start()
        except BaseException:  # an interruption as well: nobody would let go of it
            self._directory.rmdir()
            self._close()
            raise
        return True

    def _hold(self, mark: int | None) -> None:
        """Lock the directory, so that our death would show."""
        self._mark = None
        if mark is not None:
            self._handle = os.open(self._directory, os.O_RDONLY)
            self._mark = mark if try_lock(self._handle) else None

    def _stamp(self) -> None:
        """Renew the mtime, as finely as the file system keeps it; its end says that we hold the directory."""
        if self._mark is None:
            os.utime(self._directory)
        else:
            now = time.time_ns()
            os.utime(self._directory, ns=(now, now - now % _MS + self._mark))
        self._mtime = self._directory.stat().st_mtime_ns

    def _is_stale(self) -> bool:
        try:
            changed = self._directory.stat().st_mtime_ns
            return changed < time.time_ns() - self._stale_ms * _MS or (
                changed % _MS == _mark() and _is_free(self._directory)
            )
        except FileNotFoundError:
            return False

    def _close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

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
                    self._stamp()
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
            self._close()
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


@cache
def _mark() -> int | None:
    """The nanoseconds by which those who run under this kernel, and see each other's locks, know their own.

    The original's mtimes are whole milliseconds, but for rounding.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:
        return None
    return 1_000 + zlib.crc32(boot) % (_MS - 2_000)


def _is_free(directory: Path) -> bool:
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError:  # just gone, or another user's
        return False
    try:
        return try_lock(handle) is True
    finally:
        os.close(handle)


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

"""Changing files: one change at a time for each real file, and no half-written file when the disk is full."""

import asyncio
import errno
import os
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from weakref import WeakValueDictionary

from pi.agent.tool import ToolError
from pi.tools.paths import NONBLOCK, refusal

_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # those that somebody holds or awaits
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


@asynccontextmanager
async def file_mutation(file: Path) -> AsyncGenerator[None]:
    """Within it nobody else changes `file`, also not by another name; who asks first comes first."""
    key = os.path.normcase(os.path.realpath(file))
    lock = _locks.get(key)
    if lock is None:
        lock = _locks[key] = asyncio.Lock()
    async with lock:
        yield


def overwrite(file: Path, data: bytes) -> None:
    """Make `data` the content of `file`, in place: mode, owner, hard links and symbolic links stay.

    Space is reserved before anything changes, so a full disk leaves the old content. Raises ToolError.
    """
    try:
        flags = os.O_WRONLY | os.O_CREAT | NONBLOCK | getattr(os, "O_BINARY", 0)
        descriptor = os.open(file, flags, 0o666)
    except OSError as error:
        raise ToolError(refusal(error, "open", file)) from None
    done = 0
    try:
        status = os.fstat(descriptor)
        regular = stat.S_ISREG(status.st_mode)  # what is not, such as /dev/null, has no length
        if regular:
            _reserve(descriptor, status.st_size, len(data))
        view = memoryview(data)
        while done < len(data):
            done += os.write(descriptor, view[done:])
        if regular:
            os.ftruncate(descriptor, len(data))
    except OSError as error:
        changed = f"only {done} of {len(data)} bytes are written" if done else "nothing is written"
        raise ToolError(
            f"{refusal(error, 'write')}: {changed} to {file}. "
            "Make room or choose another place, then do it again."
        ) from None
    finally:
        os.close(descriptor)


def _reserve(descriptor: int, size: int, wanted: int) -> None:
    """Grow a file to `wanted` bytes if there is room for them; raises OSError, the file unchanged, if not."""
    if wanted <= size or not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(descriptor, size, wanted - size)
    except OSError as error:
        os.ftruncate(descriptor, size)
        if error.errno in _FULL:
            raise
        # Some file systems can't promise room; the write itself tells.

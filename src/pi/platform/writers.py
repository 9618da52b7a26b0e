"""Whether some program has a file open for writing."""

import os
import sys
from pathlib import Path

_LSOF_SECONDS = 5


def is_being_written(path: Path) -> bool:
    """Whether a program, this one included, has the file open for writing; False where nobody can tell.

    Linux answers by itself: it grants a lease for reading only while nobody could write. Elsewhere `lsof` is
    asked, if there is one. Windows needs no question: there an open file can't be removed.
    """
    if sys.platform == "linux":
        return _lease_refused(path)
    return sys.platform != "win32" and _lsof_knows_a_writer(path)


def _lease_refused(path: Path) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl
    import signal

    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        # Whoever opens the file while we have the lease makes the kernel signal us; SIGIO would end Pi.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:  # another user's file, or a file system without leases
        return False
    finally:
        os.close(descriptor)
    return False


def _lsof_knows_a_writer(path: Path) -> bool:
    import subprocess

    try:
        done = subprocess.run(
            ["lsof", "-Fa", "--", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_LSOF_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return any(line in (b"aw", b"au") for line in done.stdout.splitlines())  # write, or both

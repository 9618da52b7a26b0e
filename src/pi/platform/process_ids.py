"""Who a process is: by its number and its birth, so that none is mistaken for a later one of that number."""

import os
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from msgspec import Struct


class ProcessId(Struct, frozen=True):
    """A process that can't be mistaken for a later one of the same number."""

    pid: int
    birth: str  # when the kernel started it; only letters, digits, `_` and `-`

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie doesn't."""
        row = _row(self.pid)
        return row is not None and row.birth == self.birth


class ProcessRow(Struct, frozen=True):
    """A line of the system's table of processes."""

    birth: str
    parent: int = 0
    group: int = 0
    session: int = 0  # 0 where the system doesn't tell


def process_id(pid: int) -> ProcessId | None:
    """Who has that number now; None when nobody does, or only a zombie."""
    row = _row(pid)
    return ProcessId(pid, row.birth) if row else None


def process_table() -> dict[int, ProcessRow]:
    """All running processes by their number; on Windows none."""
    if sys.platform == "win32":
        return {}
    if sys.platform != "linux":
        return _ps("-A")
    pids = (int(entry.name) for entry in os.scandir("/proc") if entry.name.isdecimal())
    return {pid: row for pid in pids if (row := _linux_row(pid))}


def _row(pid: int) -> ProcessRow | None:
    """None for one that has ended, also if nobody has waited for it yet."""
    if sys.platform == "win32":
        return _windows_row(pid)
    if sys.platform == "linux":
        return _linux_row(pid)
    return _ps("-p", str(pid)).get(pid)


def _linux_row(pid: int) -> ProcessRow | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()  # before it stands the program's name, with any characters
    if fields[0] in (b"Z", b"X"):
        return None
    return ProcessRow(f"{int(fields[19])}-{_boot()}", *map(int, fields[1:4]))


@lru_cache(1)
def _boot() -> str:
    """Which start of the machine this is: times of birth count from it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    except OSError:  # a sandbox
        return "0"


def _ps(*which: str) -> dict[int, ProcessRow]:
    """The table as `ps` tells it, for macOS and the BSDs; births to the second."""
    done = subprocess.run(
        ["ps", *which, *["-o", "pid=", "-o", "ppid=", "-o", "pgid=", "-o", "stat=", "-o", "lstart="]],
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC0"},  # births are compared as text
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    lines = (line.split(maxsplit=4) for line in done.stdout.decode("ascii", "replace").splitlines())
    return {
        int(pid): ProcessRow(re.sub(r"\W+", "_", birth.strip()), int(parent), int(group))
        for pid, parent, group, state, birth in lines
        if not state.startswith("Z")
    }


def _windows_row(pid: int) -> ProcessRow | None:
    if sys.platform != "win32":
        return None
    import ctypes
    from ctypes import wintypes

    system = ctypes.WinDLL("kernel32")
    system.OpenProcess.restype = wintypes.HANDLE
    query_and_synchronize, still_running = 0x101000, 0x102
    handle = wintypes.HANDLE(system.OpenProcess(query_and_synchronize, False, pid))
    if not handle:
        return None
    times = (ctypes.c_uint64 * 4)()  # creation, exit, kernel, user
    try:
        known = system.GetProcessTimes(handle, *(ctypes.byref(times, 8 * index) for index in range(4)))
        alive = system.WaitForSingleObject(handle, 0) == still_running
        return ProcessRow(str(times[0])) if known and alive else None
    finally:
        system.CloseHandle(handle)

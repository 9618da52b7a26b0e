"""Child processes: started in a group of their own, read while they write, and never left behind.

Three things end a group: `run` when it is cancelled or out of time, `kill_all` when Pi exits, and, should Pi
itself be killed, a *guard*. On POSIX that is one `/bin/sh` for the life of Pi: it reads the live groups from
a pipe and kills their trees when the pipe closes. (PR_SET_PDEATHSIG reaches only the shell, not what the
shell runs, and setting it takes a real fork, 1.5 ms slower than the vfork below; the guard costs a write per
command.) On Windows it is a job object, which the system kills when its last handle closes.
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Literal

from msgspec import Struct

from pi.platform.process_guard import Guard

_READ_SIZE = 65536
_KILLED = 128 + 9
_IDLE_S = 0.1  # how long after its exit a child's pipe, which a daemon may have inherited, has to be silent
_KILL_GRACE_S = 2.0  # a child in an uninterruptible system call survives even SIGKILL: it is given up then
_WINDOWS_FLAGS: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(
    subprocess, "CREATE_NO_WINDOW", 0
)


class Exit(Struct, frozen=True):
    """How a child ended: `code` is 128 + n for signal n."""

    code: int
    timed_out: bool = False


async def run(
    argv: Sequence[str],
    *,
    on_output: Callable[[bytes], None],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout_ms: float | None = None,
    stdin: IO[bytes] | None = None,
    stderr: Literal["merge", "drop"] = "merge",
) -> Exit:
    """Runs a program to its end; `on_output` gets stdout and stderr in the order of their arrival.

    What it leaves in the background lives on: reading stops once the pipe has been silent for 100 ms. After
    `timeout_ms` and on cancellation the whole tree is killed and waited for. Raises OSError when the program
    can't be started, ValueError for a NUL in its arguments, and, after a kill, what `on_output` raises.
    """
    if _guard is None:
        _tell_guard()  # it starts the guard, before there is anything to lose
    pipe, write_end = os.pipe()
    try:
        process = subprocess.Popen(  # noqa: ASYNC220 - asyncio's own starts it in the same way, 0.4 ms slower
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=write_end,
            stderr=write_end if stderr == "merge" else subprocess.DEVNULL,
            creationflags=_WINDOWS_FLAGS,
            start_new_session=True,
        )
    except BaseException:  # whatever it is, the pipe must not leak
        os.close(pipe)
        raise
    finally:
        os.close(write_end)
    child = _Child(process, pipe, on_output)
    try:
        if timeout_ms is not None:
            child.kill_after(timeout_ms / 1000)
        await asyncio.wait([child.done])
    except asyncio.CancelledError:
        child.kill()
        while not child.done.done():
            try:
                await asyncio.wait([child.done])
            except asyncio.CancelledError:
                pass  # a second cancel has nothing more to do than to wait for the same end
        raise
    return child.done.result()


async def run_captured(
    argv: Sequence[str],
    *,
    timeout_ms: float | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> tuple[int, bytes]:
    """Exit code and stdout of a program; stderr is dropped. The code is 137 when it ran out of time."""
    output = bytearray()
    end = await run(argv, on_output=output.extend, cwd=cwd, env=env, timeout_ms=timeout_ms, stderr="drop")
    return end.code, bytes(output)


def kill_all() -> None:
    """Kills every tree that is still running; for the end of Pi and its handlers of SIGTERM and SIGHUP."""
    for child in list(_live):
        child.kill_tree()


class _Child:
    """A running program and what the event loop does for it; `done` resolves when all of that is over."""

    def __init__(self, process: subprocess.Popen[bytes], pipe: int, on_output: Callable[[bytes], None]):
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[Exit] = self._loop.create_future()
        self._process = process
        self._pipe = pipe  # -1 once it is closed, as is _pidfd
        self._on_output = on_output
        self._tree = _Tree(process)
        self._timer: asyncio.TimerHandle | None = None  # of the timeout
        self._idle: asyncio.TimerHandle | None = None  # after the exit, or after a kill
        self._timed_out = False
        self._error: Exception | None = None
        _live[self] = process.pid
        _tell_guard()
        self._pidfd = -1
        self._watch_output()
        self._watch_exit()

    def kill_after(self, seconds: float) -> None:
        def out_of_time() -> None:
            self._timed_out = True
            self.kill()

        self._timer = self._loop.call_later(seconds, out_of_time)

    def kill(self) -> None:
        self.kill_tree()
        if self._idle is None:
            self._wait_idle(_KILL_GRACE_S)

    def kill_tree(self) -> None:
        self._tree.kill()

    def _watch_output(self) -> None:
        if sys.platform == "win32":
            threading.Thread(target=self._pump, args=(self._pipe,), daemon=True).start()
        else:
            os.set_blocking(self._pipe, False)
            self._loop.add_reader(self._pipe, self._read)

    def _watch_exit(self) -> None:
        try:
            self._pidfd = os.pidfd_open(self._process.pid) if sys.platform == "linux" else -1
        except OSError:  # an old kernel or a sandbox
            self._pidfd = -1
        if self._pidfd >= 0:
            self._loop.add_reader(self._pidfd, self._exited)
        else:
            threading.Thread(target=self._await_exit, daemon=True).start()

    def _await_exit(self) -> None:
        self._process.wait()
        self._from_thread(self._exited)

    def _pump(self, pipe: int) -> None:
        room = threading.Semaphore(16)  # how many pieces may wait for the event loop
        while True:
            room.acquire()
            data = os.read(pipe, _READ_SIZE)
            if not self._from_thread(lambda data=data: (self._received(data), room.release())) or not data:
                os.close(pipe)  # here, for closing it under a read that still waits would block
                return

    def _from_thread(self, callback: Callable[[], object]) -> bool:
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return False
        return True

    def _read(self) -> None:
        try:
            data = os.read(self._pipe, _READ_SIZE)
        except BlockingIOError:
            return
        self._received(data)

    def _received(self, data: bytes) -> None:
        if self.done.done():
            return
        if not data:
            self._close_pipe()
            if self._process.returncode is not None:
                self._finish()
            return
        if self._error is None:
            try:
                self._on_output(data)
            except (
                Exception
            ) as error:  # the consumer's: it ends the run instead of vanishing in the event loop
                self._error = error
                self.kill()
        if self._process.returncode is not None:
            self._wait_idle(_IDLE_S)

    def _exited(self) -> None:
        if self.done.done() or self._process.poll() is None:
            return
        self._close_pidfd()
        if self._pipe < 0:
            self._finish()
        else:
            self._wait_idle(_IDLE_S)

    def _wait_idle(self, seconds: float) -> None:
        if self._idle:
            self._idle.cancel()
        self._idle = self._loop.call_later(seconds, self._finish)

    def _finish(self) -> None:
        if self.done.done():
            return
        for timer in (self._timer, self._idle):
            if timer:
                timer.cancel()
        self._close_pipe()
        self._close_pidfd()
        self._tree.release()
        del _live[self]
        _tell_guard()
        if self._error:
            self.done.set_exception(self._error)
            return
        code = _KILLED if self._process.returncode is None else self._process.returncode
        self.done.set_result(Exit(code if code >= 0 else 128 - code, self._timed_out))

    def _close_pipe(self) -> None:
        if self._pipe >= 0:
            if sys.platform != "win32":
                self._loop.remove_reader(self._pipe)
                os.close(self._pipe)
            self._pipe = -1

    def _close_pidfd(self) -> None:
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1


def _strays(root: int) -> list[int]:
    """Descendants of `root` and members of its session that are in other process groups.

    A daemon that left the session and whose parent has ended is nobody's any more: it isn't found.
    """
    children: dict[int, list[int]] = {}
    groups: dict[int, int] = {}
    pending = [root]
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            stat = (folder / "stat").read_bytes()
        except OSError:
            continue  # it has ended
        parent, group, session = map(int, stat[stat.rindex(b")") + 3 :].split(maxsplit=3)[:3])
        pid = int(folder.name)
        groups[pid] = group
        children.setdefault(parent, []).append(pid)
        if session == root and pid != root:
            pending.append(pid)
    found: set[int] = set()
    while pending:
        pid = pending.pop()
        if pid not in found:
            found.add(pid)
            pending += children.get(pid, ())
    return [pid for pid in found if groups.get(pid, root) != root]


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    class _Limits(ctypes.Structure):
        """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

        _fields_ = (
            ("times", ctypes.c_int64 * 2),
            ("flags", wintypes.DWORD),
            ("working_set", ctypes.c_size_t * 2),
            ("active_processes", wintypes.DWORD),
            ("affinity", ctypes.c_size_t),
            ("priority", wintypes.DWORD * 2),
            ("io_counters", ctypes.c_uint64 * 6),
            ("memory", ctypes.c_size_t * 4),
        )

    class _Tree:
        """A program and all it has started: a job object, which ends with its only handle, and so with Pi."""

        _EXTENDED_LIMITS = 9
        _KILL_ON_CLOSE = 0x2000

        def __init__(self, process: subprocess.Popen[bytes]) -> None:
            self._system = ctypes.WinDLL("kernel32", use_last_error=True)
            self._system.CreateJobObjectW.restype = wintypes.HANDLE
            self._job = wintypes.HANDLE(self._system.CreateJobObjectW(None, None))
            self._limit(self._KILL_ON_CLOSE)
            handle = wintypes.HANDLE(int(getattr(process, "_handle")))  # noqa: B009 - private to Popen
            self._system.AssignProcessToJobObject(self._job, handle)
            self._process = process

        def kill(self) -> None:
            self._system.TerminateJobObject(self._job, _KILLED)
            self._process.kill()  # should the system have refused it a job

        def release(self) -> None:
            self._limit(0)
            self._system.CloseHandle(self._job)

        def _limit(self, flags: int) -> None:
            limits = _Limits(flags=flags)
            size = wintypes.DWORD(ctypes.sizeof(limits))
            self._system.SetInformationJobObject(self._job, self._EXTENDED_LIMITS, ctypes.byref(limits), size)

else:

    class _Tree:
        """A program and all it has started: a process group, and on Linux those who left only the group."""

        def __init__(self, process: subprocess.Popen[bytes]) -> None:
            self._group = process.pid

        def kill(self) -> None:
            if sys.platform == "linux":
                self._signal(signal.SIGSTOP)  # so that nothing new appears while we look
                for pid in _strays(self._group):
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except OSError:
                        pass  # it has ended, or it is another user's
            self._signal(signal.SIGKILL)

        def release(self) -> None:
            """The program has ended; what it left in the background may live."""

        def _signal(self, number: signal.Signals) -> None:
            try:
                os.killpg(self._group, number)
            except OSError:
                pass  # all of it has ended


_live: dict[_Child, int] = {}  # with their groups
_guard: Guard | None = None


def _tell_guard() -> None:
    """Tells the guard what runs now; the first time, it starts the guard."""
    global _guard
    if sys.platform == "win32":
        return
    try:
        _guard = _guard or Guard(kill_all)
    except OSError:
        return  # no /bin/sh
    _guard.tell(_live.values())

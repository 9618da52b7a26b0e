"""Background processes: they write to a file, outlive Pi, and any later Pi finds them and their exit code.

Each has a folder: `process.json` (who it is), `log` (unless its owner chose another file) and, in the end,
`exit` (its code). Between Pi and the process stands a *supervisor*, which nobody waits for: a bare Python of
9 MB that starts the program in a session of its own, waits for it and writes down its code. Not a shell,
because shells lose variables with odd names, ignore SIGINT on behalf of what runs in the background, and take
`cd` for a program.
"""

import asyncio
import builtins
import codecs
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from pi.platform.clock import now_ms
from pi.platform.errors import PiError
from pi.platform.files import write_atomic
from pi.platform.process_ids import ProcessId, process_id, process_table

_KEPT_MS = 7 * 24 * 3600 * 1000  # how long an ended process stays on the list
_KILL_GRACE_S = 2.0  # one in an uninterruptible system call survives even SIGKILL: it is given up then
_POLL_S = 0.2  # where the kernel doesn't tell of ends
_SUPERVISOR = """
import os, signal, sys
exit_file, unset, *argv = sys.argv[1:]
pid = os.fork()
null = os.open(os.devnull, os.O_RDONLY)
if pid == 0:
    os.setsid()
    answer = os.dup(1)  # exec closes it
    if not os.read(0, 1):
        os._exit(0)  # Pi ended before it had noted who we are
    os.dup2(null, 0)
    os.dup2(2, 1)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores these two
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    os.environ.pop(unset, None)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        os.write(answer, error.strerror.encode())
        os._exit(127)
os.write(1, f"{pid} {os.getpid()}\\n".encode())
os.dup2(null, 0)
os.dup2(null, 1)
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):  # at a shutdown: the child's end is to be noted
    signal.signal(number, signal.SIG_IGN)
os.chdir("/")
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
with open(exit_file + ".tmp", "w") as file:
    file.write(str(code if code >= 0 else 128 - code))
os.replace(exit_file + ".tmp", exit_file)
"""


class Output(Struct, frozen=True):
    """A piece of a log; `ended` means that the process has ended and this is the last of it."""

    text: str
    next_offset: int
    ended: bool


class Process(Struct, frozen=True, rename="camel"):
    """A program in the background, whichever Pi started it; its fields are what `process.json` holds."""

    id: str
    argv: tuple[str, ...]
    cwd: Path
    name: str
    owner: str
    session_id: str | None
    log: Path
    started_at: int  # ms since 1970
    folder: Path
    root: ProcessId
    supervisor: ProcessId

    @property
    def pid(self) -> int:
        """Its number, which is also that of its session and process group."""
        return self.root.pid

    @property
    def running(self) -> bool:
        """Whether the program itself runs; what it has left behind doesn't count."""
        return self._state()[0]

    @property
    def exit_code(self) -> int | None:
        """Its code, 128 + n for signal n; None while it runs, and when its supervisor was killed."""
        return self._state()[1]

    def read(self, offset: int = 0, limit: int = 65536) -> Output:
        """The log from byte `offset` on, at most `limit` bytes (at least 4), in whole characters.

        What isn't UTF-8 becomes U+FFFD. A log that is gone reads as empty.
        """
        running = self.running  # asked first: what it wrote before it ended is then in the file
        try:
            with self.log.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(offset)
                data = file.read(max(limit, 4))
        except FileNotFoundError:
            return Output("", offset, ended=not running)
        last = not running and offset + len(data) >= size
        text, used = codecs.utf_8_decode(data, "replace", last)
        return Output(text, offset + used, ended=last)

    async def wait(self, timeout: float | None = None) -> int | None:
        """Its exit code once it has ended; None when it still runs after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while self.running:
                    await _gone(self.supervisor if self.supervisor.alive else self.root)
        except TimeoutError:
            return None
        return self.exit_code

    async def stop(self, grace_s: float = 5) -> None:
        """End it and all it has started: SIGTERM, and SIGKILL for what is left after `grace_s` seconds.

        Does nothing when it has ended: what it left behind can't be told from strangers any more.
        """
        if not self.running:
            return
        family = _family(self.root, {self.root})
        _send_all(family, signal.SIGTERM)
        await _all_gone(family, grace_s)
        stopped: set[ProcessId] = set()
        while late := _family(self.root, {self.root} | family | stopped) - stopped:
            _send_all(late, signal.SIGSTOP)  # so that nothing new appears while we look
            stopped |= late
        _send_all(stopped, signal.SIGKILL)
        await _all_gone(stopped, _KILL_GRACE_S)
        await self.wait(_KILL_GRACE_S)

    def _state(self) -> tuple[bool, int | None]:
        """Whether it runs, and its exit code."""
        # First, because the supervisor writes the code before it ends.
        alive = self.supervisor.alive or self.root.alive
        try:
            return False, int((self.folder / "exit").read_text())
        except (OSError, ValueError):
            return alive, None


class BackgroundProcesses:
    """All background processes of a user; they are kept in `folder`, which is made at first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    async def spawn(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        owner: str = "",
        session_id: str | None = None,
        name: str = "",
    ) -> Process:
        """Start a program whose stdout and stderr go to `log`, which is continued if it is there.

        `env` is all of its environment, Pi's by default; its stdin is empty. Cancelled, it has started
        nothing or something that `list` shows. Raises PiError when it can't be started.
        """
        _check(argv, cwd)
        self.prune()
        folder = self._folder / os.urandom(4).hex()
        log = cwd.absolute() / log if log else folder / "log"
        draft = partial(
            Process,
            id=folder.name,
            argv=tuple(map(_printable, argv)),
            cwd=cwd.absolute(),
            name=name,
            owner=owner,
            session_id=session_id,
            log=log,
            started_at=now_ms(),
            folder=folder,
        )
        try:
            self._folder.mkdir(0o700, parents=True, exist_ok=True)
            folder.mkdir(0o700)
            process, fault = await _begin(_launch(argv, folder / "exit", log, cwd, env), draft)
        except (OSError, ValueError) as error:  # ValueError: text that the system or JSON has no place for
            shutil.rmtree(folder, ignore_errors=True)
            raise PiError(f"Can't start {argv[0]} with the log {log}: {error}. Mend that first.") from error
        if fault:
            await process.wait()  # the supervisor still has to write there
            shutil.rmtree(folder, ignore_errors=True)
            raise PiError(f"Can't start {argv[0]}: {fault}. Is it installed and on the PATH?")
        return process

    def list(self, *, owner: str | None = None, session_id: str | None = None) -> builtins.list[Process]:
        """Those of an owner and of a session, or all, in the order of their start; ended ones too."""
        found = [
            process
            for process in map(_load, self._folders())
            if process and owner in (None, process.owner) and session_id in (None, process.session_id)
        ]
        return sorted(found, key=lambda process: process.started_at)

    def get(self, id: str) -> Process:
        """The one of that id; raises PiError when there is none."""
        known = {folder.name: folder for folder in self._folders()}
        process = _load(known[id]) if id in known else None
        if process is None:
            ids = ", ".join(process.id for process in self.list()) or "none at all"
            raise PiError(
                f"There is no background process {id!r}; there are: {ids}. Ended ones go after a week."
            )
        return process

    def forget(self, id: str) -> None:
        """Delete an ended one with its log, except for a log elsewhere; raises PiError while it runs."""
        process = self.get(id)
        if process.running:
            raise PiError(f"Background process {id} still runs. Stop it first.")
        shutil.rmtree(self._folder / id, ignore_errors=True)

    def prune(self, max_age_ms: int = _KEPT_MS) -> None:
        """Forget those that ended longer ago, and what a crash left half made."""
        oldest = time.time() - max_age_ms / 1000
        for folder in self._folders():
            try:
                recent = folder.stat().st_mtime > oldest  # its last change is the exit code
            except FileNotFoundError:  # another Pi was faster
                continue
            process = None if recent else _load(folder)
            if not recent and not (process and process.running):
                shutil.rmtree(folder, ignore_errors=True)

    def _folders(self) -> builtins.list[Path]:
        try:
            return [folder for folder in self._folder.iterdir() if folder.is_dir()]
        except FileNotFoundError:
            return []


def _check(argv: Sequence[str], cwd: Path) -> None:
    if sys.platform == "win32":
        raise PiError("Background processes need Linux or macOS; on Windows, run Pi in WSL for them.")
    if not argv or any("\0" in argument for argument in argv):
        raise PiError("A background process needs a program and arguments without NUL characters.")
    if not cwd.is_dir():
        raise PiError(f"Can't start {argv[0]}: {cwd} is no folder. Choose one that exists.")


def _printable(name: str | Path) -> str:
    """The same, but for bytes in a name that aren't UTF-8, for which JSON has no place."""
    return os.fsencode(name).decode("utf-8", "replace")


def _load(folder: Path) -> Process | None:
    try:
        data = (folder / "process.json").read_bytes()
        return msgspec.json.decode(data, type=Process, dec_hook=lambda kind, value: kind(value))
    except (OSError, ValueError, msgspec.DecodeError):  # it is being made, or it is damaged
        return None


def _launch(
    argv: Sequence[str], exit_file: Path, log: Path, cwd: Path, env: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    """A supervisor, whose child becomes the program when a byte comes on stdin."""
    given = os.environ if env is None else env
    unset = "" if "LC_CTYPE" in given else "LC_CTYPE"  # the supervisor's Python sets it in some locales
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        starter = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _SUPERVISOR, exit_file, unset, *argv],
            cwd=cwd,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=handle,
            start_new_session=True,  # out of reach of the terminal's signals
        )
    finally:
        os.close(handle)
    threading.Thread(target=starter.wait, daemon=True).start()  # so that no zombie stays while Pi lives
    return starter


async def _begin(starter: subprocess.Popen[bytes], draft: partial[Process]) -> tuple[Process, str]:
    """Note who the program is, then let it begin; the text is why it couldn't."""
    assert starter.stdin and starter.stdout
    with starter.stdout as answers, starter.stdin as word:
        try:
            line = await asyncio.to_thread(answers.readline)
            match [process_id(int(pid)) for pid in line.split()]:
                case [ProcessId() as root, ProcessId() as supervisor]:
                    process = draft(root=root, supervisor=supervisor)
                case _:
                    raise ProcessLookupError("the system ended it at once")
            data = msgspec.json.encode(process, enc_hook=_printable)
            write_atomic(process.folder / "process.json", data, mode=0o600)
        except BaseException:  # a cancellation too: without our word nothing begins
            word.close()
            await asyncio.to_thread(starter.wait)
            shutil.rmtree(draft.keywords["folder"], ignore_errors=True)
            raise
        try:
            os.write(word.fileno(), b"\n")
        except BrokenPipeError:
            pass  # somebody killed it already: it has ended
        return process, (await asyncio.to_thread(answers.read)).decode()


async def _gone(who: ProcessId) -> None:
    while who.alive:
        await _end_or_pause(who)


async def _all_gone(family: Iterable[ProcessId], timeout_s: float) -> None:
    """Waits until all have ended, or the time is over."""
    try:
        async with asyncio.timeout(timeout_s):
            for who in family:
                await _gone(who)
    except TimeoutError:
        pass


async def _end_or_pause(who: ProcessId) -> None:
    """Returns when it has ended, or after a while where the kernel doesn't tell."""
    try:
        handle = os.pidfd_open(who.pid) if sys.platform == "linux" else -1
    except OSError:  # it has ended, or this is an old kernel or a sandbox
        handle = -1
    if handle < 0:
        await asyncio.sleep(_POLL_S if who.alive else 0)
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(handle, ended.set)
    try:
        if who.alive:  # the handle is its own then, not that of a later one
            await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def _send_all(family: Iterable[ProcessId], number: signal.Signals) -> None:
    for who in family:
        try:
            _send(who, number)
        except OSError:
            pass  # it has ended, or it is another user's


def _send(who: ProcessId, number: signal.Signals) -> None:
    if sys.platform != "linux":
        if who.alive:
            os.kill(who.pid, number)
        return
    handle = os.pidfd_open(who.pid)  # from here on its number may be used again: the handle means this one
    try:
        if who.alive:
            signal.pidfd_send_signal(handle, number)
    finally:
        os.close(handle)


def _family(root: ProcessId, known: Set[ProcessId]) -> set[ProcessId]:
    """The living of `known`, of root's session and process group, and all that descend from these."""
    table = process_table()
    found = {who.pid for who in known if who.pid in table and table[who.pid].birth == who.birth}
    if any(root.pid in (table[pid].group, table[pid].session) for pid in found):  # else that number is free
        found |= {pid for pid, row in table.items() if root.pid in (row.group, row.session)}
    children: dict[int, list[int]] = {}
    for pid, row in table.items():
        children.setdefault(row.parent, []).append(pid)
    pending = list(found)
    while pending:
        new = [child for child in children.get(pending.pop(), ()) if child not in found]
        found.update(new)
        pending += new
    found.discard(os.getpid())  # a Pi that was started in the background stops the others first
    return {ProcessId(pid, table[pid].birth) for pid in found}

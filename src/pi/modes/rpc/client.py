"""A client of RPC mode: it starts Pi, sends commands, hears events, answers what extensions ask."""

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Literal, Self, cast

from pi.harness.framing import Splitter, decode, encode
from pi.platform.errors import PiError

Record = dict[str, Any]
Disposition = Literal["started", "queued", "handled"]
AnswerUI = Callable[[Record], "Awaitable[Record | None] | Record | None"]
_DIALOGS = ("select", "confirm", "input", "editor", "form")
_STDERR_SHOWN = 64 * 1024  # bytes of its end


class RpcFailed(PiError):
    """A command failed, or Pi has ended; `code` says why where Pi did ("busy", "not_found", …)."""

    def __init__(self, text: str, code: str = "failed"):
        super().__init__(text)
        self.code = code


class RpcClient:
    """One Pi process: `async with RpcClient("--no-session") as pi: await pi.prompt_and_wait("Hello")`.

    `arguments` are those of the command line. `answer_ui` gets each dialog's request and gives the fields of
    its answer (`{"value": "red"}`); None cancels it, as does having no `answer_ui`. With `forms` requests of
    the method "form" come, too. Notices and the like are events.
    """

    def __init__(
        self,
        *arguments: str,
        command: Sequence[str] = (sys.executable, "-m", "pi"),
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        answer_ui: AnswerUI | None = None,
        forms: bool = False,
    ):
        self._argv = [*command, "--mode", "rpc", *arguments]
        self._cwd = cwd
        self._env = env
        self._answer_ui = answer_ui
        self._forms = forms
        self._process: asyncio.subprocess.Process | None = None
        self._numbers = count(1)
        self._waiting: dict[str, asyncio.Future[Record]] = {}
        self._listeners: list[Callable[[Record], None]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stderr = bytearray()
        self._over = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    @property
    def stderr(self) -> str:
        """The end of what Pi has said for people."""
        return self._stderr.decode("utf-8", "replace")

    async def start(self) -> None:
        """Start Pi. Raises OSError when that can't be, RpcFailed when it ends at once."""
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *self._argv, cwd=self._cwd, env=self._env, stdin=pipe, stdout=pipe, stderr=pipe
        )
        said = self._spawn(self._read_stderr(self._process))
        self._spawn(self._read_records(self._process, said))
        await self.call("hello", capabilities=["form"] if self._forms else [])

    async def stop(self, *, limit_s: float = 10) -> int:
        """Close stdin and wait for Pi's end; the result is its exit code. After `limit_s` it is killed."""
        process = self._running()
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), limit_s)
        except TimeoutError:
            process.kill()
        code = await process.wait()
        if self._tasks:
            await asyncio.wait(self._tasks)
        return code

    def subscribe(self, listener: Callable[[Record], None]) -> Callable[[], None]:
        """Hear every event and every notice of extensions; the result ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def call(self, command: str, **arguments: Any) -> Any:
        """Do a command and give its `data`; arguments are spelled as on the wire. Raises RpcFailed."""
        id = f"py-{next(self._numbers)}"
        answer = self._waiting[id] = asyncio.get_running_loop().create_future()
        try:
            await self._send({**arguments, "id": id, "type": command})
            response = await answer
        finally:
            self._waiting.pop(id, None)
        if not response.get("success"):
            raise RpcFailed(str(response.get("error")), str(response.get("code", "failed")))
        return response.get("data")

    async def prompt(
        self,
        message: str,
        *,
        images: Sequence[Record] = (),
        when_busy: Literal["steer", "followUp"] | None = None,
    ) -> Disposition:
        """Say something; it returns when Pi has accepted it. After "handled" no run follows."""
        more: Record = {"images": list(images)} if images else {}
        if when_busy:
            more["streamingBehavior"] = when_busy
        return (await self.call("prompt", message=message, **more))["disposition"]

    async def prompt_and_wait(self, message: str, *, images: Sequence[Record] = ()) -> list[Record]:
        """Say something and wait until Pi is idle again; the events meanwhile."""
        events: list[Record] = []
        unsubscribe = self.subscribe(events.append)
        try:
            await self.prompt(message, images=images)
            await self.wait_idle()
        finally:
            unsubscribe()
        return events

    async def wait_idle(self) -> None:
        """Return once no run goes on. Raises RpcFailed when Pi has ended meanwhile."""
        await self._idle.wait()
        if self._over:
            raise self._ended()

    async def _send(self, record: Record) -> None:
        process = self._running()
        assert process.stdin is not None
        if self._over:
            raise self._ended()
        try:
            process.stdin.write(encode(record))
            await process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise self._ended() from None

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RpcFailed("Pi isn't running. Call start() first.", "ended")
        return self._process

    def _ended(self) -> RpcFailed:
        said = self.stderr.strip().splitlines()
        return RpcFailed(f"Pi has ended{': ' + said[-1] if said else '.'}", "ended")

    async def _read_records(self, process: asyncio.subprocess.Process, said: asyncio.Task[Any]) -> None:
        assert process.stdout is not None
        splitter = Splitter()
        while data := await process.stdout.read(1 << 16):
            for line in splitter.add(data):
                record = decode(line)
                if isinstance(record, dict):
                    self._received(cast(Record, record))
        await process.wait()
        await said
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(self._ended())
        self._over = True
        self._idle.set()

    async def _read_stderr(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while data := await process.stderr.read(1 << 16):
            self._stderr += data
            del self._stderr[:-_STDERR_SHOWN]

    def _received(self, record: Record) -> None:
        match record.get("type"):
            case "response":
                data = record.get("data")
                if isinstance(data, dict) and cast(Record, data).get("disposition") == "started":
                    self._idle.clear()
                answer = self._waiting.get(str(record.get("id")))
                if answer is not None and not answer.done():
                    answer.set_result(record)
                return
            case "extension_ui_request" if record.get("method") in _DIALOGS:
                self._spawn(self._answer(record))
                return
            case "agent_start":
                self._idle.clear()
            case "agent_settled":
                self._idle.set()
            case _:
                pass
        for listener in tuple(self._listeners):
            listener(record)

    async def _answer(self, request: Record) -> None:
        answer = self._answer_ui(request) if self._answer_ui is not None else None
        fields = await answer if inspect.isawaitable(answer) else answer
        given = {"cancelled": True} if fields is None else fields
        await self._send({**given, "type": "extension_ui_response", "id": request["id"]})

    def _spawn(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

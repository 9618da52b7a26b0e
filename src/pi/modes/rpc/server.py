"""The loop of RPC mode: lines become commands that run at the same time, events become lines."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from pi.harness.ending import BROKEN_PIPE, Ending
from pi.harness.events import AgentSettled, ExtensionFailed
from pi.harness.framing import decode
from pi.harness.session import Session
from pi.harness.wire import Wire
from pi.llm.registry import MissingKeyError
from pi.modes.rpc.call import Call, RpcError, arguments_of, code_of
from pi.modes.rpc.commands import COMMANDS
from pi.modes.rpc.ui import RpcUI
from pi.modes.rpc.views import failure_view
from pi.platform.errors import PiError
from pi.platform.terminal import say

_START_S = 30.0  # what extensions get to begin once nobody is there any more: as long as a handler
_GRACE_S = 2.0  # for commands and records that hang when Pi has to end


class Server:
    """One client, one session. `run` ends when the client goes, at a signal, or when an extension asks."""

    def __init__(self, session: Session, ui: RpcUI, wire: Wire):
        self._session = session
        self._ui = ui
        self._wire = wire
        self._commands: set[asyncio.Task[None]] = set()
        self._held: list[Mapping[str, Any]] | None = []  # until the session has started
        self._ending = Ending()
        self._leaving = False  # an extension wants Pi to end

    async def run(self) -> int:
        """Serve until the end; the result is the exit code."""
        self._ending.watch_signals()
        self._wire.start(self._received, lambda: self._ending.stop(BROKEN_PIPE))
        unsubscribe = self._session.subscribe(self._heard)
        self._listen_for_the_end()
        starting = asyncio.create_task(self._start())
        starting.add_done_callback(self._started)
        try:
            code = await self._ending.code
        finally:
            unsubscribe()
            self._ui.close()
            starting.cancel()
        await self._close()
        self._say_warnings()
        await self._wire.finish(None if code == 0 else _GRACE_S)
        return code

    async def _start(self) -> None:
        """Let the extensions begin; they may ask the client, so its answers are heard already."""
        await self._session.start()
        self._say_warnings()
        held, self._held = self._held or [], None
        for record in held:
            self._begin(record)
        self._check_leaving()

    def _started(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            say(f"Error: {error}")
            self._ending.stop(1)

    def _received(self, line: bytes | None) -> None:
        if line is None:
            self._hear_no_more()
            return
        try:
            value = decode(line)
        except ValueError as error:
            text = f"Failed to parse command: {error}"
            self._wire.send(
                {"type": "response", "command": "parse", "success": False, "error": text, "code": "parse"}
            )
            return
        record = cast(dict[str, Any], value) if isinstance(value, dict) else {}
        if record.get("type") == "extension_ui_response":
            self._ui.answer(record)
        elif self._held is not None:
            self._held.append(record)
        else:
            self._begin(record)

    def _hear_no_more(self) -> None:
        """Stdin has ended; what came before the session had started is answered first."""
        if self._held is None:
            self._ending.stop(0)
            return
        self._ui.close()
        self._leaving = True
        asyncio.get_running_loop().call_later(_START_S, self._ending.stop, 0)

    def _listen_for_the_end(self) -> None:
        """An extension may ask for it; the host may have come with the last run."""
        if self._session.extensions is not None:
            self._session.extensions.shutdown = self._leave

    def _begin(self, record: Mapping[str, Any]) -> None:
        self._listen_for_the_end()
        task = asyncio.create_task(self._handle(record))
        self._commands.add(task)
        task.add_done_callback(self._handled)

    async def _handle(self, record: Mapping[str, Any]) -> None:
        call = Call(self._session, self._ui, self._wire.answer, record)
        name = record.get("type")
        command = COMMANDS.get(name) if isinstance(name, str) else None
        try:
            if command is None:
                raise RpcError(f"Unknown command: {'undefined' if name is None else name}", "unknown_command")
            data = await command.run(call, arguments_of(command.arguments, record))
        except PiError as error:
            if call.answered:  # it was accepted: what follows is told by events
                self._session.warnings.append(str(error))
            call.fail(_explained(error), code_of(error))
        except Exception as error:  # one command that breaks must not take the others with it
            call.fail(f"Internal error: {type(error).__name__}: {error}", "internal")
            raise
        else:
            call.answer(*(() if data is None and command.run.__name__ not in _NULLABLE else (data,)))
        finally:
            self._say_warnings()

    def _handled(self, task: asyncio.Task[None]) -> None:
        self._commands.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            import traceback

            say("".join(traceback.format_exception(error)).rstrip())
        self._check_leaving()

    def _heard(self, event: Any) -> None:
        if isinstance(event, ExtensionFailed):
            self._wire.send(failure_view(self._session, event))
            return
        self._wire.send(event)
        if isinstance(event, AgentSettled):
            self._say_warnings()
            asyncio.get_running_loop().call_soon(self._check_leaving)

    def _leave(self) -> None:
        self._leaving = True
        self._check_leaving()

    def _check_leaving(self) -> None:
        """End for an extension that asked for it, as soon as nothing is going on."""
        idle = not self._commands and not self._session.busy and self._held is None
        if self._leaving and idle:
            self._ending.stop(0)

    async def _close(self) -> None:
        """Stop what runs, let commands end, and let go of the session."""
        self._session.shell.abort()
        await _within(self._session.abort())
        own = set(self._commands)
        if own:
            await asyncio.wait(own, timeout=_GRACE_S)
        for task in own:
            task.cancel()
        try:
            await self._session.close()
        except PiError as error:
            say(f"Error: {error}")

    def _say_warnings(self) -> None:
        warnings = list(self._session.warnings)
        self._session.warnings.clear()
        for warning in warnings:
            say(f"Warning: {warning}")


_NULLABLE = ("cycle_model", "cycle_thinking_level")  # whose `data` says null where there is nothing


async def _within(work: Any) -> None:
    try:
        await asyncio.wait_for(work, _GRACE_S)
    except TimeoutError:
        pass  # it hangs: the end doesn't wait for it


def _explained(error: PiError) -> str:
    if isinstance(error, MissingKeyError):
        which = "the selected model" if error.provider == "unknown" else error.provider
        return (
            f"No API key found for {which}.\n\n"
            "Log in with the command login, or use another model: get_available_models, set_model."
        )
    return str(error)

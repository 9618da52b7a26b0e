"""The life of ACP mode: an editor is served until it goes or a signal comes, then all ends in order."""

import asyncio
import os
import signal
from typing import Any

from acp.agent.connection import AgentSideConnection

from pi.harness.wire import Wire
from pi.modes.acp.agent import AcpAgent
from pi.modes.acp.home import Home
from pi.modes.acp.pipe import Pipe
from pi.platform.process import kill_all

SIGNALS = ("SIGTERM", "SIGHUP", "SIGINT")  # not all of them are known everywhere
BROKEN_PIPE = 128 + 13
_GRACE_S = 2.0  # for what hangs when Pi has to end


class Server:
    """One editor, any number of sessions."""

    def __init__(self, home: Home, wire: Wire):
        self._wire = wire
        self._pipe = Pipe(wire)
        self._agent = AcpAgent(home, self._pipe.tell)
        self._end: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._signals = 0

    async def run(self) -> int:
        """Serve until the end; the result is the exit code."""
        self._watch_signals()
        agent: Any = self._agent  # the library looks its methods up by name: those that there are
        connection = AgentSideConnection(agent, self._pipe, listening=False, use_unstable_protocol=True)
        self._pipe.start(lambda: self._stop(BROKEN_PIPE))
        listening = asyncio.create_task(connection.listen())
        listening.add_done_callback(self._over)
        try:
            code = await self._end
        finally:
            listening.cancel()
        await self._agent.close()
        await connection.close()
        await self._wire.finish(None if code == 0 else _GRACE_S)
        return code

    def _over(self, task: asyncio.Task[None]) -> None:
        self._stop(1 if not task.cancelled() and task.exception() is not None else 0)

    def _watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for name in SIGNALS:
            if number := getattr(signal, name, None):
                try:
                    loop.add_signal_handler(number, self._signalled, int(number))
                except NotImplementedError:  # Windows: Ctrl+C cancels everything as asyncio does it
                    return

    def _signalled(self, number: int) -> None:
        self._signals += 1
        if self._signals > 1:
            kill_all()
            os._exit(128 + number)
        self._stop(128 + number)

    def _stop(self, code: int) -> None:
        if not self._end.done():
            self._end.set_result(code)

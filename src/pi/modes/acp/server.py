"""The life of ACP mode: an editor is served until it goes or a signal comes, then all ends in order."""

import asyncio
from typing import Any

from acp.agent.connection import AgentSideConnection

from pi.harness.ending import BROKEN_PIPE, Ending
from pi.harness.wire import Wire
from pi.modes.acp.agent import AcpAgent
from pi.modes.acp.home import Home
from pi.modes.acp.pipe import Pipe

_GRACE_S = 2.0  # for what hangs when Pi has to end


class Server:
    """One editor, any number of sessions."""

    def __init__(self, home: Home, wire: Wire):
        self._wire = wire
        self._pipe = Pipe(wire)
        self._agent = AcpAgent(home, self._pipe.tell)
        self._ending = Ending()

    async def run(self) -> int:
        """Serve until the end; the result is the exit code."""
        self._ending.watch_signals()
        agent: Any = self._agent  # the library looks its methods up by name: those that there are
        connection = AgentSideConnection(agent, self._pipe, listening=False, use_unstable_protocol=True)
        self._pipe.start(lambda: self._ending.stop(BROKEN_PIPE))
        listening = asyncio.create_task(connection.listen())
        listening.add_done_callback(self._over)
        try:
            code = await self._ending.code
        finally:
            listening.cancel()
        await self._agent.close()
        await connection.close()
        await self._wire.finish(None if code == 0 else _GRACE_S)
        return code

    def _over(self, task: asyncio.Task[None]) -> None:
        self._ending.stop(1 if not task.cancelled() and task.exception() is not None else 0)

"""WebSockets that stay open between a session's requests, each with what its last request left behind."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Any

from pi.llm.websocket import WebSocket

IDLE_S = 5 * 60  # kept without a request
AGE_S = 55 * 60  # the host ends a connection after an hour, also in the middle of an answer


class Line:
    """A connection while a request has it; `memory` is for the next request on it."""

    def __init__(self, socket: WebSocket, now: float):
        self.socket = socket
        self.memory: Any = None
        self.reused = False
        self.opened_at = now  # of the loop's clock, in s
        self.expiry: asyncio.TimerHandle | None = None


class LinePool:
    """The kept connections of one event loop; times in s."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, idle_s: float = IDLE_S, age_s: float = AGE_S):
        self._loop = loop
        self._idle_s = idle_s
        self._age_s = age_s
        self._lines: dict[Hashable, Line] = {}

    @asynccontextmanager
    async def line(
        self, key: Hashable | None, connect: Callable[[], Awaitable[WebSocket]]
    ) -> AsyncGenerator[Line]:
        """The kept connection, or a new one where there is none or another request has it.

        It is kept afterwards unless the request failed or `key` is None.
        """
        line = self._take(key) or Line(await connect(), self._loop.time())
        try:
            yield line
        except BaseException:  # also a cancellation: the rest of its answer may still come
            line.socket.close()
            raise
        if key is None or not line.socket.is_open:
            line.socket.close()
            return
        self._drop(key)  # of two requests at a time, the connection of the later end is kept
        line.reused = True
        line.expiry = self._loop.call_later(self._idle_s, self._drop, key, "idle_timeout")
        self._lines[key] = line

    def _take(self, key: Hashable | None) -> Line | None:
        line = self._lines.get(key)
        if line and (not line.socket.is_open or self._loop.time() - line.opened_at >= self._age_s):
            self._drop(key, "connection_age_limit")
        elif line:
            del self._lines[key]
            assert line.expiry
            line.expiry.cancel()
            line.socket.forget()
            return line
        return None

    def _drop(self, key: Hashable | None, reason: str = "done") -> None:
        if line := self._lines.pop(key, None):
            assert line.expiry
            line.expiry.cancel()
            line.socket.close(reason)

    async def close_with_loop(self) -> AsyncIterator[None]:
        """Once begun, it ends when its loop shuts down: asyncio closes the generators that are still open."""
        try:
            yield
        finally:
            _pools.pop(self._loop, None)
            for key in list(self._lines):
                self._drop(key)


_pools: dict[asyncio.AbstractEventLoop, tuple[LinePool, AsyncIterator[None]]] = {}


async def line_pool() -> LinePool:
    """The pool of the running loop; it closes with the loop."""
    loop = asyncio.get_running_loop()
    if loop not in _pools:
        pool = LinePool(loop)
        closer = pool.close_with_loop()
        _pools[loop] = pool, closer
        await anext(closer)
    return _pools[loop][0]

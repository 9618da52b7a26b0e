"""A session's events as an async iterator: whoever reads slowly loses nothing, and holds up nobody."""

import asyncio
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any


class EventStream:
    """Events from now on, in their order: `async with session.events() as events:`, then `async for`.

    It ends when it is left, or when the session is closed and everything has been read.
    """

    def __init__(self, subscribe: Callable[[Callable[[Any], None]], Callable[[], None]]):
        self._waiting: asyncio.Queue[Any] = asyncio.Queue()
        self._unsubscribe = subscribe(self._waiting.put_nowait)
        self._ended = False

    def end(self) -> None:
        """The session is closed: what waits can still be read."""
        if not self._ended:
            self._ended = True
            self._unsubscribe()
            self._waiting.put_nowait(_END)

    async def __aenter__(self) -> "EventStream":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (event := await self._waiting.get()) is not _END:
            yield event


_END = object()

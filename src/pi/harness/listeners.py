"""Who hears a session's events, in the order in which they came."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pi.harness.event_stream import EventStream

Listener = Callable[[Any], Awaitable[None] | None]


class Listeners:
    """Plain functions are called, async ones waited for."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._pending: set[asyncio.Future[None]] = set()
        self._ended = False

    def add(self, listener: Listener) -> Callable[[], None]:
        """Let somebody hear every event from now on; the result ends that."""
        self._listeners.append(listener)
        if self._ended and isinstance(listener, EventStream):
            listener.end()
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def __contains__(self, listener: Listener) -> bool:
        return listener in self._listeners

    def end(self) -> None:
        """Nothing comes any more: streams end, so that their readers do."""
        self._ended = True
        for listener in tuple(self._listeners):
            if isinstance(listener, EventStream):
                listener.end()

    async def tell(self, event: Any) -> None:
        """Tell everybody, one after the other."""
        for listener in tuple(self._listeners):
            waiting = listener(event)
            if waiting is not None:
                await waiting

    def announce(self, event: Any) -> None:
        """Likewise from where nothing can be waited for: async listeners go on by themselves."""
        for listener in tuple(self._listeners):
            waiting = listener(event)
            if waiting is not None:
                pending = asyncio.ensure_future(waiting)
                self._pending.add(pending)
                pending.add_done_callback(self._pending.discard)

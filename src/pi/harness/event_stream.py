"""A session's events as an async iterator: whoever reads slowly loses nothing, and holds up nobody."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pi.harness.events import SessionEvent


class EventStream:
    """Events from now on, in their order: `async with session.events() as events:`, then `async for`.

    A second `async for` goes on where the first was left. It ends when it is left itself, or when the session
    is closed; what came before can still be read.
    """

    def __init__(self, subscribe: "Callable[[EventStream], Callable[[], None]]"):
        self._waiting: asyncio.Queue[Any] = asyncio.Queue()
        self._unsubscribe: Callable[[], None] = lambda: None  # a closed session ends it while it subscribes
        self._unsubscribe = subscribe(self)

    def __call__(self, event: Any) -> None:
        """Hear an event: a stream is a listener."""
        self._waiting.put_nowait(event)

    def end(self) -> None:
        """Nothing comes any more."""
        self._unsubscribe()
        self._waiting.put_nowait(_END)

    def __aiter__(self) -> "EventStream":
        return self

    async def __anext__(self) -> "SessionEvent":
        event = await self._waiting.get()
        if event is _END:
            self._waiting.put_nowait(_END)  # whoever asks again hears it again
            raise StopAsyncIteration
        return cast("SessionEvent", event)

    async def __aenter__(self) -> "EventStream":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


_END = object()

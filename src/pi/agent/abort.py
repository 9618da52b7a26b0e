"""Stopping a run from outside: an abort cancels what runs inside a scope, and only that."""

import asyncio
from types import TracebackType


class Aborted(Exception):
    """What ran inside a scope was stopped by `Abort.fire`."""


class Abort:
    """One run's stop button. `fire` cancels the open scope; each later scope stops as it opens."""

    def __init__(self) -> None:
        self.fired = False
        self._open: list[_Scope] = []

    def fire(self) -> None:
        """Stop the run; a second call changes nothing."""
        if self.fired:
            return
        self.fired = True
        for scope in list(self._open):
            scope.cancel()

    def scope(self) -> "_Scope":
        """`async with abort.scope():` — raises Aborted when the abort fires inside it."""
        return _Scope(self, self._open)


class _Scope:
    """The mechanism of `asyncio.timeout`: a cancellation that is ours becomes an exception at the edge."""

    def __init__(self, abort: Abort, register: "list[_Scope]"):
        self._abort = abort
        self._register = register
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._cancelled = False

    def cancel(self) -> None:
        if self._task is not None and not self._cancelled:
            self._cancelled = True
            self._task.cancel()

    async def __aenter__(self) -> None:
        self._task = asyncio.current_task()
        assert self._task is not None
        self._cancelling = self._task.cancelling()
        if self._abort.fired:
            raise Aborted
        self._register.append(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._register.remove(self)
        if not self._cancelled:
            return
        ours = self._task.uncancel() <= self._cancelling
        if ours and (kind is None or kind is asyncio.CancelledError):
            raise Aborted from error

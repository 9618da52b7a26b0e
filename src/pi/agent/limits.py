"""A time limit for foreign code: it pauses while a person is asked, and holds against code that won't end."""

import asyncio
from collections.abc import Awaitable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

GRACE_S = 1.0  # what cancelled code gets to clean up before it is left behind

_current: ContextVar["_Limit | None"] = ContextVar("limit", default=None)


class TooSlow(Exception):
    """The code didn't end within its limit (s)."""


class CalledExit(Exception):
    """The code tried to end the whole program."""


class _Limit:
    """One deadline. Pauses may overlap: it runs on when the last one is over."""

    def __init__(self, seconds: float):
        self._loop = asyncio.get_running_loop()
        self.expired: asyncio.Future[None] = self._loop.create_future()
        self._left = seconds
        self._pauses = 0
        self._resume()

    def pause(self) -> None:
        self._pauses += 1
        if self._pauses == 1:
            self._timer.cancel()
            self._left -= self._loop.time() - self._since

    def resume(self) -> None:
        self._pauses -= 1
        if self._pauses == 0:
            self._resume()

    def stop(self) -> None:
        self._timer.cancel()

    def _resume(self) -> None:
        self._since = self._loop.time()
        self._timer = self._loop.call_later(max(self._left, 0), self._expire)

    def _expire(self) -> None:
        if not self.expired.done():
            self.expired.set_result(None)


@contextmanager
def unlimited() -> Generator[None]:
    """Time spent in here doesn't count: a person is thinking about an answer."""
    limit = _current.get()
    if limit is None:
        yield
        return
    limit.pause()
    try:
        yield
    finally:
        limit.resume()


async def within(seconds: float | None, work: Awaitable[Any]) -> Any:
    """The result of foreign `work`, or TooSlow after `seconds` (None: no limit).

    It runs in a task of its own, so that nothing it does can cancel, end or outlast the caller: its
    cancellation and its `sys.exit` become exceptions here, and what ignores its cancellation is left behind.
    """
    limit = None if seconds is None else _Limit(seconds)
    token = _current.set(limit)
    try:
        task = asyncio.ensure_future(_contained(work))
    finally:
        _current.reset(token)
    try:
        await asyncio.wait({task} if limit is None else {task, limit.expired}, return_when="FIRST_COMPLETED")
        if not task.done():
            await _dismiss(task)
            raise TooSlow(f"It took longer than {seconds:g} s and was stopped")
        if task.cancelled():
            raise CalledExit("It cancelled itself")
        return task.result()
    except asyncio.CancelledError:
        await _dismiss(task)
        raise
    finally:
        if limit is not None:
            limit.stop()


async def _contained(work: Awaitable[Any]) -> Any:
    try:
        return await work
    except SystemExit as error:
        raise CalledExit(f"It called sys.exit({error.code})") from None


async def _dismiss(task: asyncio.Task[Any]) -> None:
    task.cancel()
    task.add_done_callback(_forget)
    await asyncio.wait({task}, timeout=GRACE_S)


def _forget(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # taken note of: nobody waits for it any more

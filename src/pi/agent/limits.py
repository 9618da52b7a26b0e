"""Foreign code, called so that it can do no harm: what it raises is an error, and its time is limited."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, cast

GRACE_S = 1.0  # what cancelled code gets to clean up before it is left behind

_current: ContextVar["_Limit | None"] = ContextVar("limit", default=None)


class TooSlow(Exception):
    """The code didn't end within its limit (s)."""


class Misbehaved(Exception):
    """The code did what ends more than itself, such as `sys.exit`; the text says what."""


class _Limit:
    """One deadline. Pauses may overlap: it runs on when the last one is over.

    A pause is one of the limits around it too: they wait for the same person.
    """

    def __init__(self, seconds: float, around: "_Limit | None"):
        self._loop = asyncio.get_running_loop()
        self.expired: asyncio.Future[None] = self._loop.create_future()
        self._around = around
        self._left = seconds
        self._pauses = 0
        self._stopped = False
        self._resume()

    def pause(self) -> None:
        self._pauses += 1
        if self._pauses == 1 and not self._stopped:
            self._timer.cancel()
            self._left -= self._loop.time() - self._since
        if self._around is not None:
            self._around.pause()

    def resume(self) -> None:
        self._pauses -= 1
        if self._pauses == 0 and not self._stopped:
            self._resume()
        if self._around is not None:
            self._around.resume()

    def left(self) -> float:
        running = self._pauses == 0 and not self._stopped
        return self._left - (self._loop.time() - self._since if running else 0)

    def stop(self) -> None:
        self._stopped = True
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


@contextmanager
def alarm(seconds: float, ring: Callable[[], None]) -> Generator[Callable[[], float]]:
    """Call `ring` once the code in here has taken this long, without the time in `unlimited`.

    Gives a function that says, in here, how many seconds are left.
    """
    limit = _Limit(seconds, _current.get())
    limit.expired.add_done_callback(lambda _: ring())
    token = _current.set(limit)
    try:
        yield limit.left
    finally:
        _current.reset(token)
        limit.stop()


def no_limit() -> None:
    """The running task is on its own from here on: its pauses are none of the code's that started it."""
    _current.set(None)


def told(error: BaseException) -> str:
    """What foreign code raised, in words; also where its own words raise something."""
    text = words(error)
    match error:
        case Misbehaved():
            return text
        case SystemExit():
            return f"it called sys.exit({text})"
        case _:
            return f"{type(error).__name__}: {text}" if text else f"{type(error).__name__}()"


def words(error: BaseException) -> str:
    """`str(error)`, also where that raises something."""
    try:
        return str(error)
    except Exception:  # foreign code
        return "(an error that can't say what it is)"


async def call(seconds: float | None, run: Callable[..., Any], *given: Any) -> Any:
    """Call foreign code and wait for what it gives: within `seconds`, if that is to be awaited.

    Whatever goes wrong is an Exception here: what the code raises, TooSlow, or Misbehaved.
    """
    try:
        answer = run(*given)
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:  # nothing is awaited here: not even a CancelledError can be meant for us
        raise Misbehaved(_ending(error)) from error
    if is_awaitable(answer):
        answer = await within(seconds, answer)
    if type(answer) is CoroutineType:
        answer.close()
        raise Misbehaved("it gave a coroutine that nobody awaits: write `await` before the call")
    if type(answer) in (GeneratorType, AsyncGeneratorType):
        raise Misbehaved("it has a `yield` in it, so nothing of it ran: use `return`")
    return answer


def is_awaitable(answer: Any) -> bool:
    """Whether it is to be awaited; asks its type, not the value, which may be up to anything."""
    return hasattr(cast(Any, type(answer)), "__await__")


async def within(seconds: float | None, work: Awaitable[Any]) -> Any:
    """The result of foreign `work`, or TooSlow after `seconds` (None: no limit).

    It runs in a task of its own, so that nothing it does can cancel, end or outlast the caller: its
    cancellation and its `sys.exit` become exceptions here, and what ignores its cancellation is left behind.
    """
    around = _current.get()
    limit = None if seconds is None else _Limit(seconds, around)
    token = _current.set(limit or around)
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
            raise Misbehaved("it was cancelled")
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
    except (Exception, asyncio.CancelledError, KeyboardInterrupt):
        raise
    except BaseException as error:  # foreign code: in a task this would end the event loop
        raise Misbehaved(_ending(error)) from error


def _ending(error: BaseException) -> str:
    return told(error) if isinstance(error, SystemExit) else f"it raised {told(error)}"


async def _dismiss(task: asyncio.Task[Any]) -> None:
    task.cancel()
    task.add_done_callback(_forget)
    await asyncio.wait({task}, timeout=GRACE_S)


def _forget(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # taken note of: nobody waits for it any more

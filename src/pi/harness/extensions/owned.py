"""What runs for an extension: tasks and timers in the background and its handlers; all end with it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from functools import partial
from typing import Any

from pi.agent import limits
from pi.platform.errors import PiError

# what waits for the running code and so must not be cancelled by it: a handler that reloads, and its like
_inside: ContextVar[tuple[asyncio.Task[Any], ...]] = ContextVar("inside", default=())


class StaleContext(PiError):
    """The extension was unloaded or its session replaced: this `ctx` belongs to the past."""


class Owned:
    """The tasks of one extension; `report(error)` hears what goes wrong in them."""

    def __init__(self, report: Callable[[str, str], None]):
        self._report = report
        self._tasks: dict[asyncio.Task[Any], str] = {}  # and what they are called in reports

    def __len__(self) -> int:
        return len(self._tasks)

    def task(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run it in the background until it ends or the extension does."""
        task = asyncio.create_task(self._alone(work, name), name=name)
        self._tasks[task] = name
        task.add_done_callback(partial(self._done, work))
        return task

    async def following(self, work: Awaitable[Any], name: str) -> Any:
        """A handler's work: it ends with the extension, too."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks[task] = name
        token = _inside.set((*_inside.get(), task))
        try:
            return await work
        finally:
            _inside.reset(token)
            self._tasks.pop(task, None)

    def after(self, seconds: float, run: Callable[[], Any], name: str) -> asyncio.Task[Any]:
        """Call it once, later."""

        async def later() -> None:
            await asyncio.sleep(seconds)
            await limits.call(None, run)

        return self.task(later(), name)

    def every(self, seconds: float, run: Callable[[], Any], name: str) -> asyncio.Task[Any]:
        """Call it again and again; one call that fails is reported and the next one comes."""

        async def again() -> None:
            while True:
                await asyncio.sleep(seconds)
                await self._run(limits.call(None, run), name)

        return self.task(again(), name)

    async def stop(self) -> None:
        """Cancel everything and wait for a moment; what ignores it is reported and left behind."""
        tasks = {task for task in self._tasks if task not in _inside.get()}
        for task in tasks:
            task.cancel()
        if not tasks:
            return
        _, stubborn = await asyncio.wait(tasks, timeout=limits.GRACE_S)
        for task in stubborn:
            if name := self._tasks.pop(task, ""):
                self._report(name, "it doesn't stop when it is cancelled, and was left behind")

    def _done(self, work: Coroutine[Any, Any, Any], task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if asyncio.iscoroutine(work):
            work.close()  # it was cancelled before it began

    async def _alone(self, work: Coroutine[Any, Any, Any], name: str) -> Any:
        limits.no_limit()
        task = asyncio.current_task()
        _inside.set((task,) if task else ())
        return await self._run(work, name)

    async def _run(self, work: Coroutine[Any, Any, Any], name: str) -> Any:
        try:
            return await work
        except StaleContext:
            return None  # it has outlived its session: nothing is wrong, and nobody is there to hear of it
        except (asyncio.CancelledError, KeyboardInterrupt):
            raise
        except BaseException as error:  # foreign code: its background work fails alone
            self._report(name, limits.told(error))
        return None

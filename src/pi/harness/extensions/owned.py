"""What runs for an extension in the background: tasks and timers that end with it."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any

from pi.agent.limits import GRACE_S
from pi.platform.errors import PiError


class StaleContext(PiError):
    """The extension was unloaded or its session replaced: this `ctx` belongs to the past."""


class Owned:
    """The tasks of one extension; `report(error)` hears what goes wrong in them."""

    def __init__(self, report: Callable[[str, str], None]):
        self._report = report
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def task(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run it in the background until it ends or the extension does."""
        task = asyncio.create_task(self._run(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def after(self, seconds: float, run: Callable[[], Any], name: str) -> asyncio.Task[Any]:
        """Call it once, later."""

        async def later() -> None:
            await asyncio.sleep(seconds)
            await _called(run)

        return self.task(later(), name)

    def every(self, seconds: float, run: Callable[[], Any], name: str) -> asyncio.Task[Any]:
        """Call it again and again; one call that fails is reported and the next one comes."""

        async def again() -> None:
            while True:
                await asyncio.sleep(seconds)
                await self._run(_called(run), name)

        return self.task(again(), name)

    async def stop(self) -> None:
        """Cancel everything and wait for a moment; what ignores it is reported and left behind."""
        current = asyncio.current_task()
        tasks = {task for task in self._tasks if task is not current}
        for task in tasks:
            task.cancel()
        if not tasks:
            return
        _, stubborn = await asyncio.wait(tasks, timeout=GRACE_S)
        for task in stubborn:
            self._report(task.get_name(), "a background task doesn't stop when it is cancelled")

    async def _run(self, work: Coroutine[Any, Any, Any], name: str) -> Any:
        try:
            return await work
        except StaleContext:
            return None  # it has outlived its session: nothing is wrong, and nobody is there to hear of it
        except SystemExit as error:
            self._report(name, f"it called sys.exit({error.code})")
        except Exception as error:  # foreign code: its background work fails alone
            self._report(name, f"{type(error).__name__}: {error}")
        return None


async def _called(run: Callable[[], Any]) -> None:
    result = run()
    if inspect.isawaitable(result):
        await result

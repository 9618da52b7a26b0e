"""Foreign functions as the host calls them: with their ctx, and so that they can do no harm."""

import inspect
from collections.abc import Callable
from typing import Any

from pi.agent.guard import AskAgain, Cut, Stop, StreamGuard, Verdict
from pi.harness.extensions.ctx import Ctx
from pi.llm.events import StreamEvent
from pi.llm.stream import ModelStream


def with_ctx(run: Callable[..., Any], ctx: Ctx) -> Callable[[Any], Any]:
    """The handler of an event, bound to its ctx."""
    return lambda event: run(event, ctx)


def watching(run: Callable[..., Any], report: Callable[[str], None]) -> StreamGuard:
    """A stream guard that can do no harm: one that fails or answers nonsense is reported once and rests."""
    broken = False

    def watch(event: StreamEvent, stream: ModelStream) -> Verdict | None:
        nonlocal broken
        if broken:
            return None
        try:
            verdict = run(event, stream)
            if verdict is None or isinstance(verdict, Cut | AskAgain | Stop):
                return verdict
            if inspect.iscoroutine(verdict):
                verdict.close()
            error = f"it answered {type(verdict).__name__}, not None, Cut, AskAgain or Stop"
        except SystemExit as exit:
            error = f"it called sys.exit({exit.code})"
        except Exception as raised:  # foreign code: the response goes on without it
            error = f"{type(raised).__name__}: {raised}"
        broken = True
        report(error)
        return None

    return watch


async def exit_code(run: Callable[..., Any], words: list[str]) -> int:
    """Run a command of the shell; what it gives back, if a number, is the exit code."""
    result = run(words)
    if inspect.isawaitable(result):
        result = await result
    return result if isinstance(result, int) else 0

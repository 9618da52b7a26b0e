"""Foreign functions as the host calls them: with their ctx, and so that they can do no harm."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from msgspec import structs

from pi.agent.guard import AskAgain, Cut, Stop, StreamGuard, Verdict
from pi.agent.hooks import Hooks
from pi.agent.limits import is_awaitable, told
from pi.harness.extensions.ctx import Ctx, Home
from pi.harness.extensions.declarations import Subscription
from pi.llm.events import StreamEvent
from pi.llm.stream import ModelStream

SHUTDOWN_LIMIT_S = 5.0  # of one handler of `session_shutdown`: who wants to leave doesn't wait for it


def with_ctx(run: Callable[..., Any], home: Home, name: str) -> Callable[[Any], Any]:
    """The handler of an event, bound to its ctx; what it awaits ends with its extension."""
    ctx = Ctx(home)

    def handler(event: Any) -> Any:
        answer = run(event, ctx)
        return home.owned.following(answer, name) if is_awaitable(answer) else answer

    return handler


def add_handlers(hooks: Hooks, handlers: Iterable[Subscription], home: Home) -> list[Callable[[], None]]:
    """An extension's handlers among those of `hooks`; the results remove them again."""
    return [
        hooks.on(
            each.name,
            with_ctx(each.run, home, each.name),
            owner=home.name,
            limit_s=_shutdown_limit(each.limit_s) if each.name == "session_shutdown" else each.limit_s,
        )
        for each in handlers
    ]


def _shutdown_limit(seconds: float | None) -> float:
    return SHUTDOWN_LIMIT_S if seconds is None else min(seconds, SHUTDOWN_LIMIT_S)


def watching(run: Callable[..., Any], home: Home, report: Callable[[str], None]) -> StreamGuard:
    """A stream guard that can do no harm: one that fails or answers nonsense is reported once and rests."""
    broken = False
    ctx = Ctx(home)

    def watch(event: StreamEvent, stream: ModelStream) -> Verdict | None:
        nonlocal broken
        if broken:
            return None
        try:
            verdict = run(event, stream, ctx)
            if isinstance(verdict, AskAgain) and isinstance(verdict.model, str):
                return structs.replace(verdict, model=ctx.models.find(verdict.model))
            if verdict is None or isinstance(verdict, Cut | AskAgain | Stop):
                return verdict
            if inspect.iscoroutine(verdict):
                verdict.close()
            error = f"it answered {type(verdict).__name__}, not None, Cut, AskAgain or Stop"
        except KeyboardInterrupt:
            raise
        except BaseException as raised:  # foreign code, not awaited: the response goes on without it
            error = told(raised)
        broken = True
        report(error)
        return None

    return watch


async def exit_code(run: Callable[..., Any], *given: Any) -> int:
    """Run a command of the shell; what it gives back, if a number, is the exit code."""
    result = run(*given)
    if inspect.isawaitable(result):
        result = await result
    return result if isinstance(result, int) else 0

"""Keeps a provider's prompt cache alive: the last request is sent again, for one token, before it expires."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

from msgspec import Struct, structs

from pi.harness.events import EntryAppended
from pi.harness.state import SessionState
from pi.harness.storage.entries import MessageEntry, UsageEntry
from pi.harness.storage.file import SessionWriteError
from pi.llm.cost import priced
from pi.llm.events import StreamEnd
from pi.llm.messages import AssistantMessage, Context, Usage
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.stream import ask

MIN_SAVING = 0.05  # USD that a refresh has to be expected to save
IDLE_PROBABILITY = 0.15  # that somebody says something before the cache has expired
LONGEST_IDLE_S = 30 * 60
LONGEST_RUN_S = 60 * 60
MARGIN_S = 10  # at least so long before it expires the cache is refreshed


class _Asked(Struct, frozen=True):
    """A request whose cache is kept, when it was made, and what it was made of."""

    model: Model
    context: Context
    options: StreamOptions
    chosen: Model
    transcript: tuple[Any, ...]
    at: float
    lifetime: float


class CacheWarming:
    """Warms the cache of a session's latest request, as long as that pays. `busy` says if a run goes on."""

    def __init__(
        self,
        state: SessionState,
        publish: Callable[[Any], Awaitable[Any]],
        busy: Callable[[], bool],
        *,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        now: Callable[[], float] | None = None,
    ):
        self._state = state
        self._publish = publish
        self._busy = busy
        self._sleep = sleep
        self._now = now or asyncio.get_running_loop().time
        self._task: asyncio.Task[None] | None = None

    def start(self, model: Model, context: Context, options: StreamOptions) -> None:
        """A request is being made: from now on its cache is kept, not that of one before."""
        self.stop()
        lifetime = (model.prompt_cache or {}).get(options.cache_retention, 0)
        if self._mode() == "off" or lifetime <= MARGIN_S or not _can_be_sent_again(model, options):
            return
        state = self._state
        asked = _Asked(
            model, context, options, state.model, tuple(state.transcript), self._now(), float(lifetime)
        )
        self._task = asyncio.create_task(self._keep(asked))

    def stop(self) -> None:
        """Keep nothing any more, until the next request."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _keep(self, asked: _Asked) -> None:
        delay = min(asked.lifetime * 0.9, asked.lifetime - MARGIN_S)
        latest = delay + (asked.lifetime - delay) / 2  # after a laptop's sleep the cache is gone
        while True:
            refreshed = self._now()
            await self._sleep(delay)
            in_time = self._now() - refreshed <= latest
            if not in_time or not self._is_due(asked) or not await self._pays(asked):
                return
            if not self._is_due(asked):  # an extension took its time
                return
            await self._refresh(asked)

    def _mode(self) -> str:
        return self._state.setup.settings.text("cacheWarming") or "idle"

    def _is_due(self, asked: _Asked) -> bool:
        """Whether the next request would still begin with that one, and it isn't too long ago."""
        mode, idle, state = self._mode(), not self._busy(), self._state
        if mode == "off" or (mode == "streaming" and idle) or state.model != asked.chosen:
            return False
        if tuple(state.transcript[: len(asked.transcript)]) != asked.transcript:
            return False
        return self._now() - asked.at <= (LONGEST_IDLE_S if idle else LONGEST_RUN_S)

    async def _pays(self, asked: _Asked) -> bool:
        """Whether the refresh is worth its price; extensions have the last word."""
        tokens = self._prompt_tokens()
        write = asked.model.cost.cache_write > 0
        hit = _cost(asked.model, Usage(cache_read=tokens))
        miss = _cost(asked.model, Usage(cache_write=tokens) if write else Usage(input=tokens))
        warm = _cost(asked.model, Usage(cache_read=tokens, output=1))
        extra = max(0.0, miss - hit)
        probability = 1.0 if self._busy() else IDLE_PROBABILITY
        pays = probability * extra - warm >= MIN_SAVING
        hooks = self._state.hooks
        if not hooks.has("cache_warming_decision"):
            return pays
        from pi.harness.extensions.answers import CacheWarming as Answer
        from pi.harness.extensions.events import CacheWarmingDecision

        decision = CacheWarmingDecision(warm, extra, probability, "warm" if pays else "stop")
        answers = await hooks.answers("cache_warming_decision", decision, (Answer,))
        return (answers[-1].action == "warm") if answers else pays

    def _prompt_tokens(self) -> int:
        """Tokens of the latest request's prompt, as the provider counted them."""
        for entry in self._state.store.newest_first():
            if isinstance(entry, MessageEntry) and isinstance(entry.message, AssistantMessage):
                usage = entry.message.usage
                return usage.input + usage.cache_read + usage.cache_write
        return 0

    async def _refresh(self, asked: _Asked) -> None:
        """Send it again; whatever becomes of that, the session goes on."""
        once = structs.replace(asked.options, max_tokens=1, max_retries=0, continues=False)
        async with aclosing(aiter(ask(asked.model, asked.context, once))) as events:
            async for event in events:
                match event:
                    case StreamEnd(message) if message.stop_reason not in ("error", "aborted"):
                        await self._count(message)
                    case _:
                        pass

    async def _count(self, message: AssistantMessage) -> None:
        state, model = self._state, message.response_model or message.model
        told = {"kind": "cache_warm", "provider": message.provider, "model": model, "usage": message.usage}
        if state.setup.kin is not None:
            state.setup.kin.spent(message.provider, model, message.usage)
        try:
            entry = state.store.append(UsageEntry, **told)
        except SessionWriteError:  # the store has the entry and writes it with the next one
            return
        await self._publish(EntryAppended(entry))


def _can_be_sent_again(model: Model, options: StreamOptions) -> bool:
    """For one token, and still the same to the cache: a budget of thinking would shrink with the limit."""
    if model.api != "anthropic-messages" or options.thinking == "off":
        return True
    compat = model.compat or {}
    return bool(compat.get("forceAdaptiveThinking") or compat.get("supportsMidConvoEffort"))


def _cost(model: Model, usage: Usage) -> float:
    return priced(model, usage).cost.total

"""Cache misses: what of a prompt was paid in full although the request before had sent it already."""

from collections.abc import Iterable

from msgspec import Struct

from pi.harness.events import CacheMiss
from pi.harness.storage.entries import BranchSummary, CompactionEntry, Entry, MessageEntry, UsageEntry, iso_ms
from pi.llm.messages import AssistantMessage, Usage
from pi.llm.models import Model

NOISE_TOKENS = 1_024  # caches work in blocks
WORTH_TOKENS = 20_000  # less is told only if it cost as much as WORTH_USD
WORTH_USD = 0.10


class _Request(Struct, frozen=True):
    tokens: int
    model: str
    at_ms: int
    used_cache: bool


def cache_miss(before: Iterable[Entry], message: AssistantMessage, model: Model) -> CacheMiss | None:
    """What an answer's request paid for twice; None when that is nothing, or not worth telling.

    `before` are the entries before the answer, newest first. What was said before a compaction or in another
    branch is new to the cache, and no miss.
    """
    last = _last_request(before)
    usage = message.usage
    prompt = _prompt(usage)
    used = usage.cache_read + usage.cache_write > 0
    if last is None or not prompt or not (used or last.used_cache):  # many providers report no cache at all
        return None
    missed = min(last.tokens, prompt) - usage.cache_read
    if missed <= NOISE_TOKENS:
        return None
    paid = (usage.cost.input + usage.cost.cache_write) / ((usage.input + usage.cache_write) or 1)
    read = usage.cost.cache_read / usage.cache_read if usage.cache_read else model.cost.cache_read / 1_000_000
    cost = missed * max(0.0, paid - read)
    if missed < WORTH_TOKENS and cost < WORTH_USD:
        return None
    changed = f"{message.provider}/{message.model}" != last.model
    return CacheMiss(missed, cost, max(0, message.timestamp - last.at_ms), changed)


def _last_request(newest_first: Iterable[Entry]) -> _Request | None:
    """The request before, and whether the cache was used since the conversation last began anew."""
    last: _Request | None = None
    for entry in newest_first:
        match entry:
            case CompactionEntry() | BranchSummary():
                break
            case UsageEntry(kind="cache_warm", usage=usage, provider=provider, model=model):
                request = _Request(_prompt(usage), f"{provider}/{model}", iso_ms(entry.timestamp), True)
            case MessageEntry(message=AssistantMessage(usage=usage, provider=provider, model=model) as said):
                used = usage.cache_read + usage.cache_write > 0
                request = _Request(_prompt(usage), f"{provider}/{model}", said.timestamp, used)
            case _:
                continue
        if request.tokens:
            last = last or request
            if request.used_cache:
                return _Request(last.tokens, last.model, last.at_ms, True)
    return last


def _prompt(usage: Usage) -> int:
    return usage.input + usage.cache_read + usage.cache_write

"""What of a prompt was paid for twice, and when that is told."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pi.harness.events import CacheMiss
from pi.harness.spending.cache_misses import cache_miss
from pi.harness.storage.entries import UsageEntry
from pi.harness.storage.store import Store
from pi.llm.messages import AssistantMessage, Cost, Text, Usage
from pi.llm.models import Model, ModelCost
from pi.llm.protocols.faux import Reply
from pi.testing import ScriptedModel
from pi.testing.sessions import make_session

PRICES = ModelCost(input=5, output=25, cache_read=0.5, cache_write=6.25)
MODEL = Model("m", "mine", "faux", "", cost=PRICES)


def said(input: int, read: int = 0, write: int = 0, *, at: int = 1_000, model: str = "m") -> AssistantMessage:
    cost = Cost(input * 5e-6, 0, read * 0.5e-6, write * 6.25e-6, 0)
    usage = Usage(input=input, cache_read=read, cache_write=write, cost=cost)
    return AssistantMessage((Text("x"),), "faux", "mine", model, usage, "stop", at)


def missed(tmp_path: Path, *before: Any, now: AssistantMessage) -> CacheMiss | None:
    store = Store.in_memory(tmp_path)
    for each in before:
        if isinstance(each, AssistantMessage):
            store.append_message(each)
        elif isinstance(each, Usage):
            store.append(UsageEntry, kind="cache_warm", provider="mine", model="m", usage=each)
        else:
            store.append_compaction("sum", None, 1)
    return cache_miss(store.newest_first(), now, MODEL)


def test_a_prompt_that_was_sent_before_and_paid_again_is_a_miss(tmp_path: Path) -> None:
    miss = missed(tmp_path, said(0, 0, 50_000), now=said(60_000, at=9_000))
    assert miss == CacheMiss(50_000, pytest.approx(50_000 * 4.5e-6), 8_000, False)


def test_another_models_request_fills_no_cache(tmp_path: Path) -> None:
    miss = missed(tmp_path, said(0, 0, 50_000, model="other"), now=said(0, 0, 50_000))
    assert miss is not None
    assert miss.model_changed


def test_a_warmed_cache_counts_as_a_request(tmp_path: Path) -> None:
    miss = missed(tmp_path, said(30_000), Usage(cache_read=40_000), now=said(90_000))
    assert miss is not None
    assert miss.missed_tokens == 40_000


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ((), said(60_000)),  # the first
        ((said(50_000),), said(60_000)),  # a provider that reports no cache
        ((said(0, 0, 50_000),), said(10, 50_000)),  # a hit
        ((said(0, 0, 50_000),), said(900, 49_100)),  # within a block
        ((said(0, 0, 50_000),), said(9_000, 41_000)),  # not worth a word
        ((said(0, 0, 50_000), "compaction"), said(60_000)),  # a new conversation
        ((said(0, 0, 50_000),), said(0)),  # nothing reported
    ],
)
def test_what_is_no_miss(tmp_path: Path, before: tuple[Any, ...], now: AssistantMessage) -> None:
    assert missed(tmp_path, *before, now=now) is None


@pytest.mark.parametrize(("wanted", "told"), [(True, 1), (False, 0)])
def test_a_session_tells_of_a_miss_to_those_who_want_to_know(tmp_path: Path, wanted: bool, told: int) -> None:
    events: list[Any] = []
    scripted = ScriptedModel(
        Reply("a", usage=Usage(cache_write=50_000)), Reply("b", usage=Usage(input=60_000)), cost=PRICES
    )

    async def run() -> None:
        session = make_session(scripted, cwd=tmp_path, settings={"showCacheMissNotices": wanted})
        async with session:
            session.subscribe(events.append)
            await session.prompt("one")
            await session.prompt("two")

    asyncio.run(run())
    misses = [event for event in events if isinstance(event, CacheMiss)]
    assert [miss.missed_tokens for miss in misses] == [50_000] * told

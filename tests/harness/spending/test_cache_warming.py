"""The prompt cache of a long-lived session is refreshed while that pays, and not a second longer."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pi.harness.events import EntryAppended
from pi.harness.extensions.answers import CacheWarming as Answer
from pi.harness.extensions.events import CacheWarmingDecision
from pi.harness.session import Session
from pi.harness.spending.cache_warming import CacheWarming
from pi.harness.storage.entries import UsageEntry
from pi.llm.messages import Context, SystemMessage, Usage
from pi.llm.models import ModelCost
from pi.llm.options import StreamOptions
from pi.llm.protocols.faux import Reply
from pi.testing import ScriptedModel
from pi.testing.sessions import make_session

BIG = Usage(input=1_000, cache_read=400_000, output=10, total_tokens=401_010)
PRICES = ModelCost(input=5, output=25, cache_read=0.5, cache_write=6.25)


class Clock:
    """A clock that jumps when somebody sleeps; `late` is how much longer each sleep takes."""

    def __init__(self, late: float = 0):
        self.time = 0.0
        self.slept: list[float] = []
        self._late = late

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds + self._late
        await asyncio.sleep(0)


def scripted(*, usage: Usage = BIG, **fields: Any) -> ScriptedModel:
    fields = {"cost": PRICES, "prompt_cache": {"short": 300, "long": 3_600}} | fields
    return ScriptedModel(
        Reply("hello", usage=usage), after=Reply("!", usage=Usage(cache_read=400_000)), **fields
    )


def warm(
    tmp_path: Path,
    model: ScriptedModel,
    *,
    busy: bool = False,
    late: float = 0,
    options: StreamOptions | None = None,
    settings: dict[str, Any] | None = None,
    before: Callable[[Session], Any] = lambda session: None,
    after: Callable[[Session], Any] = lambda session: None,
) -> tuple[list[Any], Session, Clock]:
    """What is published while the cache of a session's only request is kept, until nobody keeps it."""
    clock, told = Clock(late), list[Any]()

    async def publish(event: Any) -> None:
        told.append(event)

    async def run() -> Session:
        session = make_session(model, cwd=tmp_path, settings=settings)
        async with session:
            await session.prompt("hi")
            before(session)
            warming = CacheWarming(session.state, publish, lambda: busy, sleep=clock.sleep, now=clock.now)
            asked = model.asked[0]
            warming.start(session.model, asked.context, options or asked.options)
            after(session)
            if warming._task is not None:  # there is no other end to wait for
                await warming._task
        return session

    return told, asyncio.run(run()), clock


def test_an_idle_session_is_kept_warm_for_half_an_hour(tmp_path: Path) -> None:
    model = scripted(cost=ModelCost(input=50, output=25, cache_read=0.5, cache_write=62.5))
    told, session, clock = warm(tmp_path, model)
    assert clock.slept == [270.0] * 7
    assert clock.time > 30 * 60 >= 6 * 270
    assert len(told) == 6
    entries = [entry for entry in session.store.entries() if isinstance(entry, UsageEntry)]
    assert told == [EntryAppended(entry) for entry in entries]
    assert {(entry.kind, entry.provider, entry.model) for entry in entries} == {
        ("cache_warm", "faux", "scripted")
    }
    assert entries[0].usage.cost.cache_read > 0
    first, again = model.asked[:2]
    assert again.context == first.context
    assert (again.options.max_tokens, again.options.max_retries, again.options.continues) == (1, 0, False)


def test_a_long_run_is_kept_warm_for_an_hour(tmp_path: Path) -> None:
    told, _, _ = warm(tmp_path, scripted(), busy=True)
    assert len(told) == 13


def test_what_is_not_worth_five_cents_is_not_warmed(tmp_path: Path) -> None:
    small = scripted(usage=Usage(input=1_000, cache_read=50_000, total_tokens=51_000))
    assert warm(tmp_path, small)[0] == []


@pytest.mark.parametrize(
    "case",
    [
        {"settings": {"cacheWarming": "off"}},
        {"settings": {"cacheWarming": "streaming"}},
        {"options": StreamOptions(cache_retention="none")},
        {"late": 20.0},
        {"after": lambda session: session.state.transcript.insert(0, SystemMessage("new", 1))},
    ],
)
def test_there_are_reasons_to_let_a_cache_go(tmp_path: Path, case: dict[str, Any]) -> None:
    model = scripted(cost=ModelCost(input=50, output=25, cache_read=0.5, cache_write=62.5))
    assert warm(tmp_path, model, **case)[0] == []


def test_a_model_without_a_known_lifetime_is_not_warmed(tmp_path: Path) -> None:
    assert warm(tmp_path, scripted(prompt_cache=None), busy=True)[2].slept == []


@pytest.mark.parametrize(("answer", "warmed"), [("warm", 6), ("stop", 0)])
def test_an_extension_has_the_last_word(tmp_path: Path, answer: Any, warmed: int) -> None:
    asked: list[CacheWarmingDecision] = []

    def listen(session: Session) -> None:
        def decide(event: CacheWarmingDecision) -> Answer:
            asked.append(event)
            return Answer(answer)

        session.hooks.on("cache_warming_decision", decide)

    told, _, _ = warm(tmp_path, scripted(usage=Usage(input=10, cache_read=90)), before=listen)
    assert len(told) == warmed
    assert (asked[0].continuation_probability, asked[0].action) == (0.15, "stop")
    assert asked[0].warm_cost == pytest.approx(100 * 0.5e-6 + 25e-6)
    assert asked[0].miss_cost == pytest.approx(100 * 5.75e-6)


def test_a_budget_of_thinking_would_change_with_the_limit(tmp_path: Path) -> None:
    """Then the cache would be another one: such a request is not sent again."""

    async def kept(compat: dict[str, Any]) -> bool:
        session = make_session(scripted(), cwd=tmp_path)
        model = scripted(reasoning=True).model
        claude = type(model)("c", "a", "anthropic-messages", "", prompt_cache={"short": 300}, compat=compat)
        warming = CacheWarming(session.state, session.host.emit, lambda: True)
        warming.start(claude, Context(()), StreamOptions(thinking="high"))
        started = warming._task is not None
        warming.stop()
        return started

    assert not asyncio.run(kept({}))
    assert asyncio.run(kept({"forceAdaptiveThinking": True}))


def test_only_a_long_lived_session_keeps_its_cache(tmp_path: Path) -> None:
    async def keeps(long_lived: bool) -> bool:
        session = make_session(scripted(), cwd=tmp_path, long_lived=long_lived)
        await session.prompt("hi")
        warming = session.host._warming
        task = warming and warming._task
        await session.close()
        await asyncio.sleep(0)
        assert task is None or task.cancelled()
        return task is not None

    assert asyncio.run(keeps(True))
    assert not asyncio.run(keeps(False))

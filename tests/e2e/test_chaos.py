"""Chaos: four providers fail in every known way; nothing said is lost, nothing runs or is paid for twice."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pi.agent.tool import Tool, ToolContext, ToolResult, text_result
from pi.harness.events import AutoRetryStart, CompactionStart, ModelFailover
from pi.harness.session import Session
from pi.harness.spending.usage_report import usage_report
from pi.harness.stats import stats_of
from pi.harness.storage.entries import CompactionEntry, MessageEntry
from pi.harness.storage.store import Store
from pi.llm.failures import failure_kind
from pi.llm.messages import AssistantMessage, ToolResultMessage, UserMessage, content_text
from pi.sdk import ToolChoice, create_agent_session
from tests.e2e.chaos_host import PRICES, ChaosHost

PROMPTS = 10  # of each session
SESSIONS = int(os.environ.get("PI_TEST_CHAOS") or 80) // PROMPTS
SETTINGS = {
    "failover": {"chain": ["b/m", "c/m", "d/m"], "maxWaitMs": 1000},
    "retry": {"baseDelayMs": 1, "maxRetries": 3},
    "compaction": {"keepRecentTokens": 50},
    "httpIdleTimeoutMs": 150,
}


@pytest.fixture(scope="module")
def figures() -> Iterator[Counter[str]]:
    """What happened in all sessions; `pytest -s` shows it at the end."""
    counted: Counter[str] = Counter()
    yield counted
    print("\n" + "\n".join(f"{number:6} {name}" for name, number in sorted(counted.items())))


class Run:
    """One session of prompts, and all that is known of it afterwards."""

    def __init__(self, seed: int, folder: Path, figures: Counter[str]):
        self.host = ChaosHost(f"chaos {seed}")
        self.folder = folder
        self.agent_dir = folder / "agent"
        self.figures = figures
        self.ran: list[tuple[str, int]] = []  # ids of calls with the numbers of their arguments
        self.prompts = [f"<prompt {seed}.{at}>" for at in range(PROMPTS)]
        self.ends: list[AssistantMessage] = []

    async def go(self) -> None:
        async with self.host.open():
            self.agent_dir.mkdir()
            files = {"models": {"providers": self.host.providers()}, "settings": SETTINGS}
            for name, value in files.items():
                (self.agent_dir / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
            self.store = Store.create(self.folder, directory=self.agent_dir / "sessions" / "chaos")
            async with await self._session() as session:
                session.subscribe(self._heard)
                self.compacted = False
                for text in self.prompts:
                    self._time_passes(session)
                    if not self.compacted:
                        self.host.said.append(text)
                    await session.prompt(text)
                    assert session.last_message
                    self.ends.append(session.last_message)
                self.stats = stats_of(session)
                self.warnings = session.warnings
        self.figures.update(self.host.figures)
        self.figures.update(map(_end, self.ends))
        self.figures["tools run"] += len(self.ran)

    async def _session(self) -> Session:
        async def count(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
            self.ran.append((context.call_id, arguments["number"]))
            return text_result(f"counted {arguments['number']}")

        schema = {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}
        tool = Tool("count", "Counts.", schema, count)
        return await create_agent_session(
            cwd=self.folder,
            agent_dir=self.agent_dir,
            store=self.store,
            model="a/m",
            tools=ToolChoice(only=("count",), extra=(tool,)),
        )

    def _time_passes(self, session: Session) -> None:
        """Now and then the models that were down have come back before the next prompt."""
        assert session.setup.health
        if self.host.rng.random() < 0.6:
            for down in session.setup.health.down.values():
                down.until_ms = 0

    def _heard(self, event: Any) -> None:
        match event:
            case CompactionStart():
                self.compacted = True  # from now on a summary may stand for what was said
                self.host.said.clear()
                self.figures["compactions"] += 1
            case ModelFailover(reason=reason):
                self.figures[f"switch: {reason}"] += 1
            case AutoRetryStart():
                self.figures["retries"] += 1
            case _:
                pass


def _end(message: AssistantMessage) -> str:
    if message.stop_reason != "error":
        return f"end: {message.stop_reason}"
    return f"end: error, {failure_kind(message, None, 0)}"


@pytest.mark.parametrize("seed", range(SESSIONS))
def test_whatever_providers_do_nothing_is_lost_or_done_or_paid_twice(
    seed: int, tmp_path: Path, figures: Counter[str]
) -> None:
    run = Run(seed, tmp_path, figures)
    asyncio.run(run.go())
    assert run.host.problems == []
    assert run.warnings == []
    assert run.store.path
    kept = Store.open(run.store.path)
    messages = [entry.message for entry in kept.entries() if isinstance(entry, MessageEntry)]
    check_ends(run)
    check_prompts(run, messages)
    check_calls(run, messages)
    check_spend(run, kept)


def check_ends(run: Run) -> None:
    """Each prompt has an answer, or an error that says something."""
    for end in run.ends:
        match end.stop_reason:
            case "stop":
                assert end.text
            case "length":  # the window was full, or the answer was: the one try with a summary is over
                pass
            case reason:
                assert reason == "error"
                assert end.error_message


def check_prompts(run: Run, messages: list[Any]) -> None:
    """All that the user said is in the file, once, in its order."""
    said = [content_text(message.content) for message in messages if isinstance(message, UserMessage)]
    assert said == run.prompts


def check_calls(run: Run, messages: list[Any]) -> None:
    """Calls of whole answers ran once and have one result; calls of all others never ran."""
    assert len(set(run.ran)) == len({number for _, number in run.ran}) == len(run.ran)
    answers = [message for message in messages if isinstance(message, AssistantMessage)]
    ran = {id for id, _ in run.ran}
    whole = [call.id for answer in answers if answer.stop_reason == "toolUse" for call in answer.tool_calls]
    answered = [
        call.id
        for answer in answers
        if answer.stop_reason in ("toolUse", "length", "stop")
        for call in answer.tool_calls
    ]
    results = [message.tool_call_id for message in messages if isinstance(message, ToolResultMessage)]
    assert sorted(ran) == sorted(whole)
    assert sorted(results) == sorted(answered)
    assert run.host.whole_calls <= {number for _, number in run.ran}


def check_spend(run: Run, kept: Store) -> None:
    """What the servers told is what the session counts, and the ledger over its file."""
    asked = [sum(column) for column in zip((0, 0, 0), *run.host.spent, strict=True)]
    summaries = [e.usage for e in kept.entries() if isinstance(e, CompactionEntry) and e.usage is not None]
    extra = [
        sum(usage.input for usage in summaries),
        sum(usage.output for usage in summaries),
        sum(usage.cache_read for usage in summaries),
    ]
    told = [sum(column) for column in zip((0, 0, 0), *run.host.summaries, strict=True)]
    assert all(mine <= theirs for mine, theirs in zip(extra, told, strict=True))
    fresh, written, cached = expected = [a + b for a, b in zip(asked, extra, strict=True)]
    cost = (fresh * PRICES["input"] + written * PRICES["output"] + cached * PRICES["cacheRead"]) / 1e6
    usage, total = run.stats.usage, usage_report(run.agent_dir).total
    assert [usage.input, usage.output, usage.cache_read] == expected
    assert [total.input, total.output, total.cache_read] == expected
    assert (run.stats.cost, usage.cost.total, total.cost) == pytest.approx((cost, cost, cost))

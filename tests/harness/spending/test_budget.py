"""A budget warns once, then stops; it knows what the run, its children and other sessions have spent."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pi.harness.host import SessionHost
from pi.harness.session import Session
from pi.harness.settings import Settings
from pi.harness.spending.budget import Budget, BudgetError, Verdict, budget_for
from pi.harness.storage.store import Store
from pi.llm.messages import AssistantMessage, Cost, Text, Usage, UserMessage
from pi.llm.models import ModelCost
from pi.llm.retry import is_transient
from pi.llm.stream import failed
from pi.platform.errors import PiError
from pi.sdk import ExtensionChoice, create_agent_session
from pi.testing import ScriptedModel, call

DOLLAR = ModelCost(input=10_000, output=0, cache_read=0, cache_write=0)  # a scripted reply costs $1


def saved(agent: Path, project: str = "one") -> Store:
    store = Store.create(Path("/", project), directory=agent / "sessions" / f"--{project}--")
    store.append_message(UserMessage("Do it", 0))
    return store


def spend(store: Store, cost: float) -> None:
    usage = Usage(1, 1, 0, 0, 2, Cost(total=cost))
    store.append_message(AssistantMessage((Text("Done."),), "a", "p", "m", usage, "stop", 0))


def made(agent: Path, store: Store, budgets: Any) -> Budget:
    warnings: list[str] = []
    budget = budget_for(Settings({"budgets": budgets}), agent, store, warnings)
    assert warnings == []
    assert budget is not None
    return budget


def checked(budget: Budget) -> Verdict:
    return asyncio.run(budget.check())


def test_without_budgets_there_is_nothing_to_ask(tmp_path: Path) -> None:
    warnings: list[str] = []
    assert budget_for(Settings(), tmp_path, saved(tmp_path), warnings) is None
    assert budget_for(Settings({"budgets": {}}), tmp_path, saved(tmp_path), warnings) is None
    assert warnings == []


@pytest.mark.parametrize(
    "budgets", [5, {"week": 5}, {"day": "5"}, {"day": True}, {"day": {}}, {"day": {"limit": 5}}, {"run": -1}]
)
def test_a_budget_that_makes_no_sense_is_said(tmp_path: Path, budgets: Any) -> None:
    warnings: list[str] = []
    assert budget_for(Settings({"budgets": budgets}), tmp_path, saved(tmp_path), warnings) is None
    [warning] = warnings
    assert warning.startswith('The setting "budgets')


def test_a_bare_number_warns_at_four_fifths_and_then_stops(tmp_path: Path) -> None:
    store = saved(tmp_path)
    budget = made(tmp_path, store, {"run": 2.5})
    assert checked(budget) == Verdict()
    spend(store, 2)
    assert checked(budget) == Verdict(warn="This prompt has spent $2.00 of the budget of $2.50.")
    assert checked(budget) == Verdict()
    spend(store, 0.5)
    stop = checked(budget).stop
    assert stop == (
        "This prompt has spent $2.50, the budget is $2.50: out of budget. Raise budgets.run in "
        "settings.json, or go on with another prompt."
    )


def test_a_new_prompt_begins_anew(tmp_path: Path) -> None:
    store, child = saved(tmp_path), Store.in_memory(tmp_path)
    budget = made(tmp_path, store, {"run": 2})
    spend(store, 2)
    budget.begin(child)  # a child's prompt is part of the run
    assert checked(budget).stop is not None
    budget.begin(store)
    assert checked(budget) == Verdict()


def test_a_warning_alone_stops_nobody(tmp_path: Path) -> None:
    store = saved(tmp_path)
    budget = made(tmp_path, store, {"day": {"warn": 1}})
    spend(store, 500)
    assert checked(budget) == Verdict(warn="Today's sessions have spent $500.00.")
    assert checked(budget) == Verdict()


def test_a_day_is_what_all_sessions_spend(tmp_path: Path) -> None:
    mine, other = saved(tmp_path), saved(tmp_path, "two")
    budget = made(tmp_path, mine, {"day": {"warn": 5, "stop": 10}, "month": 100})
    assert checked(budget) == Verdict()
    spend(other, 6)  # it runs at the same time
    assert checked(budget) == Verdict(warn="Today's sessions have spent $6.00 of the budget of $10.00.")
    spend(mine, 3)
    fork = other.fork_to(tmp_path / "sessions" / "--two--", cwd=Path("/two"))
    assert checked(budget) == Verdict()
    spend(fork, 1)
    stop = checked(budget).stop or ""
    assert stop.startswith("Today's sessions have spent $10.00, the budget is $10.00: out of budget.")
    assert "wait until 00:00 on " in stop


def test_tomorrow_is_another_day(tmp_path: Path) -> None:
    store = saved(tmp_path)
    budget = made(tmp_path, store, {"day": 1, "month": 1})
    spend(store, 1)
    now = datetime.now()
    later = round(datetime(now.year + 1, 12, 1, 12).timestamp() * 1000)
    assert checked(budget).stop is not None
    budget._now = lambda: later  # pyright: ignore[reportPrivateUsage]
    assert checked(budget) == Verdict()


def test_a_session_that_is_saved_nowhere_counts_as_well(tmp_path: Path) -> None:
    store = Store.in_memory(tmp_path)
    budget = made(tmp_path, store, {"month": 3})
    spend(store, 3)
    assert "wait until 01 " in (checked(budget).stop or "")


def guard_requests(monkeypatch: pytest.MonkeyPatch, budget: Callable[[], Budget], told: list[str]) -> None:
    """What the session does before each request, its children too."""
    real = SessionHost.ask

    async def ask(self: SessionHost, transcript: Any, model: Any, level: Any) -> Any:
        try:
            await budget().require(told.append)
        except PiError as error:
            assert isinstance(error, BudgetError)
            return failed(model or self._state.model, error)  # pyright: ignore[reportPrivateUsage]
        return await real(self, transcript, model, level)

    monkeypatch.setattr(SessionHost, "ask", ask)


async def session_in(tmp_path: Path, model: ScriptedModel) -> Session:
    project = tmp_path / "project"
    project.mkdir()

    def boss(pi: Any) -> None:
        pass

    return await create_agent_session(
        cwd=project,
        agent_dir=tmp_path / "agent",
        model=model.model,
        store=Store.create(project, directory=tmp_path / "agent" / "sessions" / "--project--"),
        extensions=ExtensionChoice(inline=(boss,), find=False),
    )


def test_a_run_that_is_out_of_budget_ends_and_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScriptedModel(*(call("bash", command="true") for _ in range(9)), cost=DOLLAR)
    told: list[str] = []

    async def main() -> Session:
        async with await session_in(tmp_path, model) as session:
            budget = made(tmp_path / "agent", session.store, {"run": {"warn": 1, "stop": 3}})
            guard_requests(monkeypatch, lambda: budget, told)
            await session.prompt("Go on for ever")
            await session.wait_idle()
        return session

    session = asyncio.run(main())
    assert len(model.asked) == 3
    assert told == ["This prompt has spent $1.00 of the budget of $3.00."]
    last = session.last_message
    assert last is not None
    assert (last.error_message or "").startswith("This prompt has spent $3.00")
    assert not is_transient(last)


def test_a_child_spends_of_its_parents_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ScriptedModel("One.", "Two.", "Three.", cost=DOLLAR)

    async def main() -> list[str]:
        async with await session_in(tmp_path, model) as session:
            budget = made(tmp_path / "agent", session.store, {"run": 2, "day": 10})
            guard_requests(monkeypatch, lambda: budget, [])
            await session.start()
            await session.prompt("Begin")
            ctx: Any = session.extensions.ctx_of("boss")  # pyright: ignore
            async with await ctx.child() as child:
                return [(await child.run("Help")).error for _ in range(2)]

    first, second = asyncio.run(main())
    assert first == ""
    assert second.startswith("This prompt has spent $2.00")
    assert len(model.asked) == 2

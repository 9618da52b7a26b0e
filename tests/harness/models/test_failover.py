"""Failover: what keeps a model from answering, who answers instead, and when the first choice is back."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pi.harness.events import AutoRetryStart, ModelFailover
from pi.harness.models.choice import ModelChoice
from pi.harness.session import Session
from pi.harness.storage.store import Store
from pi.llm.messages import AssistantMessage
from pi.sdk import create_agent_session
from tests.harness.models.chain_server import BAD, OVERLOADED, QUOTA, TOO_LONG, ChainServer, Refusal


@pytest.fixture
def server() -> Iterator[ChainServer]:
    server = ChainServer()
    yield server
    server.close()


def talk(
    folder: Path,
    server: ChainServer,
    work: Callable[[Session], Awaitable[Any]],
    *,
    store: Store | None = None,
    model: str | None = "a/m",
    windows: dict[str, int] | None = None,
    **settings: Any,
) -> list[Any]:
    """Do something with a session over these providers; the events that it caused."""
    given = {"failover": ["b/m", "c/m"]} | settings
    server.write(folder / "agent", given, **(windows or dict.fromkeys("abc", 100_000)))
    events: list[Any] = []

    async def run() -> None:
        session = await create_agent_session(
            cwd=folder, agent_dir=folder / "agent", model=ModelChoice(model), store=store
        )
        session.subscribe(events.append)
        async with session:
            await work(session)

    asyncio.run(run())
    return events


def ask(*texts: str) -> Callable[[Session], Awaitable[list[str]]]:
    async def work(session: Session) -> list[str]:
        answers: list[str] = []
        for text in texts:
            await session.prompt(text)
            last = session.last_message
            assert last
            answers.append(last.text or last.error_message or "")
        said.append(answers)
        return answers

    said: list[list[str]] = []
    return work


def switches(events: list[Any]) -> list[tuple[str, str, str]]:
    return [(e.before, e.to, e.reason) for e in events if isinstance(e, ModelFailover)]


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (QUOTA, "quota"),
        (Refusal(402, {"error": {"message": "Payment required"}}), "quota"),
        (Refusal(429, {"error": {"message": "slow down"}}, {"retry-after": "3600"}), "rate_limit"),
        (Refusal(401, {"error": {"message": "Invalid API key"}}), "login"),
        (Refusal(403, {"error": {"message": "Forbidden"}}), "login"),
        (Refusal(404, {"error": {"message": "No such model"}}), "outage"),
        (Refusal(529, {"error": {"message": "oops"}}), "overload"),
    ],
)
def test_what_waiting_does_not_help_has_the_next_model_asked_at_once(
    tmp_path: Path, server: ChainServer, refusal: Refusal, reason: str
) -> None:
    server.plan["a"] = [refusal]
    events = talk(tmp_path, server, ask("hi"))
    assert server.asked == ["a", "b"]
    assert switches(events) == [("a/m", "b/m", reason)]
    assert not [event for event in events if isinstance(event, AutoRetryStart)]


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [(OVERLOADED, "overload"), (Refusal(500, {"error": {"message": "oops"}}), "outage")],
)
def test_what_may_pass_is_tried_once_more_before_another_model_is(
    tmp_path: Path, server: ChainServer, refusal: Refusal, reason: str
) -> None:
    server.plan["a"] = [refusal, refusal]
    events = talk(tmp_path, server, ask("hi"))
    assert server.asked == ["a", "a", "b"]
    assert switches(events) == [("a/m", "b/m", reason)]


@pytest.mark.parametrize("retry", [{"enabled": False}, {"maxRetries": 0}])
def test_without_retries_another_model_is_asked_at_once(
    tmp_path: Path, server: ChainServer, retry: dict[str, Any]
) -> None:
    server.plan["a"] = [OVERLOADED]
    events = talk(tmp_path, server, ask("hi"), retry=retry)
    assert server.asked == ["a", "b"]
    assert switches(events) == [("a/m", "b/m", "overload")]


def test_a_rate_limit_that_passes_soon_is_waited_for(tmp_path: Path, server: ChainServer) -> None:
    server.plan["a"] = [Refusal(429, {"error": {"message": "slow down"}}, {"retry-after": "2"})]
    events = talk(tmp_path, server, ask("hi"))
    assert server.asked == ["a", "a"]
    assert switches(events) == []


def test_a_request_that_is_wrong_for_all_is_asked_of_one(tmp_path: Path, server: ChainServer) -> None:
    server.plan["a"] = [BAD]
    events = talk(tmp_path, server, ask("hi"))
    assert server.asked == ["a"]
    assert switches(events) == []


def test_only_the_named_failures_count(tmp_path: Path, server: ChainServer) -> None:
    server.plan["a"] = [QUOTA]
    events = talk(tmp_path, server, ask("hi"), failover={"chain": ["b/m"], "on": ["overload"]})
    assert server.asked == ["a"]
    assert switches(events) == []


def test_the_whole_chain_is_gone_through_and_then_the_error_is_told(
    tmp_path: Path, server: ChainServer
) -> None:
    for name in "abc":
        server.plan[name] = [QUOTA]

    async def work(session: Session) -> None:
        await session.prompt("hi")
        assert session.last_message
        assert session.last_message.stop_reason == "error"
        assert "quota" in (session.last_message.error_message or "")

    events = talk(tmp_path, server, work)
    assert server.asked == ["a", "b", "c"]
    assert switches(events) == [("a/m", "b/m", "quota"), ("b/m", "c/m", "quota")]


def test_the_next_prompt_goes_to_the_stand_in_while_the_first_choice_is_down(
    tmp_path: Path, server: ChainServer
) -> None:
    server.plan["a"] = [QUOTA]
    events = talk(tmp_path, server, ask("one", "two"))
    assert server.asked == ["a", "b", "b"]
    assert len(switches(events)) == 1


def test_work_returns_to_the_first_choice_when_its_window_begins_anew(
    tmp_path: Path, server: ChainServer
) -> None:
    server.plan["a"] = [QUOTA]

    async def work(session: Session) -> None:
        await session.prompt("one")
        assert session.setup.health
        session.setup.health.down["a/m"].until_ms = 0  # its time has come
        await session.prompt("two")
        assert session.model.ref == "a/m"  # the choice never changed

    events = talk(tmp_path, server, work)
    assert server.asked == ["a", "b", "a"]
    assert switches(events) == [("a/m", "b/m", "quota"), ("b/m", "a/m", "recovered")]


def test_a_limit_that_headers_call_used_up_spares_the_request(tmp_path: Path, server: ChainServer) -> None:
    from pi.llm.quota import Window
    from pi.platform.clock import now_ms

    async def work(session: Session) -> None:
        assert session.setup.health
        reset = now_ms() + 3_600_000
        session.setup.health.book.take("a", [Window("5h", 1.0, None, None, reset)])
        await session.prompt("hi")

    events = talk(tmp_path, server, work)
    assert server.asked == ["b"]
    assert switches(events) == [("a/m", "b/m", "quota")]


def test_an_overflow_goes_to_a_larger_window_and_nowhere_else(tmp_path: Path, server: ChainServer) -> None:
    server.plan["a"] = [TOO_LONG]
    windows = {"a": 100_000, "b": 50_000, "c": 900_000}
    events = talk(tmp_path, server, ask("hi"), windows=windows)
    assert server.asked == ["a", "c"]
    assert switches(events) == [("a/m", "c/m", "overflow")]


def test_without_a_key_for_the_first_choice_the_next_one_answers(tmp_path: Path, server: ChainServer) -> None:
    async def work(session: Session) -> None:
        await session.prompt("hi")

    server.write(tmp_path / "agent", {}, b=100_000)
    events = talk(
        tmp_path, server, work, model="openai/gpt-6.1-sol", windows={"b": 100_000}, failover=["b/m"]
    )
    assert server.asked == ["b"]
    assert switches(events) == [("openai/gpt-6.1-sol", "b/m", "login")]


def test_each_model_gets_its_own_key_also_beside_a_key_of_the_command_line(
    tmp_path: Path, server: ChainServer
) -> None:
    server.plan["a"] = [QUOTA]
    server.write(tmp_path / "agent", {"failover": ["b/m"]}, a=100_000, b=100_000)

    async def run() -> None:
        choice = ModelChoice("a/m", api_key="only-for-a")
        session = await create_agent_session(cwd=tmp_path, agent_dir=tmp_path / "agent", model=choice)
        async with session:
            await session.prompt("hi")

    asyncio.run(run())
    assert server.keys == ["Bearer only-for-a", "Bearer key-of-b"]


def test_the_session_tells_of_it_and_goes_on_with_the_choice_when_it_is_resumed(
    tmp_path: Path, server: ChainServer
) -> None:
    server.plan["a"] = [QUOTA]
    path = tmp_path / "s.jsonl"
    talk(tmp_path, server, ask("one"), store=Store.open(path, cwd=tmp_path))
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    told = [line["data"] for line in lines if line.get("customType") == "pi.failover"]
    assert [(data["choice"], data["from"], data["to"], data["reason"]) for data in told] == [
        ("a/m", "a/m", "b/m", "quota")
    ]
    answers = [
        line["message"]["provider"] for line in lines if line.get("message", {}).get("role") == "assistant"
    ]
    assert answers == ["a", "b"]

    async def resumed(session: Session) -> None:
        assert session.model.ref == "a/m"
        await session.prompt("two")

    events = talk(tmp_path, server, resumed, store=Store.open(path), model=None)
    assert server.asked == ["a", "b", "a"]
    assert switches(events) == [("b/m", "a/m", "recovered")]


def test_the_history_that_the_stand_in_gets_has_no_failed_answer(tmp_path: Path, server: ChainServer) -> None:
    server.plan["a"] = ["fine", QUOTA]
    talk(tmp_path, server, ask("one", "two"))
    roles = [(message["role"], message["content"]) for message in server.bodies["b"][0]["messages"][1:]]
    assert [role for role, _ in roles] == ["user", "assistant", "user"]


def test_a_chain_entry_that_is_nothing_is_told_and_passed_over(tmp_path: Path, server: ChainServer) -> None:
    server.plan["a"] = [QUOTA]

    async def work(session: Session) -> None:
        await session.prompt("hi")
        assert any("no-such-model" in warning for warning in session.warnings)

    talk(tmp_path, server, work, failover=["no-such-model", "c/m:high"])
    assert server.asked == ["a", "c"]
    assert server.bodies["c"][0]["reasoning_effort"] == "high"


def test_a_role_has_a_chain_of_its_own(tmp_path: Path, server: ChainServer) -> None:
    server.plan["a"] = [QUOTA]
    roles = {"work": {"model": "a/m", "failover": ["c/m"]}}
    talk(tmp_path, server, ask("hi"), model="@work", roles=roles)
    assert server.asked == ["a", "c"]


def test_a_summary_is_asked_of_whoever_answers_now(tmp_path: Path, server: ChainServer) -> None:
    server.plan["a"] = [QUOTA]

    async def work(session: Session) -> None:
        await session.prompt("one")
        await session.prompt("two " * 2000)
        await session.compact()

    talk(tmp_path, server, work, compaction={"keepRecentTokens": 10})
    assert server.asked == ["a", "b", "b", "b"]


def test_a_summary_that_fails_is_asked_of_the_next_model(tmp_path: Path, server: ChainServer) -> None:
    async def work(session: Session) -> None:
        await session.prompt("one")
        await session.prompt("two " * 2000)
        server.plan["a"] = [QUOTA]
        await session.compact()

    talk(tmp_path, server, work, compaction={"keepRecentTokens": 10})
    assert server.asked == ["a", "a", "a", "b"]


def test_without_the_setting_nothing_stands_in(tmp_path: Path, server: ChainServer) -> None:
    server.plan["a"] = [QUOTA]
    server.write(tmp_path / "agent", {}, a=100_000, b=100_000)

    async def run() -> AssistantMessage | None:
        session = await create_agent_session(cwd=tmp_path, agent_dir=tmp_path / "agent", model="a/m")
        async with session:
            await session.prompt("hi")
            return session.last_message

    last = asyncio.run(run())
    assert server.asked == ["a"]
    assert last and last.stop_reason == "error"

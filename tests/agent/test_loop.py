"""Runs of the loop with a scripted model: order of events, queues, aborts, failures, stream guards."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pi.agent.guard import AskAgain, Cut
from pi.agent.tool import Tool, ToolContext, ToolError, ToolResult, text_result
from pi.harness.session import Session, SessionBusy
from pi.llm.messages import AssistantMessage, ToolCall, ToolResultMessage, content_text
from pi.testing import Reply, ScriptedModel, call, make_session


def recorded(session: Session) -> list[Any]:
    events: list[Any] = []
    session.subscribe(events.append)
    return events


def names(events: list[Any]) -> list[str]:
    return [event.__struct_config__.tag for event in events]


def roles(session: Session) -> list[str]:
    return [type(message).__name__.removesuffix("Message") for message in session.messages]


def tool(name: str, run: Any, **fields: Any) -> Tool:
    return Tool(name, f"{name} it", {"type": "object", "properties": {}}, run, **fields)


async def hello(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
    return text_result("hello")


def run(coroutine: Any) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, 30))


def test_events_come_in_the_order_that_clients_rely_on(tmp_path: Path) -> None:
    scripted = ScriptedModel(call("greet"), "Done.")
    session = make_session(scripted, cwd=tmp_path, tools=[tool("greet", hello)])
    events = recorded(session)

    run(session.prompt("Greet"))

    assert names(events) == [
        "agent_start",
        "turn_start",
        *("message_start", "message_end"),  # the system prompt
        *("message_start", "message_end"),  # the user
        *("message_start", "message_update", "message_update", "message_update", "message_end"),
        *("tool_execution_start", "tool_execution_end"),
        *("message_start", "message_end"),
        "turn_end",
        "turn_start",
        *("message_start", "message_update", "message_update", "message_update", "message_end"),
        "turn_end",
        "agent_end",
        "agent_settled",
    ]
    assert [len(asked.context.messages) for asked in scripted.asked] == [1, 3]


def test_the_second_prompt_tells_the_system_prompt_only_when_it_changed(tmp_path: Path) -> None:
    scripted = ScriptedModel("One.", "Two.")
    session = make_session(scripted, cwd=tmp_path)

    run(session.prompt("1"))
    run(session.prompt("2"))

    assert roles(session) == ["System", "User", "Assistant", "User", "Assistant"]
    assert scripted.asked[0].context.system == scripted.asked[1].context.system


def test_steering_enters_after_the_tools_and_follow_ups_when_it_would_stop(tmp_path: Path) -> None:
    async def go() -> None:
        started, go_on = asyncio.Event(), asyncio.Event()

        async def wait(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
            started.set()
            await go_on.wait()
            return text_result("waited")

        scripted = ScriptedModel(call("wait"), "Steered.", "Followed.")
        session = make_session(scripted, cwd=tmp_path, tools=[tool("wait", wait)])
        prompting = asyncio.create_task(session.prompt("Start"))
        await started.wait()
        await session.prompt("later", when_busy="follow_up")
        await session.prompt("now", when_busy="steer")
        go_on.set()
        await prompting

        said = [content_text(m.content) for m in session.messages if not isinstance(m, AssistantMessage)][1:]
        assert said == ["Start", "waited", "now", "later"]

    run(go())


def test_queued_messages_come_one_a_turn_or_all_at_once(tmp_path: Path) -> None:
    async def go(mode: str) -> list[int]:
        started, go_on = asyncio.Event(), asyncio.Event()

        async def wait(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
            started.set()
            await go_on.wait()
            return text_result("")

        scripted = ScriptedModel(call("wait"), after="Ok.")
        settings = {"steeringMode": mode}
        session = make_session(scripted, cwd=tmp_path, tools=[tool("wait", wait)], settings=settings)
        prompting = asyncio.create_task(session.prompt("Start"))
        await started.wait()
        for text in ("a", "b", "c"):
            await session.prompt(text, when_busy="steer")
        go_on.set()
        await prompting
        return [len(asked.context.messages) for asked in scripted.asked]

    assert run(go("one-at-a-time")) == [1, 4, 6, 8]
    assert run(go("all")) == [1, 6]


def test_a_prompt_to_a_busy_session_must_say_how_it_waits(tmp_path: Path) -> None:
    async def go() -> None:
        session = make_session(ScriptedModel(Reply("…", hang=True)), cwd=tmp_path)
        prompting = asyncio.create_task(session.prompt("Start"))
        while not session.busy:
            await asyncio.sleep(0)
        with pytest.raises(SessionBusy, match="Specify streamingBehavior"):
            await session.prompt("again")
        await session.abort()
        await prompting

    run(go())


def test_an_abort_in_a_stream_saves_what_had_arrived(tmp_path: Path) -> None:
    async def go() -> None:
        session = make_session(ScriptedModel(Reply("A long story", hang=True), "Fine."), cwd=tmp_path)
        seen = asyncio.Event()

        def watch(event: Any) -> None:
            if type(event).__name__ == "MessageUpdate" and event.assistant_message_event.type == "text_delta":
                seen.set()

        session.subscribe(watch)
        prompting = asyncio.create_task(session.prompt("Tell"))
        await seen.wait()
        await session.abort()
        await prompting

        message = session.last_message
        assert message is not None
        assert (message.stop_reason, message.text, message.error_message) == (
            "aborted",
            "A long story",
            "Request was aborted",
        )
        await session.prompt("Go on")
        assert session.last_message is not None and session.last_message.text == "Fine."

    run(go())


def test_an_abort_in_a_tool_answers_every_call(tmp_path: Path) -> None:
    async def go() -> None:
        started = asyncio.Event()

        async def stuck(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
            started.set()
            await asyncio.Event().wait()
            raise AssertionError

        async def tidy(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise ToolError("half\n\nCommand aborted") from None
            raise AssertionError

        calls = tuple(ToolCall(f"c{at}", name, {}) for at, name in enumerate(("greet", "tidy", "stuck")))
        session = make_session(
            ScriptedModel(Reply(calls=calls), "Fine."),
            cwd=tmp_path,
            tools=[tool("greet", hello), tool("tidy", tidy), tool("stuck", stuck)],
        )
        prompting = asyncio.create_task(session.prompt("Do"))
        await started.wait()
        await session.abort()
        await prompting

        results = [m for m in session.messages if isinstance(m, ToolResultMessage)]
        assert [(content_text(m.content), m.is_error) for m in results] == [
            ("hello", False),
            ("half\n\nCommand aborted", True),
            ("Operation aborted", True),
        ]
        assert session.last_message is not None and session.last_message.stop_reason == "error"
        await session.prompt("Go on")
        assert session.last_message.text == "Fine."

    run(go())


def test_cancelling_the_prompt_saves_what_had_arrived_and_goes_on_cancelling(tmp_path: Path) -> None:
    async def go() -> None:
        session = make_session(ScriptedModel(Reply("Half", hang=True), "Fine."), cwd=tmp_path)
        seen = asyncio.Event()
        session.subscribe(lambda event: seen.set() if type(event).__name__ == "MessageUpdate" else None)
        prompting = asyncio.create_task(session.prompt("Tell"))
        await seen.wait()
        prompting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await prompting

        assert session.last_message is not None and session.last_message.stop_reason == "aborted"
        assert not session.busy

    run(go())


def test_a_cancelled_tool_keeps_its_answer_and_the_cancellation(tmp_path: Path) -> None:
    async def go() -> None:
        started = asyncio.Event()

        async def tidy(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
            started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise ToolError("Command aborted") from None
            raise AssertionError

        session = make_session(ScriptedModel(call("tidy")), cwd=tmp_path, tools=[tool("tidy", tidy)])
        prompting = asyncio.create_task(session.prompt("Do"))
        await started.wait()
        prompting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await prompting

        answer = [entry for entry in session.store.branch("message")][-1]
        assert "Command aborted" in str(answer)

    run(go())


def test_a_cut_response_runs_no_tool(tmp_path: Path) -> None:
    ran: list[str] = []

    async def note(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
        ran.append("ran")
        return text_result("")

    cut = Reply(calls=(ToolCall("c1", "note", {}),), stop_reason="length")
    session = make_session(ScriptedModel(cut, "Ok."), cwd=tmp_path, tools=[tool("note", note)])

    run(session.prompt("Do"))

    assert ran == []
    result = next(m for m in session.messages if isinstance(m, ToolResultMessage))
    assert "was not executed: the response hit the output token limit" in content_text(result.content)


def test_a_guard_cuts_a_response_and_the_run_ends_as_if_the_model_had_stopped(tmp_path: Path) -> None:
    def guard(event: Any, stream: Any) -> Cut | None:
        return Cut() if "loop loop" in stream.partial().text else None

    scripted = ScriptedModel("loop " * 200)
    session = make_session(scripted, cwd=tmp_path, guard=guard)

    run(session.prompt("Go"))

    assert session.last_message is not None
    assert session.last_message.stop_reason == "stop"
    assert len(session.last_message.text) < 100


def test_a_guard_drops_a_response_and_asks_another_model_with_a_note(tmp_path: Path) -> None:
    strong = ScriptedModel("Sound.", id="strong")

    def guard(event: Any, stream: Any) -> AskAgain | None:
        bad = "nonsense" in stream.partial().text and stream.model.id != "strong"
        return AskAgain("Make sense.", strong.model) if bad else None

    weak = ScriptedModel("nonsense nonsense")
    session = make_session(weak, cwd=tmp_path, guard=guard)

    run(session.prompt("Go"))

    assert session.last_message is not None and session.last_message.text == "Sound."
    seen = [content_text(m.content) for m in strong.asked[0].context.messages]
    assert seen == ["Go", "Make sense."]  # the dropped response is saved, but no model sees it


def test_a_guard_that_never_agrees_ends_the_turn_after_four_tries(tmp_path: Path) -> None:
    scripted = ScriptedModel(after="bad")
    session = make_session(scripted, cwd=tmp_path, guard=lambda event, stream: AskAgain())

    run(session.prompt("Go"))

    assert len(scripted.asked) == 4
    assert session.last_message is not None and session.last_message.stop_reason == "aborted"

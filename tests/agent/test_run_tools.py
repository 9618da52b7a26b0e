"""Tool calls of one response: preparation, hooks, gates, parallel and sequential runs, updates, errors."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pi.agent.events import ToolExecutionEnd, ToolExecutionStart, ToolExecutionUpdate
from pi.agent.hooks import Block, Rewrite
from pi.agent.tool import Tool, ToolContext, ToolError, ToolResult, text_result
from pi.harness.session import Session
from pi.llm.messages import ToolCall, ToolResultMessage, content_text
from pi.testing import Reply, ScriptedModel, make_session

PATH = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}


async def echo(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
    return text_result(arguments["path"])


def session_of(tmp_path: Path, calls: list[ToolCall], *tools: Tool) -> Session:
    return make_session(ScriptedModel(Reply(calls=tuple(calls)), after="Ok."), cwd=tmp_path, tools=tools)


def results(session: Session) -> list[tuple[str, str, bool]]:
    return [
        (m.tool_call_id, content_text(m.content), m.is_error)
        for m in session.messages
        if isinstance(m, ToolResultMessage)
    ]


def prompt(session: Session) -> list[Any]:
    events: list[Any] = []
    session.subscribe(events.append)
    asyncio.run(asyncio.wait_for(session.prompt("Do"), 30))
    return events


ECHO = Tool("echo", "Echo", PATH, echo)


def test_unknown_tools_and_wrong_arguments_are_answered_not_raised(tmp_path: Path) -> None:
    session = session_of(tmp_path, [ToolCall("1", "fly", {}), ToolCall("2", "echo", {})], ECHO)

    prompt(session)

    assert results(session) == [
        ("1", "Tool fly not found", True),
        (
            "2",
            'Validation failed for tool "echo":\n  - path: must have required properties path\n\n'
            "Received arguments:\n{}",
            True,
        ),
    ]


def test_a_tool_that_breaks_is_an_answer_and_the_run_goes_on(tmp_path: Path) -> None:
    async def broken(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
        raise RuntimeError("no luck")

    async def refusing(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
        raise ToolError("Use echo instead")

    calls = [ToolCall("1", "broken", {"path": "x"}), ToolCall("2", "refusing", {"path": "x"})]
    session = session_of(
        tmp_path, calls, Tool("broken", "", PATH, broken), Tool("refusing", "", PATH, refusing)
    )

    prompt(session)

    assert results(session) == [("1", "RuntimeError: no luck", True), ("2", "Use echo instead", True)]
    assert session.last_message is not None and session.last_message.text == "Ok."


def test_calls_run_together_and_are_answered_in_their_order(tmp_path: Path) -> None:
    first_waits = asyncio.Event()

    async def meet(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
        if arguments["path"] == "first":
            await first_waits.wait()
        first_waits.set()
        return text_result(arguments["path"])

    calls = [ToolCall("1", "meet", {"path": "first"}), ToolCall("2", "meet", {"path": "second"})]
    session = session_of(tmp_path, calls, Tool("meet", "", PATH, meet))

    events = prompt(session)

    starts = [event.tool_call_id for event in events if isinstance(event, ToolExecutionStart)]
    ends = [event.tool_call_id for event in events if isinstance(event, ToolExecutionEnd)]
    assert (starts, ends) == (["1", "2"], ["2", "1"])
    assert results(session) == [("1", "first", False), ("2", "second", False)]


def test_one_sequential_tool_makes_the_whole_batch_sequential(tmp_path: Path) -> None:
    running = 0
    most = 0

    async def count(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return text_result("")

    calls = [ToolCall(str(at), "free" if at else "alone", {"path": ""}) for at in range(4)]
    alone = Tool("alone", "", PATH, count, execution="sequential")
    session = session_of(tmp_path, calls, alone, Tool("free", "", PATH, count))

    prompt(session)

    assert most == 1


def test_updates_are_shown_while_it_runs_and_dropped_afterwards(tmp_path: Path) -> None:
    kept: list[Any] = []

    async def chatty(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
        kept.append(ctx.update)
        ctx.update(text_result("half"))
        return text_result("whole")

    session = session_of(tmp_path, [ToolCall("1", "chatty", {"path": ""})], Tool("chatty", "", PATH, chatty))
    session.hooks.on("tool_execution_end", lambda event: kept[0](text_result("late")))

    events = prompt(session)

    updates = [event for event in events if isinstance(event, ToolExecutionUpdate)]
    assert [content_text(update.partial_result.content) for update in updates] == ["half"]
    assert events.index(updates[0]) < next(
        at for at, event in enumerate(events) if isinstance(event, ToolExecutionEnd)
    )


def test_a_hook_rewrites_arguments_and_they_are_validated_again(tmp_path: Path) -> None:
    session = session_of(
        tmp_path, [ToolCall("1", "echo", {"path": "a"}), ToolCall("2", "echo", {"path": "b"})], ECHO
    )
    session.hooks.on(
        "tool_call", lambda event: Rewrite({"path": "safe"} if event.tool_call_id == "1" else {})
    )

    prompt(session)

    assert results(session)[0] == ("1", "safe", False)
    assert results(session)[1][1].startswith("Validation failed for tool")


def test_a_hook_blocks_a_call_with_its_reason(tmp_path: Path) -> None:
    session = session_of(tmp_path, [ToolCall("1", "echo", {"path": "a"})], ECHO)
    session.hooks.on("tool_call", lambda question: Block("Not on Fridays"))

    prompt(session)

    assert results(session) == [("1", "Not on Fridays", True)]


def test_gates_see_the_final_arguments_and_one_objection_is_enough(tmp_path: Path) -> None:
    seen: list[str] = []

    def watching(question: Any) -> None:
        seen.append(question.arguments["path"])

    def refusing(question: Any) -> Block:
        seen.append(question.arguments["path"])
        return Block("denied")

    session = session_of(tmp_path, [ToolCall("1", "echo", {"path": "a"})], ECHO)
    session.hooks.on("tool_call", lambda question: Rewrite({"path": "rewritten"}))
    session.hooks.add_gate(watching)
    session.hooks.add_gate(refusing)

    prompt(session)

    assert seen == ["rewritten", "rewritten"]
    assert results(session) == [("1", "denied", True)]


@pytest.mark.parametrize("guard", ["tool_call", "gate"])
def test_what_guards_the_user_denies_when_it_fails(tmp_path: Path, guard: str) -> None:
    def broken(event: Any) -> None:
        raise ValueError("oops")

    session = session_of(tmp_path, [ToolCall("1", "echo", {"path": "a"})], ECHO)
    if guard == "gate":
        session.hooks.add_gate(broken, owner="strict")
    else:
        session.hooks.on("tool_call", broken, owner="strict")

    prompt(session)

    [(_, said, is_error)] = results(session)
    assert is_error
    assert said.endswith(
        {
            "tool_call": 'Extension "strict" failed in tool_call, so the call was denied: ValueError: oops',
            "gate": 'The gate of Extension "strict" failed, so the call was denied: ValueError: oops',
        }[guard]
    )
    assert session.warnings == [f'Extension "strict" failed in {guard}: ValueError: oops']


def test_a_run_ends_when_every_result_asks_for_it(tmp_path: Path) -> None:
    async def last(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
        return ToolResult(text_result("bye").content, terminate=arguments["path"] == "end")

    def asked(paths: list[str]) -> int:
        scripted = ScriptedModel(
            Reply(calls=tuple(ToolCall(path, "last", {"path": path}) for path in paths)), after="Ok."
        )
        prompt(make_session(scripted, cwd=tmp_path, tools=[Tool("last", "", PATH, last)]))
        return len(scripted.asked)

    assert asked(["end"]) == 1
    assert asked(["end", "on"]) == 2

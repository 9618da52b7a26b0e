"""Sessions: what is saved, what hooks may change, switching models, retries, messages that no model wrote."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from pi.agent.hooks import Handled
from pi.agent.tool import Tool, ToolContext, ToolResult, text_result
from pi.harness.extensions.answers import Note
from pi.harness.session import Session
from pi.harness.storage.store import Store
from pi.llm.messages import AssistantMessage, Text, UserMessage, content_text
from pi.llm.models import Model
from pi.llm.registry import MissingKeyError
from pi.testing import Reply, ScriptedModel, call, make_session


def run(coroutine: Any) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, 30))


def said(session: Session) -> list[str]:
    return [
        content_text(message.content)
        for message in session.messages
        if isinstance(message, UserMessage | AssistantMessage)
    ]


def test_what_is_shown_is_already_saved(tmp_path: Path) -> None:
    store = Store.create(tmp_path, directory=tmp_path / "sessions")
    session = make_session(ScriptedModel("Answer"), cwd=tmp_path, store=store)
    missing: list[str] = []

    def check(event: Any) -> None:
        message = getattr(event, "message", None)
        if type(event).__name__ == "MessageEnd" and isinstance(message, AssistantMessage):
            assert store.path is not None
            if "Answer" not in store.path.read_text():
                missing.append(message.text)

    session.subscribe(check)
    run(session.prompt("Ask"))

    assert missing == []


def test_a_session_goes_on_from_its_file(tmp_path: Path) -> None:
    store = Store.create(tmp_path, directory=tmp_path / "sessions")
    first = make_session(ScriptedModel("One"), cwd=tmp_path, store=store)
    run(first.prompt("1"))
    run(first.close())
    assert store.path is not None

    scripted = ScriptedModel("Two")
    second = make_session(scripted, cwd=tmp_path, store=Store.open(store.path))
    run(second.prompt("2"))

    assert said(second) == ["1", "One", "2", "Two"]
    assert len(scripted.asked[0].context.messages) == 3


def test_an_async_subscriber_is_waited_for(tmp_path: Path) -> None:
    order: list[str] = []

    async def slow(event: Any) -> None:
        await asyncio.sleep(0)
        order.append(f"slow {type(event).__name__}")

    session = make_session(ScriptedModel("Hi"), cwd=tmp_path)
    session.subscribe(slow)
    session.subscribe(lambda event: order.append(f"quick {type(event).__name__}"))
    run(session.prompt("Ask"))

    assert order[::2] == [word.replace("quick", "slow") for word in order[1::2]]


def test_unsubscribing_ends_the_events(tmp_path: Path) -> None:
    heard: list[Any] = []
    session = make_session(ScriptedModel("Hi"), cwd=tmp_path)
    session.subscribe(heard.append)()

    run(session.prompt("Ask"))

    assert heard == []


def test_an_input_hook_changes_or_handles_what_was_said(tmp_path: Path) -> None:
    scripted = ScriptedModel("Hi")
    session = make_session(scripted, cwd=tmp_path)
    session.hooks.on("input", lambda event: Handled() if event.text == "stop" else event.text.upper())

    run(session.prompt("stop"))
    run(session.prompt("go"))

    assert said(session) == ["GO", "Hi"]


def test_a_context_hook_changes_what_one_request_sees_and_nothing_that_is_saved(tmp_path: Path) -> None:
    scripted = ScriptedModel("Hi")
    session = make_session(scripted, cwd=tmp_path)
    session.hooks.on("context", lambda event: [m for m in event.messages if "secret" not in str(m.content)])
    session.hooks.on("before_agent_start", lambda event: Note("example", "public"))

    run(session.prompt("a secret"))

    assert [content_text(m.content) for m in scripted.asked[0].context.messages] == ["public"]
    assert said(session) == ["a secret", "Hi"]
    [note] = session.store.branch("custom_message")
    assert note.content == "public"


def test_a_message_end_hook_replaces_what_is_saved_and_shown(tmp_path: Path) -> None:
    def redact(event: Any) -> Any:
        message = event.message
        return (
            UserMessage((Text("[redacted]"),), message.timestamp)
            if isinstance(message, UserMessage)
            else None
        )

    session = make_session(ScriptedModel("Hi"), cwd=tmp_path)
    session.hooks.on("message_end", redact)

    run(session.prompt("My password is 1234"))

    assert said(session) == ["[redacted]", "Hi"]
    assert "1234" not in str(session.store.entries())


def test_switching_the_model_in_a_session_keeps_the_conversation(tmp_path: Path) -> None:
    first, second = ScriptedModel("One", id="a"), ScriptedModel("Two", id="b", reasoning=True)
    session = make_session(first, cwd=tmp_path)
    events: list[Any] = []
    session.subscribe(events.append)

    run(session.prompt("1"))
    run(session.models.use(second.model, "high"))
    run(session.prompt("2"))

    assert [content_text(m.content) for m in second.asked[0].context.messages] == ["1", "One", "2"]
    assert second.asked[0].options.thinking == "high"
    kinds = [entry.__struct_config__.tag for entry in session.store.entries()]
    assert kinds == [*["message"] * 3, "model_change", "thinking_level_change", *["message"] * 2]
    assert "thinking_level_changed" in [event.__struct_config__.tag for event in events]


def test_a_level_that_the_model_lacks_moves_and_an_unchanged_one_is_not_saved(tmp_path: Path) -> None:
    session = make_session(ScriptedModel(reasoning=True), cwd=tmp_path, level="high")

    run(session.models.think("max"))

    assert session.thinking_level == "high"
    assert session.store.entries() == []


def test_a_command_of_the_users_waits_until_the_run_is_over(tmp_path: Path) -> None:
    async def go() -> None:
        async def list_files(command: Any, **how: Any) -> int:
            how["on_output"](b"a.txt")
            return 0

        async def note(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
            await session.shell.run("ls")
            return text_result("noted")

        scripted = ScriptedModel(call("note"), "Done", "Seen")
        tool = Tool("note", "", {"type": "object", "properties": {}}, note)
        session = make_session(scripted, cwd=tmp_path, tools=[tool])
        session.state.setup = structs.replace(session.setup, shell=list_files)
        await session.prompt("Do")

        kinds = [type(message).__name__ for message in session.messages]
        assert kinds[2:] == [
            "AssistantMessage",
            "ToolResultMessage",
            "AssistantMessage",
            "BashExecutionMessage",
        ]
        await session.prompt("Look")
        texts = [content_text(message.content) for message in scripted.asked[2].context.messages]
        assert texts[-2:] == ["Ran `ls`\n```\na.txt\n```", "Look"]

    run(go())


def test_failures_that_may_pass_are_asked_for_again_and_then_given_up(tmp_path: Path) -> None:
    failing = Reply(error="503: overloaded")
    scripted = ScriptedModel(after=failing)
    session = make_session(scripted, cwd=tmp_path, settings={"retry": {"baseDelayMs": 0, "maxRetries": 2}})
    events: list[Any] = []
    session.subscribe(events.append)

    run(session.prompt("Ask"))

    kinds = [event.__struct_config__.tag for event in events]
    assert len(scripted.asked) == 3
    assert kinds.count("auto_retry_start") == 2
    assert kinds[-2:] == ["auto_retry_end", "agent_settled"]
    assert session.last_message is not None and session.last_message.error_message == "503: overloaded"


def test_an_abort_ends_the_wait_for_a_retry(tmp_path: Path) -> None:
    async def go() -> None:
        scripted = ScriptedModel(after=Reply(error="503: overloaded"))
        session = make_session(scripted, cwd=tmp_path, settings={"retry": {"baseDelayMs": 3_600_000}})
        waiting = asyncio.Event()
        ends: list[Any] = []

        def watch(event: Any) -> None:
            if event.__struct_config__.tag == "auto_retry_start":
                waiting.set()
            if event.__struct_config__.tag == "auto_retry_end":
                ends.append((event.success, event.final_error))

        session.subscribe(watch)
        prompting = asyncio.create_task(session.prompt("Ask"))
        await waiting.wait()
        await asyncio.sleep(0)
        await session.abort()
        await prompting

        assert (len(scripted.asked), ends) == (1, [(False, "Retry cancelled")])

    run(go())


def test_a_model_without_a_key_is_refused_before_anything_is_saved(tmp_path: Path) -> None:
    session = make_session(ScriptedModel(), cwd=tmp_path)
    keyless = Model("m", "nobody", "openai-completions", "http://127.0.0.1:9")

    run(session.models.use(keyless))
    with pytest.raises(MissingKeyError, match="nobody"):
        run(session.prompt("Ask"))

    assert session.messages == ()
    assert not session.busy


def test_the_queue_can_be_taken_back(tmp_path: Path) -> None:
    async def go() -> None:
        session = make_session(ScriptedModel(Reply("…", hang=True)), cwd=tmp_path)
        prompting = asyncio.create_task(session.prompt("Start"))
        while not session.busy:
            await asyncio.sleep(0)
        await session.prompt("a", when_busy="steer")
        await session.prompt("b", when_busy="follow_up")
        assert await session.queue.clear() == (["a"], ["b"])
        await session.abort()
        await prompting

    run(go())


def test_an_abort_reaches_a_handler_that_holds_up_the_start_of_a_run(tmp_path: Path) -> None:
    async def go() -> None:
        asked = asyncio.Event()

        async def hold(event: Any) -> None:
            asked.set()
            await asyncio.Event().wait()

        scripted = ScriptedModel("Never")
        async with make_session(scripted, cwd=tmp_path) as session:
            session.hooks.on("before_agent_start", hold, limit_s=None)
            running = asyncio.create_task(session.prompt("Hello"))
            await asked.wait()
            await session.abort()
            await running
            assert said(session)[:1] == ["Hello"]
            assert scripted.asked == []

    run(go())


def test_the_events_of_a_closed_session_are_over(tmp_path: Path) -> None:
    async def go() -> list[Any]:
        async with make_session(ScriptedModel(), cwd=tmp_path) as session:
            pass
        return [event async for event in session.events()]

    assert run(go()) == []

"""Messages of the inbox become part of a session once, whether it is closed, idle or busy."""

import asyncio
from pathlib import Path
from typing import Any

from pi.agent.tool import Tool, ToolContext, ToolResult, text_result
from pi.harness.inbox import Message, send, send_to_project
from pi.harness.session import Session
from pi.harness.storage.store import Store
from pi.llm.messages import content_text
from pi.testing import Reply, ScriptedModel, call, make_session


def said(session: Session) -> list[str]:
    return [
        content_text(m.content) for m in session.messages if getattr(m, "role", "") != "system" and m.content
    ]


def inbox(tmp_path: Path) -> Path:
    return tmp_path / ".agent" / "inbox"


def test_what_waits_for_the_session_is_there_before_the_first_prompt_and_only_once(tmp_path: Path) -> None:
    async def go() -> None:
        store = Store.create(tmp_path, directory=tmp_path / "sessions")
        send(inbox(tmp_path), store.id, Message(text="The build is red", deliver="next_open"))
        session = make_session(ScriptedModel("Ok."), cwd=tmp_path, store=store)
        await session.prompt("Hello")
        await session.close()
        assert said(session) == ["The build is red", "Hello", "Ok."]

        assert store.path is not None
        again = make_session(ScriptedModel("Yes."), cwd=tmp_path, store=Store.open(store.path))
        await again.prompt("Again")
        assert said(again) == ["The build is red", "Hello", "Ok.", "Again", "Yes."]

    asyncio.run(go())


def test_a_message_to_a_busy_session_steers_it(tmp_path: Path) -> None:
    async def go() -> None:
        async def work(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
            send_to_project(inbox(tmp_path), tmp_path, Message(text="Stop at once", deliver="now"))
            return text_result("working")

        tool = Tool("work", "", {"type": "object", "properties": {}}, work)
        scripted = ScriptedModel(call("work"), "Stopped.")
        session = make_session(scripted, cwd=tmp_path, tools=[tool])
        await session.prompt("Go")
        assert said(session)[-2:] == ["Stop at once", "Stopped."]
        assert len(scripted.asked) == 2
        assert list(inbox(tmp_path).iterdir()) == []

    asyncio.run(go())


def test_a_message_to_an_idle_session_that_is_watched_is_answered(tmp_path: Path) -> None:
    async def go() -> None:
        answered = asyncio.Event()
        session = make_session(ScriptedModel("One", "Two"), cwd=tmp_path, long_lived=True)
        await session.prompt("Hi")
        session.subscribe(
            lambda event: (
                answered.set() if "agent_settled" in str(type(event).__struct_config__.tag) else None
            )
        )
        send(inbox(tmp_path), session.store.id, Message(text="News", deliver="now"))
        await asyncio.wait_for(answered.wait(), 20)
        assert said(session) == ["Hi", "One", "News", "Two"]
        await session.close()

    asyncio.run(go())


def test_what_was_taken_but_not_said_goes_back_when_the_session_closes(tmp_path: Path) -> None:
    async def go() -> None:
        started = asyncio.Event()

        async def wait(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
            started.set()
            await asyncio.Event().wait()
            return text_result("never")

        tool = Tool("wait", "", {"type": "object", "properties": {}}, wait)
        session = make_session(ScriptedModel(call("wait"), Reply("x")), cwd=tmp_path, tools=[tool])
        running = asyncio.create_task(session.prompt("Go"))
        await started.wait()
        send(inbox(tmp_path), session.store.id, Message(text="Later", deliver="follow_up"))
        await session._delivery.between_turns()
        await session.abort()
        await running
        await session.close()

        other = make_session(
            ScriptedModel("Ok."), cwd=tmp_path, store=Store.in_memory(tmp_path, session_id=session.store.id)
        )
        await other.prompt("Hello")
        assert said(other) == ["Later", "Hello", "Ok."]

    asyncio.run(go())

"""Event streams: read at any speed, nothing is lost, nobody waits; they end with the session."""

import asyncio
from pathlib import Path
from typing import Any

from pi.agent.events import MessageEnd, MessageUpdate
from pi.harness.events import AgentSettled
from pi.llm.messages import AssistantMessage
from pi.testing import Recorder, ScriptedModel, call, make_session


def run(coroutine: Any) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, 30))


def test_a_reader_that_comes_late_gets_everything_in_order(tmp_path: Path) -> None:
    async def go() -> None:
        session = make_session(ScriptedModel(call("none"), "done"), cwd=tmp_path)
        heard = Recorder(session)
        stream = session.events()
        await session.prompt("Go")  # nobody has read anything yet, and it ends all the same
        await session.prompt("More")
        await session.close()
        assert [event async for event in stream] == heard.events
        assert heard.events != []

    run(go())


def test_a_reader_that_stops_for_ever_holds_up_nobody(tmp_path: Path) -> None:
    async def go() -> None:
        session = make_session(ScriptedModel("one", "two"), cwd=tmp_path)
        stream, stuck = session.events(), asyncio.Event()

        async def read() -> None:
            async for _ in stream:
                stuck.set()
                await asyncio.Event().wait()

        reader = asyncio.create_task(read())
        await session.prompt("Go")
        await stuck.wait()
        await session.prompt("Go on")
        assert session.last_message is not None
        assert session.last_message.text == "two"
        reader.cancel()
        await session.close()

    run(go())


def test_a_second_loop_goes_on_where_the_first_was_left(tmp_path: Path) -> None:
    async def go() -> None:
        session = make_session(ScriptedModel("hello"), cwd=tmp_path)
        heard = Recorder(session)
        async with session.events() as events:
            await session.prompt("Go")
            first, rest = [], []
            async for event in events:
                first.append(event)
                if isinstance(event, MessageUpdate):
                    break
            async for event in events:
                rest.append(event)
                if isinstance(event, AgentSettled):
                    break
        assert first + rest == heard.events

    run(go())


def test_a_stream_that_was_left_hears_nothing_more_and_the_session_forgets_it(tmp_path: Path) -> None:
    async def go() -> None:
        session = make_session(ScriptedModel("one", "two"), cwd=tmp_path)
        async with session.events() as events:
            await session.prompt("Go")
        await session.prompt("Go on")
        said = [
            event.message.text
            async for event in events
            if isinstance(event, MessageEnd) and isinstance(event.message, AssistantMessage)
        ]
        assert said == ["one"]
        assert events not in session._listeners

    run(go())


def test_whoever_waits_for_the_next_event_is_told_of_the_end(tmp_path: Path) -> None:
    async def go() -> None:
        session = make_session(ScriptedModel(), cwd=tmp_path)
        stream = session.events()

        async def read() -> list[Any]:
            return [event async for event in stream]

        readers = [asyncio.create_task(read()) for _ in range(2)]
        await asyncio.sleep(0)
        await session.close()
        assert await asyncio.gather(*readers) == [[], []]
        assert await read() == []

    run(go())

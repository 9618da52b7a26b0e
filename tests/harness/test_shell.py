"""The user's shell commands: what is shown, what is kept, and how they end."""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from pi.harness.events import BashExecutionUpdate
from pi.harness.session import Session
from pi.harness.shell_output import Cleaned
from pi.harness.storage.entries import BashExecutionMessage, MessageEntry
from pi.platform.errors import PiError
from pi.sdk import create_agent_session
from pi.testing import Reply, ScriptedModel, make_session

ESCAPED = (
    "\x1b[1;31mred\x1b[0m\r\n\x1b]0;title\x07plain\x1b]8;;http://x\x1b\\link\x00\ufff9 é\t.\x1bM\x1b(B\x1b7"
)


async def session_at(tmp_path: Path, model: ScriptedModel | None = None) -> Session:
    return await create_agent_session(
        cwd=tmp_path, agent_dir=tmp_path / "agent", model=(model or ScriptedModel("Fine.")).model
    )


def cleaned(data: bytes, cuts: list[int]) -> str:
    reader = Cleaned()
    ends = [0, *sorted(cuts), len(data)]
    pieces = [reader.add(data[a:b]) for a, b in pairwise(ends)]
    return "".join(pieces) + reader.add(b"", last=True)


@given(st.lists(st.integers(0, len(ESCAPED.encode()))))
def test_escape_sequences_go_wherever_the_pieces_are_cut(cuts: list[int]) -> None:
    assert cleaned(ESCAPED.encode(), cuts) == "red\nplainlink é\t."


def test_an_escape_that_never_ends_is_text_in_the_end() -> None:
    assert cleaned(b"a\x1b]0;" + b"x" * 9000, [2, 500]) == "a]0;" + "x" * 9000
    assert cleaned(b"a\x1b[", []) == "a["


def test_output_is_told_as_it_comes_and_kept_whole(tmp_path: Path) -> None:
    async def go() -> None:
        session = await session_at(tmp_path)
        heard: list[Any] = []
        session.subscribe(heard.append)
        done = await session.shell.run("printf 'a\\033[0m'; echo $PI_SESSION_ID >&2; exit 3", id="x")
        expected = f"a{session.store.id}\n"
        assert (done.output, done.exit_code, done.cancelled) == (expected, 3, False)
        assert all(isinstance(event, BashExecutionUpdate) and event.id == "x" for event in heard)
        assert "".join(event.delta for event in heard) == expected
        assert session.messages == (done,)
        await session.close()

    asyncio.run(go())


def test_what_is_aborted_is_kept_as_cancelled_and_others_run_on(tmp_path: Path) -> None:
    async def go() -> None:
        session = await session_at(tmp_path)
        begun = asyncio.Event()
        session.subscribe(lambda event: begun.set())
        running = asyncio.create_task(session.shell.run("echo begun; sleep 600", exclude_from_context=True))
        await begun.wait()
        session.shell.abort()
        done = await running
        assert (done.output, done.exit_code, done.cancelled) == ("begun\n", None, True)
        assert done.exclude_from_context is True
        assert (await session.shell.run("echo next")).output == "next\n"
        await session.close()

    asyncio.run(go())


def test_a_command_during_a_run_is_saved_behind_its_last_message(tmp_path: Path) -> None:
    async def go() -> None:
        scripted = ScriptedModel(Reply("…", hang=True))
        session = await session_at(tmp_path, scripted)
        prompting = asyncio.create_task(session.prompt("Go"))
        while not scripted.asked:
            await asyncio.sleep(0)
        done = await session.shell.run("echo meanwhile")
        assert done not in session.messages
        await session.abort()
        await prompting
        messages = [entry.message for entry in session.store.entries() if isinstance(entry, MessageEntry)]
        assert [type(message).__name__ for message in messages[-2:]] == [
            "AssistantMessage",
            "BashExecutionMessage",
        ]
        assert session.messages[-1] == done
        await session.close()

    asyncio.run(go())


def test_the_prefix_and_the_shell_of_the_settings_count(tmp_path: Path) -> None:
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "settings.json").write_text('{"shellCommandPrefix": "x=5", "shellPath": "/bin/sh"}')

    async def go() -> BashExecutionMessage:
        session = await session_at(tmp_path)
        done = await session.shell.run("echo $x $0")
        await session.close()
        return done

    done = asyncio.run(go())
    assert (done.command, done.output) == ("echo $x $0", "5 /bin/sh\n")


def test_what_cannot_be_started_is_an_error_and_nothing_is_kept(tmp_path: Path) -> None:
    async def go() -> None:
        session = await session_at(tmp_path)
        session.setup.settings.save("shellPath", "/no/such/shell")
        await session.reload()
        with pytest.raises(PiError, match="Custom shell path not found"):
            await session.shell.run("ls")
        assert session.messages == ()
        await session.close()

    asyncio.run(go())


def test_a_session_made_without_a_shell_says_so(tmp_path: Path) -> None:
    session = make_session(ScriptedModel(), cwd=tmp_path)
    assert structs.asdict(session.setup)["shell"] is None
    with pytest.raises(PiError, match="create_agent_session"):
        asyncio.run(session.shell.run("ls"))

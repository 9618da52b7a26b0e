"""Sessions: begun, listed, loaded with their history, resumed, copied, closed; and what is chosen in them."""

import asyncio
import json
from typing import Any

import pytest
from acp import RequestError
from acp.exceptions import RequestError as Refused

from tests.e2e.conftest import World
from tests.modes.acp.conftest import CALL, Editor, Play
from tests.modes.acp.test_tools import cards

TURNS = (
    {
        "thinking": "Let me see.",
        "text": "Looking.",
        "toolCalls": [
            {"name": "edit", "args": {"path": "a.txt", "edits": [{"oldText": "a", "newText": "b"}]}}
        ],
    },
    {"text": "Changed."},
)
WORDS = ("--model", "oai/m", "--thinking", "low")


def talked(play: Play, world: World) -> str:
    """The id of a session with a prompt, a tool call and an answer in it."""
    (world.project / "a.txt").write_text("a\n")
    world.provider.script(*TURNS)

    async def scene(editor: Editor) -> str:
        session = await editor.begin(world)
        await editor.say(session, "Change it")
        return session

    return play(scene, *WORDS)


def test_a_loaded_session_is_shown_as_it_was_and_goes_on(play: Play, world: World) -> None:
    session = talked(play, world)

    async def scene(editor: Editor) -> Any:
        await editor.initialize()
        loaded = await editor.pi.load_session(cwd=str(world.project), session_id=session, mcp_servers=[])
        shown = [*editor.updates]
        await editor.say(session, "And then?")
        return loaded, shown

    loaded, shown = play(scene, *WORDS)
    kinds = [update["sessionUpdate"] for update in shown]
    assert kinds == [
        "user_message_chunk",
        "agent_thought_chunk",
        "agent_message_chunk",
        "tool_call",
        "tool_call_update",
        "agent_message_chunk",
    ]
    assert shown[0]["content"]["text"] == "Change it"
    assert shown[3]["title"] == "Edit a.txt"
    assert shown[4]["status"] == "completed"
    assert shown[4]["content"] == [
        {"type": "diff", "path": str(world.project / "a.txt"), "oldText": "a", "newText": "b"}
    ]
    assert loaded.modes.current_mode_id == "low"
    assert world.provider.asked()[-1] == "And then?"
    assert len(world.provider.requests[-1]["body"]["messages"]) > 4  # with all that was said before


def test_a_resumed_session_is_not_shown_again(play: Play, world: World) -> None:
    session = talked(play, world)

    async def scene(editor: Editor) -> Editor:
        await editor.initialize()
        await editor.pi.resume_session(cwd=str(world.project), session_id=session, mcp_servers=[])
        await editor.say(session, "And then?")
        return editor

    editor = play(scene, *WORDS)
    assert editor.of("user_message_chunk", *CALL) == []
    assert editor.text() == "Fine."
    assert len(world.sessions()) == 1


def test_sessions_are_listed_with_their_titles(play: Play, world: World) -> None:
    session = talked(play, world)
    other = world.project.parent / "other"
    other.mkdir()

    async def scene(editor: Editor) -> Any:
        await editor.begin(world)  # nothing is said in it: it isn't there
        here = await editor.pi.list_sessions(cwd=str(world.project))
        there = await editor.pi.list_sessions(cwd=str(other))
        everywhere = await editor.pi.list_sessions()
        return here, there, everywhere

    here, there, everywhere = play(scene, *WORDS)
    (row,) = here.sessions
    assert (row.session_id, row.cwd, row.title) == (session, str(world.project), "Change it")
    assert row.updated_at.endswith("Z")
    assert there.sessions == []
    assert [each.session_id for each in everywhere.sessions] == [session]


def test_a_copy_goes_on_by_itself(play: Play, world: World) -> None:
    session = talked(play, world)

    async def scene(editor: Editor) -> str:
        await editor.initialize()
        forked = await editor.pi.fork_session(cwd=str(world.project), session_id=session, mcp_servers=[])
        await editor.say(forked.session_id, "In the copy")
        return forked.session_id

    forked = play(scene, *WORDS)
    assert forked != session
    said = ["In the copy" in json.dumps(entries) for entries in world.sessions()]
    assert sorted(said) == [False, True]


@pytest.mark.parametrize("session", ["0199", "../../etc/passwd", ""])
def test_an_unknown_session_is_refused(play: Play, world: World, session: str) -> None:
    talked(play, world)

    async def scene(editor: Editor) -> list[int]:
        await editor.initialize()
        calls = [
            editor.pi.load_session(cwd=str(world.project), session_id=session, mcp_servers=[]),
            editor.say(session, "Hi"),
            editor.pi.set_session_mode(session_id=session, mode_id="low"),
        ]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        return [answer.code for answer in answers if isinstance(answer, Refused)]

    assert play(scene, *WORDS) == [-32002] * 3


def test_a_closed_session_is_gone_and_its_file_stays(play: Play, world: World) -> None:
    async def scene(editor: Editor) -> int:
        session = await editor.begin(world)
        await editor.say(session, "Hi")
        await editor.pi.close_session(session_id=session)
        with pytest.raises(RequestError) as refused:
            await editor.say(session, "Hi")
        return refused.value.code

    assert play(scene, *WORDS) == -32002
    assert len(world.sessions()) == 1


def test_a_folder_that_isnt_there_is_refused(play: Play, world: World) -> None:
    async def scene(editor: Editor) -> list[int]:
        await editor.initialize()
        codes: list[int] = []
        for cwd in ("relative", "/not/there"):
            with pytest.raises(RequestError) as refused:
                await editor.pi.new_session(cwd=cwd, mcp_servers=[])
            codes.append(refused.value.code)
        return codes

    assert play(scene, *WORDS) == [-32602, -32602]


def test_model_role_and_thinking_are_chosen_in_the_editor(play: Play, world: World) -> None:
    world.settings(roles={"review": "ant/m:high"})

    async def scene(editor: Editor) -> Any:
        await editor.initialize()
        new = await editor.pi.new_session(cwd=str(world.project), mcp_servers=[])
        session, pi = new.session_id, editor.pi
        await pi.set_session_mode(session_id=session, mode_id="medium")
        changed = await pi.set_config_option(session_id=session, config_id="model", value="@review")
        await editor.say(session, "Hi")
        back = await pi.set_config_option(session_id=session, config_id="model", value="oai/m")
        with pytest.raises(RequestError) as no_model:
            await pi.set_config_option(session_id=session, config_id="model", value="no/such")
        with pytest.raises(RequestError) as no_level:
            await pi.set_session_mode(session_id=session, mode_id="extreme")
        return new, changed, back, str(no_model.value), str(no_level.value), editor

    new, changed, back, no_model, no_level, editor = play(scene, *WORDS)
    model, thinking = new.config_options
    assert (model.category, model.current_value) == ("model", "oai/m")
    assert [(group.name, [option.value for option in group.options]) for group in model.options] == [
        ("Roles", ["@review"]),
        ("oai", ["oai/m"]),
        ("ant", ["ant/m"]),
    ]
    assert (thinking.category, thinking.current_value) == ("thought_level", "low")
    assert [mode.id for mode in new.modes.available_modes] == ["off", "minimal", "low", "medium", "high"]
    assert [option.current_value for option in changed.config_options] == ["@review", "high"]
    assert back.config_options[0].current_value == "oai/m"
    assert [update["currentModeId"] for update in editor.of("current_mode_update")][:2] == ["medium", "high"]
    assert world.provider.requests[0]["path"].startswith("/v1/messages")  # the role's
    assert no_model == "There is no model no/such. Choose one of the list."
    assert no_level == "oai/m has no thinking level extreme. It has: off, minimal, low, medium, high."


def test_commands_are_told_and_ours_are_answered_without_the_model(play: Play, world: World) -> None:
    prompts = world.agent / "prompts"
    prompts.mkdir()
    (prompts / "greet.md").write_text("---\ndescription: Greet somebody\n---\nSay hello to $1")

    async def scene(editor: Editor) -> Any:
        session = await editor.begin(world)
        (told,) = await editor.until(lambda: editor.of("available_commands_update"))
        await editor.say(session, "/name My work")
        await editor.say(session, "/session")
        await editor.say(session, "/compact")
        said = editor.text()
        await editor.say(session, "/greet Ada")
        return told["availableCommands"], said, editor

    commands, said, editor = play(scene, *WORDS)
    names = {command["name"]: command for command in commands}
    assert {"greet", "compact", "name", "session", "reload"} <= set(names)
    assert names["greet"]["description"] == "Greet somebody"
    assert names["name"]["input"] == {"hint": "name"}
    assert "This session is now called My work." in said
    assert "- Model: oai/m, thinking: low" in said
    assert "Nothing to compact" in said
    assert editor.of("session_info_update")[0]["title"] == "My work"
    assert world.provider.asked() == ["Say hello to Ada"]
    assert cards(editor) == {}


def test_a_session_that_is_open_can_be_loaded_again_while_it_works(play: Play, world: World) -> None:
    world.provider.script(
        {"text": "First."}, {"text": "word " * 40, "fault": {"kind": "hang", "afterDeltas": 3}}
    )

    async def scene(editor: Editor) -> Any:
        session = await editor.begin(world)
        await editor.say(session, "One")
        asking = asyncio.create_task(editor.say(session, "Two"))
        await editor.until(lambda: "word" in editor.text())
        editor.updates.clear()
        await editor.pi.load_session(cwd=str(world.project), session_id=session, mcp_servers=[])
        shown = [(u["sessionUpdate"], u["content"]["text"]) for u in editor.updates if "content" in u]
        closing = asyncio.create_task(editor.pi.close_session(session_id=session))
        reason = (await asking).stop_reason
        await closing
        return shown, reason

    shown, reason = play(scene, *WORDS)
    begins = shown.index(("user_message_chunk", "One"))  # the answer went on meanwhile
    assert shown[begins : begins + 3] == [
        ("user_message_chunk", "One"),
        ("agent_message_chunk", "First."),
        ("user_message_chunk", "Two"),
    ]
    assert reason == "cancelled"

"""What extensions ask: gates at the call that they are about, dialogs, forms where the editor has them."""

import asyncio
from typing import Any

import pytest

from tests.e2e.conftest import World
from tests.modes.acp.conftest import Editor, Play
from tests.modes.acp.test_tools import cards

EXTENSION = """
from pi.ext import Block, Field, Option

def extension(pi):
    @pi.on("tool_call")
    async def guard(event, ctx):
        if event.tool_name == "bash" and not await ctx.ui.confirm("Run this?", event.arguments["command"]):
            return Block("The user said no.")

    @pi.command("pick", "Pick one")
    async def pick(args, ctx):
        ctx.ui.notify(repr(await ctx.ui.select("Which?", ["Allow always", "No, never", "b"])))

    @pi.command("ask", "")
    async def ask(args, ctx):
        ctx.ui.notify(repr(await ctx.ui.input("Name?", "Ada")), "warning")

    @pi.command("form", "")
    async def form(args, ctx):
        fields = [
            Field("color", "Color?", "select", (Option("red"), Option("blue", "the sea")), required=True),
            Field("tags", "Tags?", "multi", (Option("x"), Option("y"))),
            Field("sure", "Sure?", "confirm"),
        ]
        ctx.ui.notify(repr(await ctx.ui.form("Questions", fields)))
"""
BASH = {"toolCalls": [{"name": "bash", "args": {"command": "touch made"}}]}


@pytest.fixture
def asks(world: World) -> tuple[str, ...]:
    (world.project / "asks.py").write_text(EXTENSION)
    return "--model", "oai/m", "-e", str(world.project / "asks.py")


@pytest.mark.parametrize(("option", "made", "status"), [("0", True, "completed"), ("1", False, "failed")])
def test_a_gate_asks_at_the_call_that_it_is_about(
    play: Play, world: World, asks: tuple[str, ...], option: str, made: bool, status: str
) -> None:
    world.provider.script(BASH, {"text": "Done."})

    async def scene(editor: Editor) -> Editor:
        editor.choose = lambda request: option
        await editor.say(await editor.begin(world), "Go")
        return editor

    editor = play(scene, *asks)
    (asked,) = editor.asked
    assert [(o["name"], o["kind"]) for o in asked["options"]] == [
        ("Yes", "allow_once"),
        ("No", "reject_once"),
    ]
    assert asked["call"]["title"] == "`touch made`"
    assert asked["call"]["content"][0]["content"]["text"] == "**Run this?**\n\ntouch made"
    assert [(id, card["status"]) for id, card in cards(editor).items()] == [
        (asked["call"]["toolCallId"], status)
    ]
    assert (world.project / "made").exists() is made


def test_cancel_ends_a_question_and_the_call(play: Play, world: World, asks: tuple[str, ...]) -> None:
    world.provider.script(BASH)

    async def scene(editor: Editor) -> Any:
        editor.choose = lambda request: "wait"
        session = await editor.begin(world)
        asking = asyncio.create_task(editor.say(session, "Go"))
        await editor.until(lambda: editor.asked)
        await editor.pi.cancel(session_id=session)
        return (await asking).stop_reason, editor

    reason, editor = play(scene, *asks)
    assert reason == "cancelled"
    assert [card["status"] for card in cards(editor).values()] == ["failed"]
    assert not (world.project / "made").exists()


def test_cancel_ends_a_commands_question_too(play: Play, world: World, asks: tuple[str, ...]) -> None:
    async def scene(editor: Editor) -> Any:
        editor.choose = lambda request: "wait"
        session = await editor.begin(world)
        asking = asyncio.create_task(editor.say(session, "/pick"))
        await editor.until(lambda: editor.asked)
        await editor.pi.cancel(session_id=session)
        return (await asking).stop_reason, editor.text().strip()

    assert play(scene, *asks) == ("cancelled", "None")


def test_a_choice_is_a_card_of_its_own(play: Play, world: World, asks: tuple[str, ...]) -> None:
    async def scene(editor: Editor) -> Editor:
        editor.choose = lambda request: "1"
        await editor.say(await editor.begin(world), "/pick")
        return editor

    editor = play(scene, *asks)
    (asked,) = editor.asked
    kinds = [(option["name"], option["kind"]) for option in asked["options"]]
    assert kinds == [("Allow always", "allow_always"), ("No, never", "reject_always"), ("b", "allow_once")]
    assert editor.text().strip() == "'No, never'"
    (card,) = cards(editor).values()
    assert (card["title"], card["status"]) == ("Which?", "completed")
    assert world.provider.requests == []  # no model heard of it


def test_texts_are_asked_where_the_editor_has_forms(play: Play, world: World, asks: tuple[str, ...]) -> None:
    async def scene(editor: Editor) -> Editor:
        editor.fill_in = lambda form: {"answer": "Grace"}
        await editor.say(await editor.begin(world, forms=True), "/ask")
        return editor

    editor = play(scene, *asks)
    assert editor.text().strip() == "**Warning:** 'Grace'"
    assert editor.asked[0]["requestedSchema"]["properties"]["answer"] == {
        "type": "string",
        "title": "Name?",
        "description": "Ada",
    }


def test_a_form_is_one_request(play: Play, world: World, asks: tuple[str, ...]) -> None:
    async def scene(editor: Editor) -> Editor:
        editor.fill_in = lambda form: {"color": "blue", "tags": ["x", "y"], "sure": True}
        await editor.say(await editor.begin(world, forms=True), "/form")
        return editor

    editor = play(scene, *asks)
    assert editor.text().strip() == "{'color': 'blue', 'tags': ['x', 'y'], 'sure': True}"
    schema = editor.asked[0]["requestedSchema"]
    assert schema["required"] == ["color"]
    assert schema["properties"]["color"]["enum"] == ["red", "blue"]


def test_without_forms_what_has_options_is_still_asked(
    play: Play, world: World, asks: tuple[str, ...]
) -> None:
    async def scene(editor: Editor) -> Editor:
        session = await editor.begin(world)
        await editor.say(session, "/form")
        await editor.say(session, "/ask")
        return editor

    editor = play(scene, *asks)
    assert [request["call"]["title"] for request in editor.asked] == ["Color?", "Sure?"]
    assert "which this editor can't show: Tags?" in editor.text()
    assert "{'color': 'red', 'tags': None, 'sure': True}" in editor.text()
    assert "**Warning:** None" in editor.text()


def test_a_projects_extensions_load_only_with_trust(play: Play, world: World) -> None:
    own = world.project / ".pi" / "extensions"
    own.mkdir(parents=True)
    (own / "asks.py").write_text(EXTENSION)

    async def scene(editor: Editor) -> set[str]:
        await editor.begin(world)
        (told,) = await editor.until(lambda: editor.of("available_commands_update"))
        return {command["name"] for command in told["availableCommands"]} & {"pick", "compact"}

    assert play(scene, "--model", "oai/m") == {"compact"}
    assert play(scene, "--model", "oai/m", "--approve") == {"pick", "compact"}

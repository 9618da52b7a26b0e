"""Tool calls as cards: kinds, titles, places, diffs, live output, and their ends."""

from typing import Any

from tests.e2e.conftest import World
from tests.modes.acp.conftest import CALL, Editor, Play, unix

TOOLS = """
from typing import Annotated
from pi.ext import Effects

def extension(pi):
    @pi.tool
    async def fetch_page(url: Annotated[str, "Where"]) -> str:
        "Fetch a page."
        return "# A page\\n\\ud83d\\x1b[31m"
"""


def cards(editor: Editor) -> dict[str, dict[str, Any]]:
    """What an editor has of each call in the end: every update adds to the one before."""
    joined: dict[str, dict[str, Any]] = {}
    for update in editor.of(*CALL):
        joined.setdefault(update["toolCallId"], {}).update(update)
    return joined


def run(play: Play, world: World, *calls: dict[str, Any], words: tuple[str, ...] = ()) -> Editor:
    """One turn with these calls, asked one after the other."""
    world.provider.script(*({"toolCalls": [call]} for call in calls), {"text": "Done."})

    async def scene(editor: Editor) -> Editor:
        await editor.say(await editor.begin(world), "Go")
        return editor

    return play(scene, "--model", "oai/m", "--tools", "read,edit,write,bash,grep,find,ls", *words)


def test_each_tool_has_its_kind_a_title_and_its_places(play: Play, world: World) -> None:
    path = world.project / "a.txt"
    path.write_text("one\ntwo\nthree\n")
    editor = run(
        play,
        world,
        {"name": "read", "args": {"path": "a.txt", "offset": 2, "limit": 1}},
        {"name": "grep", "args": {"pattern": "two"}},
        {"name": "find", "args": {"pattern": "*.txt"}},
        {"name": "ls", "args": {}},
        {"name": "bash", "args": {"command": "echo hi\necho ho"}},
    )
    here = [{"path": str(world.project)}]
    assert [(c["kind"], c["title"], c.get("locations"), c["status"]) for c in cards(editor).values()] == [
        ("read", "Read a.txt (2–2)", [{"path": str(path), "line": 2}], "completed"),
        ("search", "Search for `two` in .", here, "completed"),
        ("search", "Find `*.txt` in .", here, "completed"),
        ("search", "List .", here, "completed"),
        ("execute", "`echo hi …`", None, "completed"),
    ]
    read = next(iter(cards(editor).values()))
    assert read["rawInput"] == {"path": "a.txt", "offset": 2, "limit": 1}
    assert read["rawOutput"]["output"].startswith("two\n")
    assert read["content"][0]["content"]["text"].startswith("```\ntwo\n")


def test_a_card_opens_with_the_call_runs_and_ends(play: Play, world: World) -> None:
    editor = run(play, world, {"name": "bash", "args": {"command": "echo hi"}})
    steps = [(update["sessionUpdate"], update.get("status")) for update in editor.of(*CALL)]
    without_output = [step for step in steps if step != ("tool_call_update", None)]
    assert without_output == [
        ("tool_call", "pending"),
        ("tool_call_update", "pending"),
        ("tool_call_update", "in_progress"),
        ("tool_call_update", "completed"),
    ]


@unix
def test_bash_shows_its_output_while_it_runs(play: Play, world: World) -> None:
    command = "mkfifo go; echo early; read line < go; echo late"
    world.provider.script({"toolCalls": [{"name": "bash", "args": {"command": command}}]}, {"text": "Done."})

    async def scene(editor: Editor) -> Any:
        import asyncio

        session = await editor.begin(world)
        asking = asyncio.create_task(editor.say(session, "Go"))
        live = await editor.until(
            lambda: [u for u in editor.of("tool_call_update") if "early" in str(u.get("content"))]
        )
        await asyncio.to_thread((world.project / "go").write_text, "go\n")
        await asking
        return live[0]["content"][0]["content"]["text"], editor

    live, editor = play(scene, "--model", "oai/m")
    assert live == "```console\nearly\n```"
    (card,) = cards(editor).values()
    assert card["content"][0]["content"]["text"] == "```console\nearly\nlate\n```"


def test_edit_and_write_show_diffs_and_the_line(play: Play, world: World) -> None:
    path, new = world.project / "a.txt", world.project / "new.txt"
    path.write_text("one\ntwo\nthree\n")
    editor = run(
        play,
        world,
        {"name": "edit", "args": {"path": "a.txt", "edits": [{"oldText": "two", "newText": "2"}]}},
        {"name": "write", "args": {"path": "a.txt", "content": "all new\n"}},
        {"name": "write", "args": {"path": "new.txt", "content": "made\n"}},
    )
    edit, overwrite, make = cards(editor).values()
    assert (edit["kind"], edit["title"]) == ("edit", "Edit a.txt")
    assert edit["locations"] == [{"path": str(path), "line": 2}]
    assert edit["content"] == [{"type": "diff", "path": str(path), "oldText": "two", "newText": "2"}]
    assert overwrite["content"] == [
        {"type": "diff", "path": str(path), "oldText": "one\n2\nthree\n", "newText": "all new\n"}
    ]
    assert make["content"] == [{"type": "diff", "path": str(new), "newText": "made\n"}]


def test_a_failed_call_says_so_and_shows_no_diff(play: Play, world: World) -> None:
    editor = run(
        play, world, {"name": "edit", "args": {"path": "no", "edits": [{"oldText": "a", "newText": "b"}]}}
    )
    (card,) = cards(editor).values()
    assert card["status"] == "failed"
    assert "Could not edit file: no" in card["content"][0]["content"]["text"]


def test_an_id_that_a_provider_uses_twice_is_two_cards(play: Play, world: World) -> None:
    call = {"name": "ls", "args": {}, "id": "call_0"}
    editor = run(play, world, call, call)
    assert list(cards(editor)) == ["call_0", "call_0#2"]


def test_extensions_tools_are_guessed_and_their_odd_text_is_harmless(play: Play, world: World) -> None:
    (world.project / "tools.py").write_text(TOOLS)
    call = {"name": "fetch_page", "args": {"url": "http://x"}}
    editor = run(play, world, call, words=("-e", "tools.py", "--tools", "+fetch_page"))
    (card,) = cards(editor).values()
    assert (card["kind"], card["title"], card["status"]) == ("fetch", "fetch_page", "completed")
    assert card["content"][0]["content"]["text"] == "# A page\n\ufffd[31m"


def test_what_was_begun_when_a_response_broke_off_ends_too(play: Play, world: World) -> None:
    call = {"name": "bash", "args": {"command": "echo " + "x" * 200}}
    broken = {"toolCalls": [call], "fault": {"kind": "hang", "afterDeltas": 3}}
    world.provider.script(broken)

    async def scene(editor: Editor) -> Any:
        import asyncio

        session = await editor.begin(world)
        asking = asyncio.create_task(editor.say(session, "Go"))
        await editor.until(lambda: editor.of("tool_call"))
        await editor.pi.cancel(session_id=session)
        return (await asking).stop_reason, editor

    reason, editor = play(scene, "--model", "oai/m")
    assert reason == "cancelled"
    assert [card["status"] for card in cards(editor).values()] == ["failed"]

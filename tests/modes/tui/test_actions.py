"""Which key goes where, what each action does, and what the mouse does."""

import asyncio
from typing import Any

import pytest

from pi.harness.events import CompactionStart
from pi.harness.extensions.api import ExtensionAPI
from pi.llm.models import Model
from pi.modes.tui import actions
from pi.modes.tui.blocks.notice import MarkdownBlock, NoticeBlock
from pi.modes.tui.keys.actions import ACTIONS as ALL
from pi.modes.tui.panels.asking import Choice, TextInput
from pi.sdk import ExtensionChoice
from pi.testing import Reply, ScriptedModel, call
from tests.modes.tui.world import World, run, settings

TALK = ["one", "two", "three"]


pytestmark = pytest.mark.usefixtures("terminal_clipboard")


def keys(**given: str) -> dict[str, Any]:
    """Keys of one's own: `keys(app_session_new="f5")`."""
    text = ", ".join(f'"{name.replace("_", ".")}": "{key}"' for name, key in given.items())
    return {"files": {".pi/agent/keybindings.json": f"{{{text}}}"}}


def test_every_action_of_the_transcript_and_the_app_has_a_function() -> None:
    in_lists = ("app.models.", "app.tree.", "app.thinking.save", "app.session.toggle", "app.session.rename")
    more = ("app.session.delete", "tui.altScreen.searchNext", "tui.altScreen.searchPrev")
    elsewhere = (*in_lists, *more, "tui.altScreen.searchClose")
    wanted = [id for id in ALL if id.startswith(("app.", "tui.altScreen.")) and not id.startswith(elsewhere)]
    assert set(actions.ACTIONS) == set(wanted)


# Where a key goes.


def test_the_search_line_has_every_key_while_it_is_open() -> None:
    async def act(there: World) -> None:
        for text in TALK:
            there.interface.show(NoticeBlock(text))
        there.editor.text = "draft"
        there.press("ctrl+shift+f", "'two", "enter", "ctrl+l")
        assert there.interface.search is not None
        assert there.above()[-1].startswith("Search two   1/1")
        there.press("escape")
        assert (there.interface.search, there.editor.text) == (None, "draft")

    run(act)


def test_a_panel_has_the_keys_but_the_transcript_can_be_searched_over_it() -> None:
    async def act(there: World) -> None:
        panel = TextInput(there.interface.keymap, "Name")
        there.interface.spawn(there.interface.ask(panel))
        await there.until(lambda: there.interface.panel is panel)
        there.press("'ab", "ctrl+shift+f", "'x", "escape", "'c")
        there.paste("d")
        assert "> abcd" in there.rows()
        there.press("enter")
        await there.until(lambda: there.interface.panel is None)
        assert panel.answer.result() == "abcd"
        assert there.editor.text == ""

    run(act)


def test_panels_stack_and_the_last_one_answers_first() -> None:
    async def act(there: World) -> None:
        first, second = (Choice(there.interface.keymap, name, ("a", "b")) for name in ("First", "Second"))
        there.interface.spawn(there.interface.ask(first))
        there.interface.spawn(there.interface.ask(second))
        await there.until(lambda: there.title == "Second")
        there.press("enter")
        await there.until(lambda: there.title == "First")
        there.press("down", "enter")
        await there.until(lambda: there.title == "")
        assert (first.answer.result(), second.answer.result()) == ("b", "a")

    run(act)


def test_open_completions_take_the_keys_of_lists_and_escape_closes_them() -> None:
    async def act(there: World) -> None:
        there.press("'/")
        await there.until(lambda: there.editor.completing)
        there.press("down", "pageDown", "up", "escape")
        assert (there.editor.completing, there.editor.text) == (False, "/")
        assert there.interface.pressed == {}  # Escape meant the list alone

    run(act)


def test_history_keys_of_ones_own_come_before_the_apps() -> None:
    async def act(there: World) -> None:
        there.editor.history.add("before")
        there.press("ctrl+p")
        assert there.editor.text == "before"

    run(act, **keys(tui_editor_historyPrevious="ctrl+p"))


def test_shortcuts_of_extensions_come_before_the_apps_keys() -> None:
    pressed: list[str] = []

    def extension(pi: ExtensionAPI) -> None:
        @pi.shortcut("ctrl+l", "Do something else")
        def shortcut(ctx: Any) -> None:
            pressed.append("ctrl+l")

    async def act(there: World) -> None:
        there.press("ctrl+l")
        await there.until(lambda: pressed)
        assert (pressed, there.title) == (["ctrl+l"], "")

    run(act, extensions=ExtensionChoice((), (extension,), find=False))


@pytest.mark.parametrize(
    ("before", "key", "after"),
    [
        ("ab|", "left", "a|b"),
        ("a|b", "ctrl+b", "|ab"),
        ("|ab", "right", "a|b"),
        ("a|b", "ctrl+f", "ab|"),
        ("one two|", "alt+left", "one |two"),
        ("|one two", "alt+f", "one| two"),
        ("ab|", "home", "|ab"),
        ("ab|", "ctrl+a", "|ab"),
        ("|ab", "end", "ab|"),
        ("|ab", "ctrl+e", "ab|"),
        ("a\nb|", "up", "a|\nb"),
        ("a|\nb", "down", "a\nb|"),
        ("ab|", "backspace", "a|"),
        ("|ab", "delete", "|b"),
        ("|ab", "ctrl+d", "|b"),
        ("one two|", "ctrl+w", "one |"),
        ("|one two", "alt+d", "| two"),
        ("ab|c", "ctrl+u", "|c"),
        ("a|bc", "ctrl+k", "a|"),
        ("a|", "shift+enter", "a\n|"),
        ("a|", "ctrl+j", "a\n|"),
        ("a\\|", "enter", "a\n|"),
    ],
)
def test_the_editor_has_all_keys_that_nobody_else_wants(before: str, key: str, after: str) -> None:
    async def act(there: World) -> None:
        there.editor.text = before.replace("|", "")
        rest = before[before.index("|") + 1 :]
        there.press(*["left"] * len(rest))
        assert there.marked == before
        there.press(key)
        assert there.marked == after

    run(act)


def test_what_was_cut_comes_back_and_changes_are_undone() -> None:
    async def act(there: World) -> None:
        there.press("'one two", "ctrl+w", "ctrl+u", "ctrl+y")
        assert there.marked == "one two|"
        there.press("ctrl+-")
        assert there.marked == "|"
        there.press("'a.b", "ctrl+alt+]", ".")
        assert there.marked == "a|.b"
        there.press("home", "ctrl+]", "b")
        assert there.marked == "a.|b"

    run(act)


def test_up_in_an_empty_editor_goes_through_what_was_said() -> None:
    async def act(there: World) -> None:
        await there.ask("first")
        await there.ask("second")
        there.press("up", "up")
        assert there.editor.text == "first"
        there.press("down")
        assert there.editor.text == "second"

    run(act, "a", "b")


# Leaving and stopping.


def test_ctrl_d_leaves_only_when_the_editor_is_empty() -> None:
    async def act(there: World) -> None:
        there.press("'a", "ctrl+d")
        assert not there.screen.left
        there.press("backspace", "ctrl+d")
        assert there.screen.left

    run(act)


def test_ctrl_c_clears_and_twice_leaves() -> None:
    async def act(there: World) -> None:
        there.press("'draft", "ctrl+c")
        assert (there.editor.text, there.screen.left) == ("", False)
        there.later(0.6)
        there.press("ctrl+c")
        assert (there.screen.left, there.above()) == (False, ["ctrl+c again to exit"])
        there.later(0.4)
        there.press("ctrl+c")
        assert there.screen.left

    run(act)


def test_escape_twice_in_an_empty_editor_does_what_the_settings_say() -> None:
    async def act(there: World) -> None:
        await there.ask("hello")
        there.press("escape")
        there.later(0.6)
        there.press("escape")
        assert there.title == ""
        there.later(0.3)
        there.press("escape")
        await there.until(lambda: there.title == "Session tree")
        there.press("escape")

    async def forks(there: World) -> None:
        await there.ask("hello")
        there.press("escape", "escape")
        await there.until(lambda: there.title.startswith("Fork"))

    async def nothing(there: World) -> None:
        await there.ask("hello")
        there.press("escape", "escape")
        await asyncio.sleep(0)
        there.press("'a", "escape", "escape")
        assert (there.title, there.editor.text) == ("", "a")

    run(act, "hi")
    run(forks, "hi", **settings(doubleEscapeAction="fork"))
    run(nothing, "hi", **settings(doubleEscapeAction="none"))


def test_escape_stops_a_shell_command_before_a_run() -> None:
    async def act(there: World) -> None:
        there.say("hello")
        await there.until(lambda: there.session.busy and len(there.model.asked) == 1)
        there.say("!sleep 60")
        await there.until(lambda: there.session.shell.running)
        there.press("escape")
        await there.until(lambda: not there.session.shell.running)
        assert there.session.busy
        there.press("escape")
        await there.until(lambda: not there.session.busy)
        assert "Operation aborted" in there.transcript()
        await there.until(lambda: "Cancelled" in there.transcript())

    run(act, Reply("I", hang=True))


def test_escape_clears_a_selection_then_a_shell_command() -> None:
    async def act(there: World) -> None:
        there.interface.show(NoticeBlock("one two"))
        there.editor.text = "!ls"
        there.frame()
        there.click(0, 2, times=2)
        assert there.interface.selection
        there.press("escape")
        assert (bool(there.interface.selection), there.editor.text) == (False, "!ls")
        there.press("escape")
        assert there.editor.text == ""

    run(act, **settings(fullscreenCopyOnSelect=False))


# Saying something while the model works.


def test_enter_steers_and_alt_enter_follows_up() -> None:
    async def act(there: World) -> None:
        there.say("begin")
        await there.until(lambda: there.session.busy)
        there.say("steer\nit")
        there.editor.text = "then this"
        there.press("alt+enter")
        await there.until(lambda: len(there.above()) == 4)
        assert there.above()[1:] == [
            "Steering: steer …",
            "Follow-up: then this",
            "↳ alt+up to edit what waits",
        ]
        await there.until(lambda: not there.session.busy)
        assert there.above() == []
        said = [block.text() for block in there.interface.transcript.blocks if block.kind == "user"]
        assert said == ["begin", "steer\nit", "then this"]

    run(act, "one " * 400, "two", "three")


def test_alt_up_takes_back_what_waits() -> None:
    async def act(there: World) -> None:
        there.say("begin")
        await there.until(lambda: len(there.model.asked) == 1)
        there.say("steer")
        await there.until(lambda: len(there.session.queue.waiting.steering) == 1)
        there.editor.text = "draft"
        there.press("alt+up")
        await there.until(lambda: there.editor.text != "draft")
        assert there.editor.text == "steer\n\ndraft"
        assert not there.session.queue

    run(act, Reply("I", hang=True))


def test_escape_puts_what_waits_back_into_the_editor() -> None:
    async def act(there: World) -> None:
        there.say("begin")
        await there.until(lambda: len(there.model.asked) == 1)
        there.say("steer")
        await there.until(lambda: len(there.session.queue.waiting.steering) == 1)
        there.press("escape")
        await there.until(lambda: not there.session.busy and there.editor.text)
        assert there.editor.text == "steer"
        assert len(there.model.asked) == 1

    run(act, Reply("I", hang=True))


def test_what_is_said_while_a_summary_is_made_waits_for_it() -> None:
    async def act(there: World) -> None:
        await there.ask("hello " * 2000)
        await there.ask("more")
        there.say("/compact")
        await there.until(lambda: there.session.compacting and len(there.model.asked) == 3)
        there.say("and now")
        assert there.above()[1:] == ["Steering: and now", "↳ alt+up to edit what waits"]
        await there.until(lambda: there.transcript()[-2:] == ["and now", "summed up"])
        await there.until(lambda: not there.session.busy)
        assert there.above() == []

    model = ScriptedModel("hi", "more", after="summed up")
    run(act, model=model, **settings(compaction={"keepRecentTokens": 1, "reserveTokens": 1000}))


def test_held_texts_can_be_taken_back() -> None:
    async def act(there: World) -> None:
        there.wired.fold.apply(CompactionStart("manual"))
        there.interface.held.append(("later", True))
        there.interface.show_waiting()
        there.press("alt+up")
        await there.until(lambda: there.editor.text)
        assert (there.editor.text, there.interface.held) == ("later", [])

    run(act)


def test_a_prompt_that_fails_goes_back_into_the_editor() -> None:
    async def act(there: World) -> None:
        await there.session.models.use(Model("m", "nobody", "openai-completions", "http://127.0.0.1:1"))
        there.say("precious words")
        await there.until(lambda: there.editor.text)
        assert there.editor.text == "precious words"
        assert "/login" in " ".join(there.transcript())
        assert not there.session.busy

    run(act)


# Actions of the app.


def test_ctrl_o_shows_outputs_in_full_and_ctrl_t_hides_thinking() -> None:
    async def act(there: World) -> None:
        await there.ask("go")
        assert "… (4 earlier lines, ctrl+o to expand)" in there.transcript()
        assert "deep thought" in there.transcript()
        there.press("ctrl+o")
        assert "8" in there.transcript()
        assert "… (4 earlier lines, ctrl+o to expand)" not in there.transcript()
        there.press("ctrl+t")
        assert "Thinking…" in there.transcript()
        assert there.session.setup.settings.flag("hideThinkingBlock")
        there.press("ctrl+t", "ctrl+o")
        assert "deep thought" in there.transcript()

    thought = Reply(thinking="deep thought", calls=call("bash", command="seq 9").calls)
    run(act, thought, "done")


def test_models_and_levels_are_cycled_and_chosen() -> None:
    models = [{"id": id, "name": id, "reasoning": True} for id in ("a", "b")]
    provider = {
        "baseUrl": "http://127.0.0.1:1",
        "api": "openai-completions",
        "apiKey": "k",
        "models": models,
    }

    async def act(there: World) -> None:
        await there.session.models.use("acme/a", "low")
        there.press("ctrl+p")
        await there.until(lambda: there.session.model.id == "b")
        there.press("ctrl+shift+p")
        await there.until(lambda: there.session.model.id == "a")
        before = there.session.thinking_level
        there.press("shift+tab")
        await there.until(lambda: there.session.thinking_level != before)
        assert there.rows()[-1].endswith(f"a • {there.session.thinking_level}")
        there.press("ctrl+l")
        await there.until(lambda: there.title == "Model")

    run(act, models={"acme": provider})


@pytest.mark.parametrize(
    ("action", "seen"),
    [
        ("app.session.new", "New session started."),
        ("app.session.tree", "Session tree"),
        ("app.session.fork", "Fork from a message"),
        ("app.session.resume", "Sessions: ~/shop"),
    ],
)
def test_sessions_can_have_keys(action: str, seen: str) -> None:
    async def act(there: World) -> None:
        await there.ask("hello")
        there.press("f5")
        await there.until(lambda: seen in "\n".join(there.rows()))

    run(act, "hi", **keys(**{action.replace(".", "_"): "f5"}))


def test_ctrl_z_goes_to_the_background() -> None:
    async def act(there: World) -> None:
        there.press("ctrl+z")
        assert there.screen.stopped

    run(act)


def test_ctrl_g_edits_the_text_in_an_editor_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(there: World) -> None:
        there.press("'draft", "ctrl+g")
        await there.until(lambda: there.editor.text != "draft")
        assert there.editor.text == "changed"

    monkeypatch.setenv("VISUAL", "python3 -c \"import sys; open(sys.argv[-1], 'w').write('changed')\"")
    run(act)


def test_ctrl_x_copies_the_last_answer() -> None:
    async def act(there: World) -> None:
        await there.ask("hello")
        there.press("ctrl+x")
        await there.until(lambda: there.copied)
        assert there.copied == ["hi there"]

    run(act, "hi there")


def test_the_transcript_scrolls_by_pages_lines_and_prompts() -> None:
    bound = {
        "tui_altScreen_halfPageUp": "f1",
        "tui_altScreen_halfPageDown": "f2",
        "tui_altScreen_lineUp": "f3",
        "tui_altScreen_lineDown": "f4",
    }

    async def act(there: World) -> None:
        rows = "\n".join(f"- {number}" for number in range(100))
        there.interface.show(MarkdownBlock(rows))
        await there.ask("hello")
        height = len(there.frame().places)
        end = there.rows()[:height]

        def top() -> int:
            place = there.frame().places[0]
            assert place is not None
            return place.line + 1000 * place.block

        there.press("ctrl+home")
        first = top()
        there.press("pageDown")
        assert top() - first == height - 1
        there.press("f2")
        assert top() - first == height - 1 + height // 2
        there.press("f4", "f3", "f1", "pageUp")
        assert top() == first
        there.press("ctrl+end")
        assert there.rows()[:height] == end
        there.press("ctrl+up")
        assert "hello" in there.rows()[1]
        there.press("ctrl+down")
        assert there.interface.transcript.following
        there.press("pageUp")
        assert not there.interface.transcript.following

    run(act, "\n\n".join(map(str, range(40))), **keys(**bound))

"""Typing in a real terminal: pastes, files, history, an editor of one's own, searching, the clipboard."""

import base64
import json
import os
import stat

import pytest

from tests.e2e.conftest import READY, Terminals, World
from tests.e2e.terminal import screen as bare_screen
from tests.e2e.tmux import editor

EDIT = """#!/bin/sh
stty -a
printf 'This is the editor: '
read word
printf '%s %s' "$(cat "$1")" "$word" > "$1.new"
mv "$1.new" "$1"
"""


def test_a_long_paste_is_a_mark_here_and_whole_in_the_request(terminals: Terminals, world: World) -> None:
    text = "\n".join(f"pasted line {number}" for number in range(50))
    screen = terminals.open()

    screen.type("look: ")
    screen.paste(text)
    shown = screen.until("[paste #1")
    assert "pasted line 30" not in shown
    screen.press("Enter")
    screen.until("Fine.")

    assert world.provider.asked() == [f"look: {text}"]


def test_a_paste_of_a_megabyte_comes_whole(terminals: Terminals, world: World) -> None:
    text = "\n".join("x" * 79 for _ in range(15_000))
    (world.project / "large").write_text(text)
    screen = terminals.open()

    screen.paste_file(world.project / "large")
    screen.until("[paste #1")
    screen.press("Enter")
    screen.until("Fine.")

    assert world.provider.asked() == [text]


def test_a_short_paste_is_typed_and_never_sent_by_itself(terminals: Terminals, world: World) -> None:
    screen = terminals.open()

    screen.paste("one\ntwo\n")
    screen.until(lambda shown: editor(shown).startswith("one\ntwo"))
    assert not world.provider.requests
    screen.press("Enter")
    screen.until("Fine.")

    assert world.provider.asked() == ["one\ntwo"]


def test_files_are_completed_and_several_lines_are_written(terminals: Terminals, world: World) -> None:
    (world.project / "src").mkdir()
    (world.project / "src" / "engine_room.py").write_text("")
    screen = terminals.open()

    screen.type("read @engin")
    screen.until("engine_room.py")
    screen.press("Tab")
    screen.until(lambda shown: editor(shown).startswith("read @src/engine_room.py"))
    screen.press("C-j")
    screen.type("please")
    screen.press("Enter")
    screen.until("Fine.")

    assert [text.replace(" \n", "\n") for text in world.provider.asked()] == [
        "read @src/engine_room.py\nplease"
    ]


def test_slash_commands_are_completed(terminals: Terminals) -> None:
    screen = terminals.open()

    screen.type("/hot")
    screen.until("hotkeys")
    screen.press("Enter")
    screen.until("Typed in the editor")


def test_what_was_said_comes_back_by_the_arrow(terminals: Terminals, world: World) -> None:
    screen = terminals.open()
    for text in ("first", "second"):
        screen.say(text)
        screen.until(lambda shown, text=text: f"\n {text}\n" in shown)
    screen.until(lambda shown: shown.count("Fine.") == 2)

    screen.press("Up", "Up")
    screen.until(lambda shown: editor(shown) == "first")
    screen.press("Down")
    screen.until(lambda shown: editor(shown) == "second")


def test_the_text_is_edited_in_ones_own_editor(terminals: Terminals, world: World) -> None:
    program = world.agent.parent / "edit"
    program.write_text(EDIT)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    screen = terminals.open(env={"EDITOR": str(program), "VISUAL": ""})
    world.provider.script({"text": "and so it goes on " * 40, "chunk": 2, "delayMs": 5})
    screen.say("talk")
    screen.until("and so it goes on")

    screen.type("a text")
    screen.press("C-g")
    shown = screen.until("This is the editor:")
    assert " icanon " in shown and " echo " in shown
    screen.until(lambda _: world.last_message()["role"] == "assistant")  # it goes on meanwhile
    screen.say("changed")
    screen.until(lambda shown: editor(shown).strip() == "a text changed")
    screen.press("Enter")
    screen.until("Fine.")

    assert world.provider.asked() == ["talk", "a text changed"]


def test_an_editor_that_is_missing_is_told(terminals: Terminals) -> None:
    screen = terminals.open(env={"EDITOR": "/nowhere/vi", "VISUAL": ""})

    screen.type("kept")
    screen.press("C-g")
    shown = screen.until("/nowhere/vi")

    assert editor(shown) == "kept"
    screen.press("Enter")
    screen.until("Fine.")


def test_the_transcript_is_searched(terminals: Terminals, world: World) -> None:
    (world.agent / "keybindings.json").write_text(json.dumps({"tui.altScreen.search": "ctrl+t"}))
    lines = "\n\n".join(
        f"paragraph {number} {'needle' if number in (5, 50) else 'hay'}" for number in range(80)
    )
    world.provider.script({"text": lines, "chunk": 500})
    screen = terminals.open()
    screen.say("much")
    screen.until("paragraph 79")
    screen.gone("to interrupt")

    screen.press("C-t")
    screen.until("Search")
    screen.type("needle")
    screen.until("2/2")
    screen.until("paragraph 50 needle")
    screen.press("Enter")
    screen.until("1/2")
    shown = screen.until("paragraph 5 needle")
    assert "paragraph 50 needle" not in shown
    screen.press("Escape")
    screen.gone("Search")
    screen.type("typed")
    screen.until(lambda shown: editor(shown) == "typed")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pty")
def test_an_answer_goes_to_the_terminals_clipboard(world: World) -> None:
    world.provider.script({"text": "copy **me** ünder"})
    env = world.env | {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
    with bare_screen(world.command(), world.project, env) as shown:
        shown.until(READY)
        shown.type("hello\r")
        shown.until("ünder")
        shown.type("/copy\r")
        shown.until("\x1b]52;c;")
        encoded = shown.until("\x07").removesuffix("\x07")
        shown.until("Copied")
        shown.type("\x04")
        assert shown.end() == 0

    assert base64.b64decode(encoded).decode() == "copy **me** ünder"

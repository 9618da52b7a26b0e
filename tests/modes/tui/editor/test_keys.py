"""Each action of the editor does what the table of keybindings promises."""

import pytest

from pi.modes.tui.keys.key import Key
from tests.modes.tui.editor.support import KEYMAP, editor, press, see, type_in, with_cursor

# action, text with the cursor as a bar, what it makes of that
TABLE = [
    ("tui.editor.cursorUp", "one\ntw|o", "on|e\ntwo"),
    ("tui.editor.cursorUp", "on|e", "|one"),
    ("tui.editor.cursorDown", "o|ne\ntwo", "one\nt|wo"),
    ("tui.editor.cursorDown", "o|ne", "one|"),
    ("tui.editor.cursorLeft", "one\n|two", "one|\ntwo"),
    ("tui.editor.cursorLeft", "cafe\u0301|", "caf|e\u0301"),
    ("tui.editor.cursorRight", "one|\ntwo", "one\n|two"),
    ("tui.editor.cursorRight", "|日本", "日|本"),
    ("tui.editor.cursorWordLeft", "say foo.bar |", "say foo.|bar "),
    ("tui.editor.cursorWordRight", "say| foo.bar", "say foo|.bar"),
    ("tui.editor.cursorLineStart", "one\ntwo|", "one\n|two"),
    ("tui.editor.cursorLineEnd", "o|ne\ntwo", "one|\ntwo"),
    ("tui.editor.deleteCharBackward", "one\n|two", "one|two"),
    ("tui.editor.deleteCharBackward", "e\u0301|x", "|x"),
    ("tui.editor.deleteCharForward", "one|\ntwo", "one|two"),
    ("tui.editor.deleteWordBackward", "say hello |", "say |"),
    ("tui.editor.deleteWordBackward", "say\n|hello", "say|hello"),
    ("tui.editor.deleteWordForward", "say| hello you", "say| you"),
    ("tui.editor.deleteToLineStart", "one\ntwo| three", "one\n| three"),
    ("tui.editor.deleteToLineStart", "one\n|two", "one|two"),
    ("tui.editor.deleteToLineEnd", "o|ne\ntwo", "o|\ntwo"),
    ("tui.editor.deleteToLineEnd", "one|\ntwo", "one|two"),
    ("tui.input.newLine", "on|e", "on\n|e"),
]


@pytest.mark.parametrize(("action", "before", "after"), TABLE)
def test_an_action_does_what_its_name_says(action: str, before: str, after: str) -> None:
    for name in KEYMAP.keys(action):
        made = editor(before.replace("|", ""))
        see(made)
        head = before.partition("|")[0]
        made._buffer.go((head.count("\n"), len(head) - head.rfind("\n") - 1))
        assert made.key(Key(name))
        assert with_cursor(made) == after, name


def test_a_jump_goes_to_the_next_character_typed() -> None:
    made = editor("alpha beta\ngamma")
    press(made, "ctrl+alt+]", "b")
    assert with_cursor(made) == "alpha |beta\ngamma"
    press(made, "ctrl+]", "g")
    assert with_cursor(made) == "alpha beta\n|gamma"
    press(made, "ctrl+]", "ctrl+]", "x")
    assert with_cursor(made) == "alpha beta\nx|gamma"
    press(made, "ctrl+]", "home")
    assert with_cursor(made) == "alpha beta\n|xgamma"


def test_pages_move_by_the_rows_that_are_shown() -> None:
    made = editor("\n".join(str(number) for number in range(30)))
    see(made, height=7)
    press(made, "pageUp", "pageUp")
    assert made.place == (19, 2)
    press(made, "pageDown")
    assert made.place == (24, 2)


def test_what_is_killed_in_a_row_is_yanked_together() -> None:
    made = editor("one two three")
    press(made, "ctrl+w", "ctrl+w")
    assert made.text == "one "
    press(made, "ctrl+y", "ctrl+y")
    assert made.text == "one two threetwo three"


def test_yank_pop_takes_the_text_before() -> None:
    made = editor("first second")
    press(made, "ctrl+w", "left", "ctrl+u", "ctrl+y")
    assert with_cursor(made) == "first| "
    press(made, "alt+y")
    assert with_cursor(made) == "second| "
    press(made, "alt+y")
    assert with_cursor(made) == "first| "


def test_undo_takes_back_words() -> None:
    made = editor()
    type_in(made, "say hello")
    seen: list[str] = []
    for _ in range(3):
        press(made, "ctrl+-")
        seen.append(made.text)
    assert seen == ["say", "", ""]


def test_enter_submits_and_empties() -> None:
    made = editor(" say it \n")
    sent: list[str] = []
    made.on_submit = sent.append
    press(made, "enter", "enter", "ctrl+-")
    assert (sent, made.text) == (["say it"], "")


def test_a_backslash_before_enter_breaks_the_line() -> None:
    made = editor("one\\")
    sent: list[str] = []
    made.on_submit = sent.append
    press(made, "enter")
    assert (sent, with_cursor(made)) == ([], "one\n|")


def test_keys_that_mean_nothing_here_are_left_to_the_app() -> None:
    made = editor("text")
    keys = (Key("escape"), Key("ctrl+c"), Key("ctrl+o"), Key("ctrl+p"), Key("f5"), Key("alt+up"))
    assert [made.key(key) for key in keys] == [False] * 6


def test_up_and_down_keep_their_column_over_wrapped_rows() -> None:
    made = editor("a long line of words\nab\nanother long line")
    see(made, width=12)
    press(made, "up", "up", "up")
    assert with_cursor(made) == "a long line of words|\nab\nanother long line"
    press(made, "up")
    assert with_cursor(made) == "a long li|ne of words\nab\nanother long line"
    made = editor("日本語日本語\nx\nabcdef")
    see(made, width=20)
    press(made, "up", "up")
    assert made.place == (0, 3)


def test_history_opens_at_the_first_row_and_gives_the_draft_back() -> None:
    made = editor("draft")
    made.history.seed(["one", "two\nlines", "two\nlines"])
    see(made)
    press(made, "up", "up")
    assert with_cursor(made) == "|two\nlines"
    press(made, "up")
    assert with_cursor(made) == "|one"
    press(made, "up", "down")
    assert with_cursor(made) == "two\nlines|"
    press(made, "down")
    assert with_cursor(made) == "|draft"


def test_an_entry_of_the_history_that_is_edited_is_a_text_of_its_own() -> None:
    made = editor()
    made.history.seed(["one", "two"])
    press(made, "up", "x", "home", "up")
    assert with_cursor(made) == "|two"
    press(made, "ctrl+-")
    assert made.text == "xtwo"
    press(made, "ctrl+-", "ctrl+-")
    assert made.text == ""


def test_the_history_keeps_a_hundred() -> None:
    made = editor()
    made.history.seed([f"prompt {number}" for number in range(150)])
    press(made, *["up"] * 200)
    assert (made.text, len(made.history)) == ("prompt 50", 100)

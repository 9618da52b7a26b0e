"""A one-line input has the editor's keys, and shows what is around its cursor."""

from pi.modes.tui.keys.key import Key
from pi.modes.tui.lines import text_of
from pi.modes.tui.panels.line_input import LineInput
from tests.modes.tui.panels.support import KEYMAP


def make(text: str = "", *keys: str, secret: bool = False) -> LineInput:
    line = LineInput(KEYMAP, text, secret=secret)
    for name in keys:
        line.key(Key(name, name if len(name) == 1 else ""))
    return line


def test_it_moves_and_deletes_by_characters_words_and_to_the_ends() -> None:
    assert make("one two", "left", "backspace").text == "one to"
    assert make("one two", "home", "delete").text == "ne two"
    assert make("one two.x", "ctrl+w").text == "one two."
    assert make("one two.x", "ctrl+w", "ctrl+w", "alt+backspace").text == "one "
    assert make("one two", "ctrl+a", "alt+d").text == " two"
    assert make("one two", "alt+b", "ctrl+u").text == "two"
    assert make("one two", "ctrl+left", "ctrl+k").text == "one "
    assert make("one two", "home", "alt+f", "X").text == "oneX two"


def test_what_was_deleted_comes_back_with_yank() -> None:
    assert make("one two", "ctrl+w", "ctrl+w", "ctrl+y", "ctrl+y").text == "one twoone two"
    assert make("one two", "ctrl+w", "end", "!", "ctrl+w", "home", "ctrl+y", "alt+y").text == "twoone "
    assert make("hidden", "ctrl+u", "ctrl+y", secret=True).text == ""


def test_undo_takes_back_edits_one_after_the_other() -> None:
    assert make("one", "x", "y", "backspace", "ctrl+-").text == "onexy"
    assert make("one", "x", "y", "backspace", "ctrl+-", "ctrl+-").text == "one"


def test_a_combined_character_is_one_step() -> None:
    assert make("e\u0301x", "left", "backspace").text == "x"
    assert make("👩‍🚀", "backspace").text == ""
    assert make("a👍🏽", "backspace").text == "a"


def test_keys_that_mean_nothing_here_are_left_to_others() -> None:
    line = make("one")
    assert (line.key(Key("enter")), line.key(Key("f5")), line.key(Key("x", "x"))) == (False, False, True)


def test_pasted_lines_are_joined_and_cleaned() -> None:
    line = make("")
    line.paste("one\ntwo\x1b[31m\r\n")
    assert line.text == "one two"


def test_a_long_text_scrolls_with_the_cursor() -> None:
    line = make("abcdefghij")
    assert (line.line(5), line.column) == ((("ghij", ""), (" ", "reverse")), 4)
    for _ in range(8):
        line.key(Key("left"))
    assert (line.line(5), line.column) == ((("c", "reverse"), ("defg", "")), 0)
    line.key(Key("home"))
    assert text_of(line.line(5)) == "abcde"
    wide = make("日本語日本語")
    assert (text_of(wide.line(6)), wide.column) == ("本語 ", 4)


def test_a_secret_is_dots_and_an_empty_line_its_placeholder() -> None:
    assert text_of(make("abc", secret=True).line(20)) == "••• "
    empty = LineInput(KEYMAP, placeholder="code")
    assert empty.line(20) == (("c", "dim reverse"), ("ode", "dim"))
    empty.focused = False
    assert empty.line(20) == (("code", "dim"),)

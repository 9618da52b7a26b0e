"""Long pastes stand in the prompt as markers, and nothing pasted can steer the terminal."""

from tests.modes.tui.editor.support import editor, press, see, with_cursor

LINES = "\n".join(f"line {number}" for number in range(11))


def test_a_long_paste_becomes_a_marker_that_submitting_expands() -> None:
    made = editor()
    sent: list[str] = []
    made.on_submit = sent.append
    made.paste(LINES)
    made.insert(" and ")
    made.paste("x" * 1001)
    assert made.text == "[paste #1 +11 lines] and [paste #2 1001 chars]"
    press(made, "enter")
    assert sent == [f"{LINES} and {'x' * 1001}"]


def test_a_short_paste_stays_as_it_is() -> None:
    made = editor()
    made.paste("\n".join("x" * 10) + "y" * 900)
    assert made.text == "\n".join("x" * 10) + "y" * 900


def test_a_marker_is_moved_over_and_deleted_as_one() -> None:
    made = editor("a ")
    made.paste(LINES)
    marker = "[paste #1 +11 lines]"
    press(made, "left")
    assert with_cursor(made) == f"a |{marker}"
    press(made, "alt+right")
    assert with_cursor(made) == f"a {marker}|"
    press(made, "alt+left", "right", "backspace")
    assert made.text == "a "
    press(made, "ctrl+-")
    assert made.expanded == f"a {LINES}"
    press(made, "ctrl+w", "ctrl+y")
    assert made.expanded == f"a {LINES}"


def test_what_looks_like_a_marker_is_mere_text() -> None:
    made = editor("[paste #1 +11 lines]")
    press(made, "left")
    assert with_cursor(made) == "[paste #1 +11 lines|]"


def test_pasted_text_is_cleaned() -> None:
    made = editor()
    made.paste("a\r\nb\rc\td\x1b[31mred\x1b[0m\x00\x1b]0;t\x07\x1b[106;5ue\u202e")
    assert made.text == "a\nb\nc    dred\ne"


def test_a_path_that_is_pasted_behind_a_word_gets_a_space() -> None:
    made = editor("see")
    made.paste("/tmp/x.png")
    assert made.text == "see /tmp/x.png"


def test_a_marker_wider_than_the_screen_does_not_hold_the_cursor() -> None:
    made = editor("top\n")
    made.paste(LINES)
    made.insert("\nend")
    see(made, width=8)
    press(made, "ctrl+a", "up", "up")
    assert made.place == (0, 0)
    press(made, "down", "down")
    assert made.place == (2, 0)

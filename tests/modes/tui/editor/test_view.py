"""What is shown of the text: rows between borders, the cursor always."""

from pi.modes.tui.lines import text_of
from tests.modes.tui.editor.support import editor, press, see, type_in


def test_the_cursor_is_a_cell_of_its_own() -> None:
    made = editor("ab")
    assert made.lines(6, 5) == [
        (("──────", "border"),),
        (("ab", ""), (" ", "reverse")),
        (("──────", "border"),),
    ]
    press(made, "left")
    assert made.lines(6, 5)[1] == (("a", ""), ("b", "reverse"))
    assert made.cursor() == (1, 1)


def test_a_tall_text_scrolls_and_the_borders_count_the_rest() -> None:
    made = editor("\n".join(str(number) for number in range(9)))
    press(made, "up", "up")
    assert see(made, 30, 5) == [
        "────────── ↑ 4 more ──────────",
        "4",
        "5",
        "6",
        "────────── ↓ 2 more ──────────",
    ]


def test_words_wrap_and_a_full_row_leaves_room_for_the_cursor() -> None:
    made = editor("some words that wrap 日本語日本語日本語")
    assert see(made, 11) == ["─" * 11, "some words", "that wrap", "日本語日本", "語日本語", "─" * 11]


def test_the_label_stands_at_the_right_of_the_border() -> None:
    made = editor()
    made.label = (("high", "muted"),)
    assert see(made, 20, 5)[0] == "──────────── high ──"
    made.text = "1\n2\n3\n4"
    assert see(made, 26, 4)[0] == "─── ↑ 2 more ───── high ──"
    assert see(made, 6, 4)[0] == "──────"


def test_an_empty_editor_shows_what_it_is_for() -> None:
    made = editor()
    made.placeholder = "Ask anything"
    assert made.lines(20, 5)[1] == (("A", "dim reverse"), ("sk anything", "dim"))


def test_padding_stands_on_both_sides() -> None:
    made = editor("abcdef")
    made.padding = 2
    assert see(made, 8, 6)[1:3] == ["  abcd", "  ef"]


def test_a_shell_command_changes_mode_and_border() -> None:
    made = editor()
    type_in(made, "!ls")
    assert (made.mode, made.lines(4, 4)[0]) == ("bash", (("────", "bashMode"),))
    made.clear()
    assert (made.mode, made.lines(4, 4)[0]) == ("prompt", (("────", "border"),))


def test_a_click_puts_the_cursor_there() -> None:
    made = editor("one two\nthree")
    see(made, 8, 6)
    made.click(1, 4)
    assert made.place == (0, 4)
    made.click(2, 30)
    assert made.place == (1, 5)


def test_it_fits_into_any_size() -> None:
    made = editor("some words 日本語 and more\nwords")
    for width in range(2, 30):
        for height in range(1, 8):
            assert any(text_of(line) for line in made.lines(width, height))
            see(made, width, height)


def test_a_tall_terminal_is_not_needed_for_its_height() -> None:
    made = editor("\n".join("x" * 20))
    assert (made.height(40, 7), editor("a").height(40, 7)) == (7, 3)

"""Diffs: numbered rows in their colours, the changed words of a changed line in reverse."""

from pi.modes.tui.blocks.diff import changed, changes, diff_lines
from pi.modes.tui.lines import text_of


def test_rows_have_the_colours_of_their_signs() -> None:
    assert diff_lines("    ...\n  9 a\n-10 b\n-11 c\n+10 d", 40) == [
        (("  ", "toolDiffContext"), ("   ...", "toolDiffContext")),
        (("  9 ", "toolDiffContext"), ("a", "toolDiffContext")),
        (("-10 ", "toolDiffRemoved"), ("b", "toolDiffRemoved")),
        (("-11 ", "toolDiffRemoved"), ("c", "toolDiffRemoved")),
        (("+10 ", "toolDiffAdded"), ("d", "toolDiffAdded")),
    ]


def test_a_changed_line_shows_which_words_changed() -> None:
    assert diff_lines("-1   return a + 1\n+1   return a + 2", 40) == [
        (("-1 ", "toolDiffRemoved"), ("  return a + ", "toolDiffRemoved"), ("1", "toolDiffRemoved reverse")),
        (("+1 ", "toolDiffAdded"), ("  return a + ", "toolDiffAdded"), ("2", "toolDiffAdded reverse")),
    ]


def test_lines_that_share_hardly_anything_have_no_marks() -> None:
    assert changed("alpha beta", "gamma(delta)") == ([("alpha beta", "")], [("gamma(delta)", "")])


def test_indentation_is_never_marked() -> None:
    assert changed("a b c", "    a b c") == ([("a b c", "")], [("    ", ""), ("a b c", "")])


def test_long_rows_go_on_beside_their_numbers() -> None:
    assert [text_of(line) for line in diff_lines("+12 one two three four", 14)] == [
        "+12 one two",
        "    three four",
    ]


def test_rows_keep_their_indentation_and_tabs_become_spaces() -> None:
    assert [text_of(line) for line in diff_lines("+1 \tif x:\n+2         y", 40)] == [
        "+1    if x:",
        "+2         y",
    ]


def test_changes_are_counted() -> None:
    assert changes(" 1 a\n-2 b\n+2 c\n+3 d\n    ...") == (2, 1)

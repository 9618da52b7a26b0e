import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from pi.modes.tui.lines import (
    cells,
    clean,
    clean_lines,
    clip,
    cut,
    pad,
    styled,
    text_of,
    width_of,
    wrap,
    wrap_text,
)

TEXTS = st.text(alphabet=st.sampled_from("ab  \t漢字e\u0301👍🏽-_/.\u200d"), max_size=60).map(clean)
LINES = st.lists(st.tuples(TEXTS, st.sampled_from(["", "bold", "accent"])), max_size=5).map(tuple)


@given(LINES, st.integers(2, 40))
def test_no_wrapped_line_is_wider_than_asked_and_no_word_is_lost(line, width):
    rows = wrap(line, width)
    assert all(width_of(row) <= width for row in rows)
    assert "".join(text_of(line).split()) == "".join("".join(map(text_of, rows)).split())


@given(LINES, st.integers(0, 40))
def test_clipping_and_padding_keep_to_the_width(line, width):
    assert width_of(clip(line, width)) <= max(width, 0)
    assert width_of(pad(clip(line, width), width)) == width or width_of(clip(line, width)) == width


@given(TEXTS, st.integers(0, 30))
def test_a_cut_loses_nothing_and_halves_no_wide_character(text, width):
    head, rest = cut(text, width)
    assert head + rest == text
    assert cells(head) <= width


def test_words_break_between_words_also_where_their_style_changes():
    line = (("one two", ""), ("three", "bold"), (" four", ""))
    assert [text_of(row) for row in wrap(line, 9)] == ["one", "twothree", "four"]
    assert wrap(line, 9)[1] == (("two", ""), ("three", "bold"))


def test_a_hanging_indent_stands_before_the_lines_that_follow():
    rows = wrap((("alpha beta gamma", ""),), 9, first=(("- ", "dim"),))
    assert [text_of(row) for row in rows] == ["- alpha", "  beta", "  gamma"]


def test_an_empty_line_stays_one():
    assert wrap_text("a\n\nb", 10) == [(("a", ""),), (), (("b", ""),)]


def test_what_could_steer_a_terminal_is_taken_out():
    hostile = "a\x1b[31mred\x1b]52;c;aGk=\x07\x1b]0;title\x1b\\b\x9b2Jc\x07\x00\u202etxt\r"
    assert clean(hostile) == "aredbctxt"
    assert clean_lines("one\r\ntwo\x1b[2J\rthree\n") == ["one", "two", "three", ""]


@given(st.text(max_size=80))
def test_clean_text_holds_no_controls(text):
    assert not [char for char in clean(text) if unicodedata.category(char) == "Cc"]


def test_a_style_stands_under_the_spans_own():
    assert styled((("a", ""), ("b", "bold")), "muted") == (("a", "muted"), ("b", "muted bold"))

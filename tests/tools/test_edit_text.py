"""Exact-text replacement, against a plain model of it."""

from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pi.agent.tool import ToolError
from pi.tools.edit_text import Applied, Edit, Replacement, apply_edits, normalize


def apply(text: str, *edits: tuple[str, str]) -> str:
    return apply_edits(text, [Edit(old, new) for old, new in edits], "f").text


def error(text: str, *edits: tuple[str, str]) -> str:
    with pytest.raises(ToolError) as caught:
        apply(text, *edits)
    return str(caught.value)


def test_all_edits_match_the_original_text_in_any_order():
    assert apply("one two three", ("three", "one"), ("one", "three")) == "three two one"


def test_the_value_says_what_was_replaced_where():
    assert apply_edits("\ufeffa\r\nb", [Edit("b", "c")], "f") == Applied(
        "\ufeffa\r\nc", "a\nb", "a\nc", (Replacement(2, 3, "c"),)
    )


@pytest.mark.parametrize(
    ("text", "old", "new", "result"),
    [
        ("a\r\nb\r\nc\r\n", "a\nb", "1\n2\n3", "1\r\n2\r\n3\r\nc\r\n"),
        ("a\nb\r\nc\n", "b", "1\n2", "a\n1\r\n2\r\nc\n"),  # the line's own ending, others stay
        ("a\nb\r\nc\n", "a", "1\n2", "1\n2\nb\r\nc\n"),
        ("a\r\nb", "b", "1\n2", "a\r\n1\r\n2"),  # an unended last line takes the ending of the one before
        ("a\rb\rc", "b", "1\n2", "a\r1\r2\rc"),
        ("a\rb\nc", "c", "1\n2", "a\rb\n1\n2"),  # here the lone CR is a character
        ("a\r\nb\r\nc", "a\nb\n", "", "c"),
        ("x\ry\nz\n", "y\n", "\nw\n", "x\r\n\nw\nz\n"),  # CR and LF that meet stay two line ends
        ("a\nb", "a", "1\r\n2", "1\n2\nb"),
        ("\ufeffa\n", "a", "b", "\ufeffb\n"),
    ],
)
def test_line_endings_and_the_byte_order_mark_stay(text: str, old: str, new: str, result: str):
    assert apply(text, (old, new)) == result


@pytest.mark.parametrize(
    ("text", "old", "new", "result"),
    [
        ("say “hi” – it’s ok\nnext\n", 'say "hi" - it\'s ok', "replaced", "replaced\nnext\n"),
        ("a   \nb\t\nz  \n", "a\nb", "c", "c\nz  \n"),
        ("“x”  \n“y”\n“x”\n", '"y"', "z", "“x”  \nz\n“x”\n"),  # untouched lines keep their bytes
        ("a\u00a0b ﬁ\n", "a b fi", "c", "c\n"),
        ("a\n“b” c\n  ", '"b"', "d", "a\nd c\n  "),
        ("bad \udcff byte\nx\udcfe\n", "bad \ufffd", "good", "good byte\nx\udcfe\n"),
        ("“a” “b”\nc\n", '"a"', "1", '1 "b"\nc\n'),
    ],
)
def test_typography_and_blanks_at_line_ends_are_forgiven(text: str, old: str, new: str, result: str):
    assert apply(text, (old, new)) == result


def test_two_inexact_edits_of_one_line_both_count():
    assert apply("“a” and “b”\r\nend  \r\n", ('"a"', "1"), ('"b"', "2")) == "1 and 2\r\nend  \r\n"


def test_blanks_alone_can_be_replaced():
    assert apply("a\tb", ("\t", " ")) == "a b"


def test_errors_name_what_to_mend():
    assert error("a", ("b", "c")) == (
        "Could not find the exact text in f. "
        "The old text must match exactly including all whitespace and newlines."
    )
    assert error("a", ("a", "x"), ("b", "c")) == (
        "Could not find edits[1] in f. The oldText must match exactly including all whitespace and newlines."
    )
    assert error("a “a” a", ('"a"', "b"), ("a", "b")) == (
        "Found 3 occurrences of edits[1] in f. Each oldText must be unique. "
        "Please provide more context to make it unique."
    )
    assert error('“a” "a"', ('"a"', "b")) == (  # counted as inexact matching sees it
        "Found 2 occurrences of the text in f. The text must be unique. "
        "Please provide more context to make it unique."
    )
    assert error("a", ("", "b")) == "oldText must not be empty in f."
    assert error("a", ("a", "b"), ("", "b")) == "edits[1].oldText must not be empty in f."
    assert error("abc", ("bc", "x"), ("ab", "y")) == (
        "edits[1] and edits[0] overlap in f. Merge them into one edit or target disjoint regions."
    )
    assert error("a", ("a", "a")) == (
        "No changes made to f. The replacement produced identical content. "
        "This might indicate an issue with special characters or the text not existing as expected."
    )
    assert error("ab", ("a", "a"), ("b", "b")) == (
        "No changes made to f. The replacements produced identical content."
    )


@st.composite
def _texts_with_edits(draw: st.DrawFn) -> tuple[list[str], dict[int, str]]:
    lines = draw(st.lists(st.text("ab \t“é", max_size=6), min_size=1, max_size=12))
    numbered = [f"<{number}:{line}." for number, line in enumerate(lines)]
    return numbered, draw(
        st.dictionaries(st.integers(0, len(lines) - 1), st.text("xy\n", max_size=5), min_size=1)
    )


@given(_texts_with_edits(), st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["", "\ufeff"]))
def test_replacing_whole_lines_is_replacing_list_items(
    case: tuple[list[str], dict[int, str]], ending: str, bom: str
):
    lines, changes = case
    assume(len(lines) > 1)
    expected = [changes.get(index, line).replace("\n", ending) for index, line in enumerate(lines)]
    edits = [
        Edit(lines[index] + "\n", new + "\n") for index, new in changes.items() if index + 1 < len(lines)
    ]
    edits += [Edit(lines[index], new) for index, new in changes.items() if index + 1 == len(lines)]
    assert apply_edits(bom + ending.join(lines), edits, "f").text == bom + ending.join(expected)


@given(st.lists(st.sampled_from(["a", "b ", "“c”", "\t", "d"]), min_size=1), st.sampled_from(["\n", "\r\n"]))
def test_an_inexact_edit_leaves_every_other_line_as_it_is(lines: list[str], ending: str):
    text = ending.join(["“one”  and –", *lines, ""])
    assert apply(text, ('"one"  and -', "new")) == ending.join(["new", *lines, ""])


@given(st.text())
def test_normalising_keeps_the_number_of_lines(text: str):
    assert normalize(text).count("\n") == text.count("\n")


@given(st.text("ab\r\n", max_size=30), st.integers(0, 30), st.integers(1, 5), st.text("xy\n", max_size=4))
def test_the_written_text_has_the_lines_that_the_diff_shows(text: str, start: int, length: int, new: str):
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    old = plain[start : start + length]
    try:
        applied = apply_edits(text, [Edit(old, new)], "f")
    except ToolError:
        return
    at = plain.index(old)
    assert applied.after == plain[:at] + new + plain[at + len(old) :]
    assert applied.text.replace("\r\n", "\n").replace("\r", "\n") == applied.after


@st.composite
def _disjoint(draw: st.DrawFn) -> list[tuple[str, str | None]]:
    """Pieces of a text, each told apart by its number, with what replaces some of them."""
    count = draw(st.integers(1, 8))
    ending = st.sampled_from(["", "\n", "\n\n"])
    new = st.one_of(st.none(), st.text("xy\n", max_size=4))
    return [(f"<{at}{draw(ending)}{draw(st.text('ab“', max_size=3))}>", draw(new)) for at in range(count)]


@given(_disjoint(), st.sampled_from(["\n", "\r\n"]), st.randoms(use_true_random=False))
def test_edits_in_any_order_are_one_replacement_of_pieces(
    pieces: list[tuple[str, str | None]], ending: str, random: Random
):
    edits = [Edit(old, new) for old, new in pieces if new is not None]
    assume(edits)
    random.shuffle(edits)
    text = f"first{ending}" + "".join(old for old, _ in pieces).replace("\n", ending)
    wanted = f"first{ending}" + "".join(old if new is None else new for old, new in pieces).replace(
        "\n", ending
    )
    assert apply_edits(text, edits, "f").text == wanted

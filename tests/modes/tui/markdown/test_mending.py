"""What the end of a text that is still being written is shown as."""

import pytest

from pi.modes.tui.lines import text_of
from pi.modes.tui.markdown.streaming import MarkdownStream


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("a **bo", [(("a ", ""), ("bo", "bold"))]),
        ("a **", [(("a", ""),)]),
        ("a `co de", [(("a ", ""), ("co de", "mdCode"))]),
        ("**a *b* c", [(("a ", "bold"), ("b", "bold italic"), (" c", "bold"))]),
        ("a [b](htt", [(("a ", ""), ("b", "mdLink underline"))]),
        ("2 * 3", [(("2 * 3", ""),)]),
        ("a\n-", [(("a", ""),)]),
        ("a\n``", [(("a", ""),)]),
        (
            "```py\nx = 1\ny",
            [
                (("```py", "mdCodeBlockBorder"),),
                (
                    ("  ", ""),
                    ("x", "syntaxVariable"),
                    (" ", "mdCodeBlock"),
                    ("=", "syntaxOperator"),
                    (" ", "mdCodeBlock"),
                    ("1", "syntaxNumber"),
                ),
                (("  ", ""), ("y", "mdCodeBlock")),
            ],
        ),
    ],
)
def test_half_open_marks_show_as_what_they_will_be(source, lines):
    stream = MarkdownStream()
    stream.feed(source)
    assert stream.lines(40) == lines


@pytest.mark.parametrize("source", ["| a | b", "| a | b |\n|--", "| a | b |\n|---|---"])
def test_a_table_is_one_from_its_first_row_on(source):
    stream = MarkdownStream()
    stream.feed(source)
    assert [text_of(line) for line in stream.lines(40)] == ["┌───┬───┐", "│ a │ b │", "└───┴───┘"]

"""Whole documents of Markdown as lines."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pi.modes.tui.lines import text_of, width_of
from pi.modes.tui.markdown.render import markdown


def shown(source, width=60):
    return [text_of(line).rstrip() for line in markdown(source, width)]


def test_only_deeper_headings_show_their_marks():
    assert markdown("# One\n## Two\n### Three", 40) == [
        (("One", "mdHeading bold underline"),),
        (),
        (("Two", "mdHeading bold"),),
        (),
        (("### ", "mdHeading bold"), ("Three", "mdHeading bold")),
    ]


def test_marks_within_text_become_styles():
    assert markdown("a **b *c*** ~~d~~ `e` \\*f\\* ~g~", 60) == [
        (
            ("a ", ""),
            ("b ", "bold"),
            ("c", "bold italic"),
            (" ", ""),
            ("d", "strike"),
            (" ", ""),
            ("e", "mdCode"),
            (" *f* ~g~", ""),
        )
    ]


def test_a_link_shows_where_it_goes_unless_its_text_says_so():
    link = "mdLink underline link:https://x.org/a_b"
    assert markdown("[t](https://x.org/a_b) <https://x.org/a_b>, https://x.org/a_b.", 99) == [
        (
            ("t", link),
            (" (https://x.org/a_b)", "mdLinkUrl"),
            (" ", ""),
            ("https://x.org/a_b", link),
            (", ", ""),
            ("https://x.org/a_b", link),
            (".", ""),
        )
    ]


def test_only_addresses_that_are_safe_to_open_can_be_clicked():
    assert markdown("[t](javascript:alert) [m](mailto:a@b.c) [f](file:///a%20b)", 99) == [
        (
            ("t", "mdLink underline"),
            (" (javascript:alert)", "mdLinkUrl"),
            (" ", ""),
            ("m", "mdLink underline link:mailto:a@b.c"),
            (" (mailto:a@b.c)", "mdLinkUrl"),
            (" ", ""),
            ("f", "mdLink underline link:file:///a%20b"),
            (" (file:///a%20b)", "mdLinkUrl"),
        )
    ]


def test_lists_hang_and_nest():
    source = "- one two three four\n  1. in\n- [x] done\n\n9. nine\n10. ten"
    assert shown(source, 16) == [
        "• one two three",
        "  four",
        "  1. in",
        "[x] done",
        "",
        "9. nine",
        "10. ten",
    ]


def test_items_stand_apart_only_where_the_author_has_set_them_apart():
    assert shown("Text:\n- a\n- b\n\n- c") == ["Text:", "• a", "• b", "", "• c"]


def test_a_quote_has_a_bar_and_its_own_colour():
    assert markdown("> a\n> - b", 40) == [
        (("│ ", "mdQuoteBorder"), ("a", "mdQuote italic")),
        (("│ ", "mdQuoteBorder"), ("• ", "mdQuote italic mdListBullet"), ("b", "mdQuote italic")),
    ]


def test_code_keeps_its_fences_its_indent_and_its_colours():
    assert markdown('```python\nx = "a"\n```', 40) == [
        (("```python", "mdCodeBlockBorder"),),
        (
            ("  ", ""),
            ("x", "syntaxVariable"),
            (" ", "mdCodeBlock"),
            ("=", "syntaxOperator"),
            (" ", "mdCodeBlock"),
            ('"a"', "syntaxString"),
        ),
        (("```", "mdCodeBlockBorder"),),
    ]


def test_code_can_stay_uncoloured_and_be_indented_otherwise():
    assert markdown("```python\nx = 1\n```", 40, indent="", highlight=False)[1] == (("x = 1", "mdCodeBlock"),)


def test_mermaid_is_shown_as_code():
    assert shown("```mermaid\ngraph TD\n  A --> B\n```") == ["```mermaid", "  graph TD", "    A --> B", "```"]


def test_a_table_is_drawn_and_aligned():
    assert shown("| a | b |\n|---|--:|\n| x | 12 |\n| long | 3 |") == [
        "┌──────┬────┐",
        "│ a    │  b │",
        "├──────┼────┤",
        "│ x    │ 12 │",
        "│ long │  3 │",
        "└──────┴────┘",
    ]


def test_a_wide_table_breaks_its_cells():
    assert shown("| a | b |\n|---|---|\n| x | one two three four |\n| y | z |", 22) == [
        "┌───┬────────────────┐",
        "│ a │ b              │",
        "├───┼────────────────┤",
        "│ x │ one two three  │",
        "│   │ four           │",
        "├───┼────────────────┤",
        "│ y │ z              │",
        "└───┴────────────────┘",
    ]


def test_a_table_without_room_becomes_rows_of_names_and_values():
    source = "| first | second | third |\n|---|---|---|\n| aaaaaaa | bbbbbbb | ccccccc |"
    assert shown(source, 20) == ["first: aaaaaaa", "second: bbbbbbb", "third: ccccccc"]


def test_comments_are_hidden_and_other_html_is_shown():
    assert shown("a <!-- x --><b>c</b><br>d\n\n<!-- y\n\nz -->\n\n<div>\ne\n</div>") == [
        "a <b>c</b>",
        "d",
        "",
        "<div>",
        "e",
        "</div>",
    ]


def test_line_breaks_of_the_author_stay():
    assert shown("a\nb  \nc\\\nd") == ["a", "b", "c", "d"]


def test_formulas_become_unicode_and_money_stays_money():
    source = "$\\alpha \\to x^2$, \\(a_{10} \\leq \\frac{1}{n}\\), $5 or $10, $HOME_DIR/$PATH"
    source += "\n\n$$\n\\sum_{i=0}^n i\n$$"
    assert shown(source, 80) == ["α → x², a₁₀ ≤ 1/n, $5 or $10, $HOME_DIR/$PATH", "", "∑ᵢ₌₀ⁿ i"]


def test_a_style_is_under_everything():
    assert markdown("a `b`", 40, style="italic thinkingText") == [
        (("a ", "italic thinkingText"), ("b", "italic thinkingText mdCode"))
    ]


def test_nothing_foreign_steers_the_terminal():
    source = (
        "a\x1b[31mb `c\x07` [d\u202e](http://e\x1b]8;;x\x07)\n\n```x\x1b[2J\n\x1b[1mf\x9b1m\n```\n<b\x1b>\n"
    )
    text = "".join(text + style for line in markdown(source, 40) for text, style in line)
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text)


HOSTILE = [
    "[" * 3000,
    "![[" * 1500,
    "*a **b " * 1500,
    "`" * 3000,
    "> " * 300 + "a",
    "$a_ " * 2000,
    "<!--" * 2000,
]


def test_endless_text_is_shown_in_pieces():
    for source in [*HOSTILE, "a " * 10000 + "**b**", "x" * 20000 + "`"]:
        assert all(width_of(line) <= 40 for line in markdown(source, 40))
    assert shown("> " * 300 + "deep") == ["│ " * 24 + "deep"]
    assert "".join(text_of(line) for line in markdown("word *x* " * 2000, 40)).count("x") == 2000


WORDS = [
    "a",
    "漢字",
    "long-word ",
    "`c`",
    "**b**",
    "- ",
    "1. ",
    "> ",
    "| x | y |\n|---|---|\n",
    "```\n",
    "\n",
    "\n\n",
    "    ",
]


@given(st.lists(st.sampled_from(WORDS), max_size=40).map("".join), st.integers(4, 60))
@settings(deadline=None)
def test_no_line_is_wider_than_asked(source, width):
    assert all(width_of(line) <= width for line in markdown(source, width))

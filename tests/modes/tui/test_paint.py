"""Styles become what the terminal can show: colours, fewer of them, or none; and letters it has."""

from typing import Any

from pi.modes.tui.lines import Line
from pi.modes.tui.paint import Painter
from pi.modes.tui.theme.themes import Theme

THEME = Theme("t", "dark", {"accent": "#102030", "dim": "", "selectedBg": "", "box": 4})


def painted(painter: Painter, line: Line, fill: str = "", width: int = 4) -> list[tuple[str, str]]:
    return [(text, str(style)) for text, style, _ in painter.strip(line, fill, width)]


def test_a_row_is_filled_and_never_too_wide() -> None:
    painter = Painter(THEME, "truecolor")
    assert painted(painter, (("ab", "accent bold"),), "on:box") == [
        ("ab", "bold #102030 on color(4)"),
        ("  ", "on color(4)"),
    ]
    assert painted(painter, (("abcdef", ""),)) == [("abcd", "none")]


def test_words_that_nobody_knows_mean_nothing() -> None:
    assert painted(Painter(THEME, "truecolor"), (("abcd", "nonsense on:nothing"),)) == [("abcd", "none")]


def test_where_a_colour_is_unknown_things_stand_back_or_out() -> None:
    line: Line = (("ab", "dim"), ("cd", "on:selectedBg"))
    assert painted(Painter(THEME, "truecolor"), line) == [("ab", "dim"), ("cd", "reverse")]


def test_without_colour_there_are_attributes_alone() -> None:
    line: Line = (("a", "accent bold"), ("b", "border"), ("c", "on:box"), ("d", "on:selectedBg"))
    assert painted(Painter(THEME, "none"), line, "on:box") == [
        ("a", "bold"),
        ("b", "dim"),
        ("c", "none"),
        ("d", "reverse"),
    ]


def test_links_are_there_where_the_terminal_knows_them() -> None:
    line: Line = (("here", "link:https://example.com"),)

    def link(**options: Any) -> str | None:
        (segment,) = Painter(THEME, "truecolor", **options).strip(line, "", 4)
        return segment.style.link if segment.style else None

    assert (link(links=True), link()) == ("https://example.com", None)


def test_signs_become_ascii_of_the_same_width() -> None:
    line: Line = (("─│┌┐ → ✓ • … ┃ “a”", ""),)
    assert painted(Painter(THEME, "none", unicode=False), line, width=18) == [('-|++ > + * ~ | "a"', "none")]

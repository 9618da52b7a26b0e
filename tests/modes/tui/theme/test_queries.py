"""The terminal's answers are found, and nothing else is touched."""

from pathlib import Path

import pytest

from pi.harness.settings import Settings
from pi.modes.tui.theme.queries import QUERY_COLORS, Answer, AnswerParser, parse_color
from pi.modes.tui.theme.sources import Sources
from pi.modes.tui.theme.themes import Themes


def test_all_colours_are_asked_for():
    assert [part.removesuffix("\x1b\\") for part in QUERY_COLORS.split("\x1b]")[1:]] == [
        *("10;?", "11;?"),
        *(f"4;{n};?" for n in range(16)),
    ]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("rgb:ffff/8080/0000", "#ff8000"),
        ("rgb:ff/80/00", "#ff8000"),
        ("rgb:f/8/0", "#ff8800"),
        ("rgba:ffff/8080/0000/ffff", "#ff8000"),
        ("#FF8000", "#ff8000"),
        ("?", None),
    ],
)
def test_colours_are_read_as_terminals_write_them(said: str, meant: str | None):
    assert parse_color(said) == meant


STREAM = (
    "a\x1b]10;rgb:ffff/ffff/ffff\x07b\x1b]11;rgb:0000/0000/0000\x1b\\\x1b[A"
    "\x1b]4;1;rgb:cd/00/00\x1b\\\x1b[?997;1n\x1b[?2026;2$y\x1b]52;c;aGk=\x07ü"
)
REST = "ab\x1b[A\x1b[?2026;2$y\x1b]52;c;aGk=\x07ü"
WHOLE = Answer("#ffffff", "#000000", {1: "#cd0000"}, "dark")


def test_answers_are_taken_out_of_the_keys():
    assert AnswerParser().feed(STREAM) == ([WHOLE], REST)


@pytest.mark.parametrize("at", range(1, len(STREAM)))
def test_answers_may_be_split_anywhere(at: int):
    parser = AnswerParser()
    first, begin = parser.feed(STREAM[:at])
    second, end = parser.feed(STREAM[at:])
    found = [*first, *second]
    assert [each for answer in found for each in said_in(answer)] == said_in(WHOLE)
    # an ESC that could have been a key has gone on as one before the rest of its answer came
    assert REST in [begin.removesuffix(key) + end for key in ("", "\x1b", "\x1b]", "\x1b[")]


def said_in(answer: Answer) -> list[object]:
    """What an answer says, in the order of the stream."""
    said = (answer.foreground, answer.background, answer.palette, answer.appearance)
    return [each for each in said if each]


@pytest.mark.parametrize("key", ["\x1b", "\x1b]", "\x1b[", "\x1b[A", "x", "\x1b[<0;1;1M"])
def test_keys_dont_wait(key: str):
    assert AnswerParser().feed(key) == ([], key)


def test_an_answer_changes_the_theme(tmp_path: Path):
    themes = Themes(Sources(tmp_path, Settings()), env={})
    assert Answer(background="#ffffff").tell(themes)
    assert not Answer(background="#ffffff").tell(themes)
    assert themes.current.appearance == "light"

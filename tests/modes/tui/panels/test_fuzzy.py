"""Fuzzy search finds what people mean, quickly."""

from pi.modes.tui.panels.fuzzy import match, rank


def test_all_words_of_the_query_must_match() -> None:
    rows = ["claude-opus anthropic", "claude-opus bedrock", "gpt-5 openai"]
    assert rank("opus anthropic", rows) == ["claude-opus anthropic"]
    assert rank("opus openai", rows) == []
    assert rank("  ", rows) == rows


def test_letters_match_in_their_order_whatever_their_case() -> None:
    rows = ["claude-sonnet-4-5", "gpt-5", "gemini-pro"]
    assert rank("CSN", rows) == ["claude-sonnet-4-5"]
    assert rank("gp", rows) == ["gpt-5", "gemini-pro"]
    assert match("nsc", "claude-sonnet-4-5") is None


def test_what_stands_together_and_begins_a_word_comes_first() -> None:
    rows = ["scope opening", "octopus", "o-p-u-s", "claude opus extra", "opus"]
    assert rank("opus", rows) == ["opus", "claude opus extra", "octopus", "o-p-u-s"]


def test_rows_that_match_alike_stay_in_their_order() -> None:
    assert rank("a", ["a1", "a2", "a3"]) == ["a1", "a2", "a3"]


def test_letters_strewn_over_a_long_text_are_no_match() -> None:
    assert match("zebra", "z" + "." * 50 + "e" + "." * 50 + "bra") is None
    assert match("cd", "c" * 10 + "." * 100 + "c.d") is not None

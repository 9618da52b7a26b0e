"""Fuzzy search: the letters of each word in their order, and how well they stand together."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

_TOGETHER = 100.0  # a word that stands in the text as it was typed is better than all scattered ones
_AT_START = 40.0
_WHOLE = 20.0
_NEIGHBOUR = 8.0
_START_OF_WORD = 10.0
_MOST_GAPS = 16  # letters between those of a word; farther apart they have nothing to do with each other


def match(query: str, text: str) -> float | None:
    """How well the text matches, more is better; None when a word of the query isn't in it."""
    return _match(query.casefold().split(), text)


def rank(query: str, rows: Sequence[T], text: Callable[[T], str] = str) -> list[T]:
    """The rows that match, the best first; those that match as well stay in their order."""
    words = query.casefold().split()
    if not words:
        return list(rows)
    found = [(score, row) for row in rows if (score := _match(words, text(row))) is not None]
    found.sort(key=lambda each: each[0], reverse=True)
    return [row for _, row in found]


def _match(words: Sequence[str], text: str) -> float | None:
    folded = text.casefold()
    total = 0.0
    for word in words:
        score = _word(word, folded)
        if score is None:
            return None
        total += score
    return total - min(len(folded), 200) / 100  # of two that match alike, the shorter one


def _word(word: str, text: str) -> float | None:
    at = text.find(word)
    if at < 0:
        return _scattered(word, text)
    best = _together(word, text, at)
    if best < _TOGETHER + _AT_START and (start := _start_of(word, text, at)) >= 0:
        best = _together(word, text, start)
    return best


def _start_of(word: str, text: str, at: int) -> int:
    """Where the word begins a word of the text, from `at` on."""
    while at >= 0 and not _begins(text, at):
        at = text.find(word, at + 1)
    return at


def _together(word: str, text: str, at: int) -> float:
    score = _TOGETHER - min(at, 50) / 10
    if _begins(text, at):
        score += _AT_START
        end = at + len(word)
        if end == len(text) or not text[end].isalnum():
            score += _WHOLE
    return score


def _scattered(word: str, text: str) -> float | None:
    end = -1
    for char in word:
        end = text.find(char, end + 1)
        if end < 0:
            return None
    places = [end]
    for char in reversed(word[:-1]):  # back from the end: as near as they can be
        places.append(text.rfind(char, 0, places[-1]))
    places.reverse()
    gaps = end - places[0] + 1 - len(word)
    if gaps > _MOST_GAPS + 2 * len(word):
        return None
    score = -float(gaps)
    before = -2
    for place in places:
        score += _NEIGHBOUR if place == before + 1 else 0.0
        score += _START_OF_WORD if _begins(text, place) else 0.0
        before = place
    return min(score, _TOGETHER - 10)


def _begins(text: str, at: int) -> bool:
    return at == 0 or not text[at - 1].isalnum()

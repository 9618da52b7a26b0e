"""Searching sessions: fuzzy words, "quoted phrases", or `re:` and a regular expression."""

import re
import subprocess
import sys
from collections.abc import Sequence

from msgspec import Struct

from pi.harness.storage.scan import SessionRow, spoken_text
from pi.platform.errors import PiError

REGEX_SECONDS = 5.0

# A regular expression can run for years, and Python can't stop one: it runs where it can be killed.
_REGEX_SCRIPT = r"""
import re, sys
pattern, *texts = sys.stdin.buffer.read().decode("utf-8", "surrogatepass").split("\0")
try:
    find = re.compile(pattern, re.IGNORECASE).search
except (re.error, OverflowError, RecursionError) as error:
    print("!", str(error) or "too large")
else:
    print("=", *(found.start() if (found := find(text)) else -1 for text in texts))
"""


class SearchError(PiError):
    """A query that can't be understood, or a regular expression that takes too long."""


class Term(Struct, frozen=True):
    """A word or phrase, in lower case; a phrase must be there as it is."""

    text: str
    phrase: bool


class Query(Struct, frozen=True):
    """What is searched for: terms that must all be found, or a regular expression."""

    terms: tuple[Term, ...] = ()
    regex: str | None = None


def parse_query(text: str) -> Query:
    """The query that a user typed; without a closing quote, quotes mean nothing. Raises SearchError."""
    text = text.strip()
    if text.startswith("re:"):
        pattern = text.removeprefix("re:").strip()
        if not pattern:
            raise SearchError("There is no regular expression behind re:. Write, for example: re:fix(ed|es)")
        return Query(regex=pattern)
    if text.count('"') % 2:
        return Query(tuple(Term(word.lower(), False) for word in text.split()))
    terms: list[Term] = []
    for number, part in enumerate(text.split('"')):
        if number % 2 == 0:
            terms += [Term(word.lower(), False) for word in part.split()]
        elif phrase := _normal(part):
            terms.append(Term(phrase, True))
    return Query(tuple(terms))


def search(
    query: Query, rows: Sequence[SessionRow], *, seconds: float = REGEX_SECONDS
) -> list[tuple[int, SessionRow]]:
    """The rows that match, in their order, each with its rank: the lower, the better.

    Names, first messages, ids, folders and all that was said are searched. Words that are nowhere as they
    are may have gaps, but only in a word of the first message, name or folder. `seconds` bound a regular
    expression. Raises SearchError.
    """
    if query.regex is None:
        ranks = [_rank(query.terms, row) for row in rows]
    else:
        texts = (f"{_head(row)}\n{spoken_text(row.path)}" for row in rows)
        ranks = _find_regex(query.regex, [text.replace("\0", " ") for text in texts], seconds)
    return [(rank, row) for rank, row in zip(ranks, rows, strict=True) if rank >= 0]


def _rank(terms: Sequence[Term], row: SessionRow) -> int:
    """How far behind its terms stand; -1 when one is nowhere. Only what the head lacks is read."""
    head = _normal(_head(row))
    words = re.findall(r"\w+", _normal(f"{row.name or ''} {row.first_message} {row.cwd}"))
    rank = 0
    missing: list[Term] = []
    for term in terms:
        at = head.find(term.text)
        if at >= 0:
            rank += at
        elif not term.phrase and any(_has_in_order(word, term.text) for word in words):
            rank += len(head)
        else:
            missing.append(term)
    if not missing:
        return rank
    needles = [
        word.encode() for term in missing for word in term.text.split() if re.fullmatch("[a-z0-9_-]+", word)
    ]
    said = _normal(spoken_text(row.path, needles))
    if not all(term.text in said for term in missing):
        return -1
    return rank + 2 * len(head) * len(missing)


def _head(row: SessionRow) -> str:
    return f"{row.name or ''} {row.first_message} {row.id} {row.cwd}".strip()


def _normal(text: str) -> str:
    return " ".join(text.lower().split())


def _has_in_order(word: str, letters: str) -> bool:
    """Whether the word begins like `letters` and has them all in their order, as `parser` has `prsr`."""
    rest = iter(word)
    return word[0] == letters[0] and all(letter in rest for letter in letters)


def _find_regex(pattern: str, texts: Sequence[str], seconds: float) -> list[int]:
    """Where the pattern begins in each text, -1 where it isn't."""
    if "\0" in pattern:
        raise SearchError("A regular expression can't hold a NUL; write \\0.")
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-W", "ignore", "-c", _REGEX_SCRIPT],
            input="\0".join((pattern, *texts)).encode("utf-8", "surrogatepass"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SearchError(
            f"re:{pattern} takes longer than {seconds:g} seconds. Make it simpler: a repeat inside a repeat, "
            "such as (a+)+, is what takes so long."
        ) from None
    answer = done.stdout.decode("utf-8", "replace").strip()
    if not answer.startswith("="):
        why = answer.removeprefix("!").strip() or f"the search ended with code {done.returncode}"
        raise SearchError(f"re:{pattern} is no regular expression: {why}. Mend it, or search for words.")
    return [int(at) for at in answer.split()[1:]]

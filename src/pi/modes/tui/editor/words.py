"""The word before the cursor that a completion replaces, and how a path is written as one."""

import re

# Paths end at white space and at the punctuation of Chinese and Japanese, which has no spaces around it.
_ENDS = re.compile(r"[\s\"'=\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]")
_NEEDS_QUOTES = re.compile(r"[\s\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]")


def last_word(before: str) -> str:
    """What follows the last sign that ends a word."""
    start = max((match.end() for match in _ENDS.finditer(before)), default=0)
    return before[start:]


def last_path(before: str) -> str:
    """As `last_word`, or from an open quote on, with the @ before it."""
    if before.count('"') % 2 == 0:
        return last_word(before)
    start = before.rfind('"')
    if start > 0 and before[start - 1] == "@":
        start -= 1
    begins = start == 0 or _ENDS.fullmatch(before[start - 1]) is not None
    return before[start:] if begins else last_word(before)


def unquoted(word: str) -> str:
    """The path that a word means, without @ and quote."""
    return word.removeprefix("@").removeprefix('"')


def quoted(path: str, word: str) -> str:
    """A path in the way in which `word` has begun: with @, and in quotes if they are needed."""
    at = "@" if word.startswith("@") else ""
    in_quotes = word.startswith((f'{at}"',)) or _NEEDS_QUOTES.search(path) is not None
    return f'{at}"{path}"' if in_quotes else f"{at}{path}"

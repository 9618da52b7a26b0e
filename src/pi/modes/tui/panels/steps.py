"""Where the characters and words of a text begin and end."""

import unicodedata


def before(text: str, at: int) -> int:
    """Where the character before `at` begins, with what is combined with it."""
    at = max(0, at - 1)
    while at > 0 and (_joins(text[at]) or text[at - 1] == "\u200d"):
        at -= 1
    return at


def after(text: str, at: int) -> int:
    """Where the character at `at` ends, with what is combined with it."""
    at = min(len(text), at + 1)
    while at < len(text) and (_joins(text[at]) or text[at - 1] == "\u200d"):
        at += 1
    return at


def word_before(text: str, at: int) -> int:
    """Where the word before `at` begins; signs are words of their own."""
    while at > 0 and text[at - 1].isspace():
        at -= 1
    if at > 0:
        kind = _kind(text[at - 1])
        while at > 0 and _kind(text[at - 1]) == kind:
            at -= 1
    return at


def word_after(text: str, at: int) -> int:
    """Where the word behind `at` ends."""
    while at < len(text) and text[at].isspace():
        at += 1
    if at < len(text):
        kind = _kind(text[at])
        while at < len(text) and _kind(text[at]) == kind:
            at += 1
    return at


def _joins(char: str) -> bool:
    return char > "\u02ff" and (
        unicodedata.combining(char) != 0
        or char in "\u200d\ufe0e\ufe0f"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
    )


def _kind(char: str) -> int:
    if char.isspace():
        return 0
    return 1 if char.isalnum() or char == "_" or _joins(char) else 2

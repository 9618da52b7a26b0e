"""What comes into the editor: cleaned, and long pastes as one short marker that stands for them."""

import re

from pi.modes.tui.lines import clean_lines
from pi.modes.tui.panels import steps

MOST_LINES = 10
MOST_CHARS = 1000
_TAB = "    "
_MARKER = re.compile(r"\[paste #\d+ (?:\+\d+ lines|\d+ chars)\]")
_SURROGATES = re.compile("[\ud800-\udfff]")
# Some terminals write control characters within a paste as keys: newline comes as "ESC[106;5u".
_CONTROL_KEY = re.compile(r"\x1b\[(\d{2,3});5u")

Extent = tuple[int, int]  # where a marker begins and ends in its line


def tidy(text: str) -> str:
    """Foreign text as the editor keeps it: plain newlines, spaces for tabs, nothing to steer a terminal."""
    if text.isprintable():
        return text
    text = _CONTROL_KEY.sub(_control, text).replace("\t", _TAB)
    return _SURROGATES.sub("\ufffd", "\n".join(clean_lines(text)))


def _control(match: re.Match[str]) -> str:
    letter = chr(int(match[1]))
    return chr(ord(letter.lower()) - 96) if letter.isascii() and letter.isalpha() else match[0]


class Pastes:
    """The long pastes of a prompt, by the markers that stand for them."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def shorten(self, text: str) -> str:
        """The text, or the marker for it when it is long."""
        lines = text.count("\n") + 1
        if lines <= MOST_LINES and len(text) <= MOST_CHARS:
            return text
        size = f"+{lines} lines" if lines > MOST_LINES else f"{len(text)} chars"
        marker = f"[paste #{len(self._texts) + 1} {size}]"
        self._texts[marker] = text
        return marker

    def expand(self, text: str) -> str:
        """The text with what its markers stand for."""
        return _MARKER.sub(lambda match: self._texts.get(match[0], match[0]), text) if self._texts else text

    def extents(self, line: str) -> list[Extent]:
        """Where markers stand in a line."""
        if not self._texts or "[paste #" not in line:
            return []
        return [match.span() for match in _MARKER.finditer(line) if match[0] in self._texts]

    def clear(self) -> None:
        """Forget all of them."""
        self._texts.clear()


def before(line: str, at: int, markers: list[Extent]) -> int:
    """Where the character or marker before `at` begins."""
    for start, end in markers:
        if start < at <= end:
            return start
    return steps.before(line, at)


def after(line: str, at: int, markers: list[Extent]) -> int:
    """Where the character or marker at `at` ends."""
    for start, end in markers:
        if start <= at < end:
            return end
    return steps.after(line, at)


def word_before(line: str, at: int, markers: list[Extent]) -> int:
    """Where the word or marker before `at` begins."""
    word_end = len(line[:at].rstrip())
    for start, end in markers:
        if start < word_end <= end:
            return start
    least = max((end for _, end in markers if end < word_end), default=0)
    return max(least, steps.word_before(line, at))


def word_after(line: str, at: int, markers: list[Extent]) -> int:
    """Where the word or marker behind `at` ends."""
    word_start = len(line) - len(line[at:].lstrip())
    for start, end in markers:
        if start <= word_start < end:
            return end
    most = min((start for start, _ in markers if start > word_start), default=len(line))
    return min(most, steps.word_after(line, at))

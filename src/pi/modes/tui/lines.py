"""Styled lines: what everything on the screen is made of before a theme gives it colours."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from rich.cells import cell_len

# A text and its style: words separated by spaces. A word is the name of a theme colour ("accent"), "on:NAME"
# for its background, "fg:#rrggbb", "on:#rrggbb", "bold", "italic", "underline", "faint", "strike", "reverse",
# or "link:URL".
Span = tuple[str, str]
Line = tuple[Span, ...]

EMPTY: Line = ()
# What could steer a terminal or turn the direction of what follows: C0, C1, bidi marks, separators of lines;
# and halves of characters, which can't be written.
_HOSTILE = re.compile(
    "[\ud800-\udfff\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\|$)|[PX^_][^\x1b]*(?:\x1b\\|$)|[ -/]*[0-~])"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)


def clean(text: str) -> str:
    """One line of foreign text without what could steer a terminal; tabs become three spaces."""
    if text.isprintable():
        return text
    if "\x1b" in text or "\x9b" in text:
        text = _ESCAPES.sub("", text)
    return _HOSTILE.sub("", text.replace("\t", "   "))


def clean_lines(text: str) -> list[str]:
    """Foreign text as lines that can be shown."""
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    return [clean(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]


_wide = lru_cache(4096)(cell_len)
_MOST_KEPT = 200  # characters of a text whose width is remembered


def cells(text: str) -> int:
    """How many terminal cells a text takes."""
    if text.isascii():
        return len(text)
    return _wide(text) if len(text) <= _MOST_KEPT else cell_len(text)


def width_of(line: Line) -> int:
    """How many terminal cells a line takes."""
    return sum([len(text) if text.isascii() else cells(text) for text, _ in line])


def text_of(line: Line) -> str:
    """A line without its styles."""
    return "".join([text for text, _ in line])


def styled(line: Line, style: str) -> Line:
    """The line with a style under its own: what a span says itself wins."""
    return tuple((text, f"{style} {own}" if own else style) for text, own in line)


def cut(text: str, width: int) -> tuple[str, str]:
    """What fits into `width` cells, and the rest; never half of a wide character."""
    if text.isascii():
        return text[:width], text[width:]
    taken = 0
    for index, char in enumerate(text):
        taken += _wide(char)
        if taken > width:
            return text[:index], text[index:]
    return text, ""


def clip(line: Line, width: int, ellipsis: str = "…") -> Line:
    """The line in at most `width` cells; what was cut off is an ellipsis."""
    if width_of(line) <= width:
        return line
    room = max(0, width - cells(ellipsis))
    out: list[Span] = []
    for text, style in line:
        size = cells(text)
        if size <= room:
            out.append((text, style))
            room -= size
            continue
        head, _ = cut(text, room)
        out.append((head + ellipsis, style) if width > 0 else ("", style))
        break
    return tuple(out)


def pad(line: Line, width: int, style: str = "") -> Line:
    """The line filled up with spaces to `width` cells."""
    missing = width - width_of(line)
    return (*line, (" " * missing, style)) if missing > 0 else line


_PIECES = re.compile(r"\s+|\S+")


def wrap(line: Line, width: int, *, first: Line = EMPTY, rest: Line | None = None) -> list[Line]:
    """The line broken between words into lines of at most `width` cells, longer words within.

    `first` stands before the first of them and `rest` before the others (`first` by default: as spaces).
    """
    if rest is None:
        rest = ((" " * width_of(first), ""),) if first else EMPTY
    width = max(width, 1)
    if width_of(first) + width_of(line) <= width:
        return [(*first, *line)]
    rows = _Rows(width, first, rest)
    word: list[Span] = []
    for text, style in line:
        for piece in _PIECES.findall(text):
            if piece.isspace():
                rows.word(word)
                rows.space(piece, style)
                word = []
            else:
                word.append((piece, style))  # a word may go on in the next span
    rows.word(word)
    return rows.all()


class _Rows:
    """Lines that are being filled word by word; spaces count only when a word follows on the same line."""

    def __init__(self, width: int, first: Line, rest: Line):
        self._width = width
        self._rest = rest
        self._out: list[Line] = []
        self._spaces: list[Span] = []
        self._begin(first)

    def space(self, text: str, style: str) -> None:
        self._spaces.append((text, style))

    def word(self, spans: list[Span]) -> None:
        if not spans:
            return
        size, spaces = width_of(tuple(spans)), width_of(tuple(self._spaces))
        if self._at + spaces + size > self._width:
            if self._at > self._begun and (
                size <= self._width - self._begun or self._at + spaces >= self._width
            ):
                self._break()
            elif spaces >= self._width - self._at:
                self._spaces = []
        for text, style in (*self._spaces, *spans):
            self._put(text, style)
        self._spaces = []

    def all(self) -> list[Line]:
        if len(self._row) > self._fixed or not self._out:
            self._out.append(_joined(self._row))
        return self._out

    def _put(self, text: str, style: str) -> None:
        while text:
            head, text = cut(text, self._width - self._at)
            if not head and self._at == self._begun:  # wider than a whole line
                head, text = text[0], text[1:]
            self._row.append((head, style))
            self._at += cells(head)
            if text:
                self._break()

    def _break(self) -> None:
        self._out.append(_joined(self._row))
        self._spaces = []
        self._begin(self._rest)

    def _begin(self, before: Line) -> None:
        self._row: list[Span] = list(before)
        self._fixed = len(before)
        self._at = self._begun = width_of(before)


def wrap_text(text: str, width: int, style: str = "") -> list[Line]:
    """Clean text of several lines, each broken at `width`; an empty line stays one."""
    out: list[Line] = []
    for line in text.split("\n"):
        out += wrap(((line, style),), width) if line else [EMPTY]
    return out


def beside(lines: Iterable[Line], before: Line) -> list[Line]:
    """Each line behind `before`."""
    return [(*before, *line) for line in lines]


def _joined(line: Sequence[Span]) -> Line:
    """Neighbours of the same style become one span: fewer of them are quicker to paint."""
    out: list[Span] = []
    for text, style in line:
        if out and out[-1][1] == style:
            out[-1] = (out[-1][0] + text, style)
        else:
            out.append((text, style))
    return tuple(out)

"""What stands within a paragraph, a heading or a cell, as styled text not yet broken at a width."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from pi.modes.tui.lines import Line, Span, clean
from pi.modes.tui.markdown.latex import unicode_math
from pi.modes.tui.markdown.parsing import References, inlines

if TYPE_CHECKING:
    from markdown_it.token import Token

_SPECIAL = re.compile(r"[\\`*_\[<&~$]|https?://|  \n")
_URL = re.compile(r"https?://[^\s<>\"`]+")
_LINKS = ("http://", "https://", "mailto:", "file:")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_PIECE = 3_000  # characters; links and emphasis don't reach over the end of a piece
_MOST_URL = 300  # shown characters of an address: data: has many
_MARKS = {"em_open": "italic", "strong_open": "bold", "s_open": "strike"}


def rows_of(content: str, references: References) -> tuple[Line, ...]:
    """The lines that the author has made."""
    if not _SPECIAL.search(content):
        return tuple([((clean(row.strip()), ""),) for row in content.split("\n")])
    out: list[Line] = []
    for piece, goes_on in _pieces(content):
        rows = _build(piece, references) if references else _cached(piece)
        if goes_on:
            out[-1] = (*out[-1], (" ", ""), *rows[0])
            rows = rows[1:]
        out += rows
    return tuple(out)


def row_of(content: str, references: References) -> Line:
    """All of it in one line."""
    first, *more = rows_of(content, references)
    out = list(first)
    for row in more:
        out += [(" ", ""), *row]
    return tuple(out)


def _pieces(content: str) -> Iterator[tuple[str, bool]]:
    """Endless text in pieces: some of it takes the parser time squared. True: it goes on in the same line."""
    goes_on = False
    while len(content) > _PIECE:
        cut = content.find("\n", _PIECE, 2 * _PIECE)
        if cut < 0 and (cut := content.find(" ", _PIECE, 2 * _PIECE)) < 0:
            cut = 2 * _PIECE - 1
            if cut >= len(content):
                break
        yield content[: cut + 1].removesuffix("\n").removesuffix(" "), goes_on
        goes_on = content[cut] == " "
        content = content[cut + 1 :]
    if content:
        yield content, goes_on


@lru_cache(512)
def _cached(content: str) -> tuple[Line, ...]:
    return _build(content, {})


def _build(content: str, references: References) -> tuple[Line, ...]:
    builder = _Builder()
    for token in inlines(content, references):
        builder.add(token)
    return builder.rows()


class _Builder:
    """Spans of one block while its tokens are read."""

    def __init__(self) -> None:
        self._rows: list[list[Span]] = [[]]
        self._styles: list[str] = []
        self._style = ""
        self._fixed = 0  # spans of the last row that nothing is added to: a link begins behind them
        self._links: list[tuple[str, int, int]] = []  # address, row and span where it begins

    def rows(self) -> tuple[Line, ...]:
        return tuple(map(tuple, self._rows))

    def add(self, token: Token) -> None:
        match token.type:
            case "text":
                self._text(token.content)
            case "softbreak" | "hardbreak":
                self._break()
            case "em_open" | "strong_open" | "s_open":
                self._open(_MARKS[token.type])
            case "em_close" | "strong_close" | "s_close":
                self._close()
            case "link_open":
                self._link(str(token.attrs.get("href", "")))
            case "link_close":
                self._end_link()
            case "image":
                self._image(token)
            case _:
                self._add_leaf(token)

    def _add_leaf(self, token: Token) -> None:
        match token.type:
            case "code_inline":
                self._put(token.content, "mdCode")
            case "math":
                self._put(unicode_math(token.content), "")
            case "html_inline":
                self._html(token.content)
            case _:
                self._put(token.content, "")

    def _put(self, text: str, style: str) -> None:
        row = self._rows[-1]
        if not row:
            text = text.lstrip() if style == "" else text
        text = clean(text.replace("\n", " "))
        style = f"{self._style} {style}".strip()
        if not text:
            return
        if row and row[-1][1] == style and len(row) > self._fixed:
            row[-1] = (row[-1][0] + text, style)
        else:
            row.append((text, style))

    def _text(self, text: str) -> None:
        if self._links or "://" not in text:
            self._put(text, "")
            return
        at = 0
        for match in _URL.finditer(text):
            url = _trimmed(match[0])
            self._put(text[at : match.start()], "")
            self._put(url, _link_style(url))
            at = match.start() + len(url)
        self._put(text[at:], "")

    def _break(self) -> None:
        self._rows.append([])
        self._fixed = 0

    def _html(self, text: str) -> None:
        if _BREAK.fullmatch(text):
            self._break()
        elif not text.startswith("<!--"):
            self._put(text, "")

    def _open(self, style: str) -> None:
        self._styles.append(self._style)
        self._style = f"{self._style} {style}".strip()

    def _close(self) -> None:
        self._style = self._styles.pop()

    def _link(self, url: str) -> None:
        self._fixed = len(self._rows[-1])
        self._links.append((url, len(self._rows) - 1, len(self._rows[-1])))
        self._open(_link_style(url))

    def _end_link(self) -> None:
        self._close()
        url, row, span = self._links.pop()
        spans = [*self._rows[row][span:], *(each for more in self._rows[row + 1 :] for each in more)]
        text = "".join([text for text, _ in spans])
        if text not in (url, url.removeprefix("mailto:")) and url:
            self._put(f" ({_shortened(url)})", "mdLinkUrl")

    def _image(self, token: Token) -> None:
        url = str(token.attrs.get("src", ""))
        self._put(token.content or "image", _link_style(url))
        if url and not self._links:
            self._put(f" ({_shortened(url)})", "mdLinkUrl")


def _link_style(url: str) -> str:
    target = clean(url)
    if target.lower().startswith(_LINKS) and not any(char.isspace() for char in target):
        return f"mdLink underline link:{target}"
    return "mdLink underline"


def _shortened(url: str) -> str:
    return url if len(url) <= _MOST_URL else url[:_MOST_URL] + "…"


def _trimmed(url: str) -> str:
    """Without the punctuation of the sentence around it."""
    while url and (url[-1] in ".,:;!?'*_~" or (url[-1] == ")" and url.count(")") > url.count("("))):
        url = url[:-1]
    return url

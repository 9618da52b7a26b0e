"""Markdown as HTML that can't harm: no HTML of its own, links to the web and to people, no remote images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pi.harness.export.code import Painter
from pi.harness.export.markup import Html, escape

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_MOST = 100_000  # characters of one text; more is shown as it stands
_LINKIFIED = 10_000  # characters; looking for bare addresses can take time squared by them
_LINK = re.compile(r"(?i)(https?://|mailto:)[^\s]+")


class Writer:
    """Turns texts into HTML; code in them is coloured by the page's painter."""

    def __init__(self, painter: Painter):
        self._painter = painter
        self._parser: MarkdownIt | None = None

    def html(self, text: str) -> Html:
        """One text."""
        if len(text) > _MOST:
            return Html(f"<pre>{escape(text)}</pre>")
        if self._parser is None:
            self._parser = self._made()
        self._parser.options["linkify"] = len(text) <= _LINKIFIED and ("://" in text or "www." in text)
        return Html(self._parser.render(text))

    def _made(self) -> MarkdownIt:
        from markdown_it import MarkdownIt

        parser = MarkdownIt("commonmark", {"html": False, "linkify": True})
        parser.enable(["table", "strikethrough", "linkify"])
        parser.validateLink = _is_link
        rules: dict[str, Any] = {"image": _image, "link_open": _link, "th_open": _cell, "td_open": _cell}
        parser.renderer.rules |= rules | {"fence": self._code, "code_block": self._code}  # pyright: ignore
        return parser

    def _code(self, tokens: Sequence[Token], index: int, *_: Any) -> str:
        token = tokens[index]
        words = token.info.split()
        code = self._painter.paint(token.content, words[0] if words else "")
        return f"<pre><code>{code}</code></pre>\n"


def _is_link(url: str) -> bool:
    return _LINK.fullmatch(url) is not None


def _image(tokens: Sequence[Token], index: int, *_: Any) -> str:
    """A page loads nothing: an image from elsewhere is a link to it."""
    token = tokens[index]
    source = str(token.attrs.get("src", ""))
    text = escape(token.content or source)
    if not _is_link(source):
        return text
    return f'<a href="{escape(source)}" target="_blank" rel="noopener noreferrer">{text}</a>'


def _link(tokens: Sequence[Token], index: int, *_: Any) -> str:
    target = escape(str(tokens[index].attrs.get("href", "")))
    return f'<a href="{target}" target="_blank" rel="noopener noreferrer">'


def _cell(tokens: Sequence[Token], index: int, *_: Any) -> str:
    """Columns are aligned by classes: the page's policy allows no style of an element's own."""
    token = tokens[index]
    style = str(token.attrs.get("style", ""))
    side = next((side for side in ("right", "center") if style == f"text-align:{side}"), "")
    return f'<{token.tag} class="{side}">' if side else f"<{token.tag}>"

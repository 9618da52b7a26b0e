"""CommonMark with tables and strikethrough, read by markdown-it: first blocks, later what is in them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

References = dict[str, Any]  # markdown-it's own: link definitions by label

_NESTING = 60
# A formula in dollars is one only when it looks like one: "$5 or $10" is about money.
_MATH = re.compile(
    r"\$\$(?P<a>[^$]{1,2000}?)\$\$|\\\[(?P<b>.{1,2000}?)\\\]|\\\((?P<c>.{1,2000}?)\\\)"
    r"|\$(?P<d>[A-Za-z]['′]?|(?=[^$\n]{0,500}[\\^_=<>])[^\s$](?:[^$\n]{0,500}[^\s$\\])?)\$(?![0-9A-Za-z])",
    re.DOTALL,
)
_SPACES = re.compile(r"[\s\x00-\x1f\x7f]+")


def normalized(source: str) -> str:
    """The source with one kind of line end."""
    if "\r" in source:
        source = source.replace("\r\n", "\n").replace("\r", "\n")
    return source.replace("\0", "\ufffd") if "\0" in source else source


def blocks(source: str, references: References) -> list[Token]:
    """The tokens of all blocks of normalized text; definitions of links are added to `references`."""
    parser = _parser()
    tokens: list[Token] = []
    parser.block.parse(source, parser, {"references": references}, tokens)
    return tokens


def inlines(content: str, references: References) -> list[Token]:
    """The tokens within one block."""
    parser = _parser()
    tokens: list[Token] = []
    parser.inline.parse(content, parser, {"references": references}, tokens)
    return tokens


@lru_cache(1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": _NESTING}).enable(["table", "strikethrough"])
    parser.validateLink = _any_link  # what may be opened is decided where links are shown
    parser.normalizeLink = _readable_link
    parser.inline.ruler.before("escape", "math", _math)
    return parser


def _any_link(url: str) -> bool:
    return True


def _readable_link(url: str) -> str:
    return _SPACES.sub("%20", url)


def _math(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    match = _MATH.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        token = state.push("math", "", 0)
        token.content = match[match.lastgroup or 0]
    state.pos = match.end()
    return True

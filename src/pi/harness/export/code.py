"""Code as HTML: escaped, and coloured by its language as far as there is time for it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pi.harness.export.markup import Html, escape

if TYPE_CHECKING:
    from pygments.lexer import Lexer

BUDGET = 500_000  # characters of one page that are coloured: one or two seconds of work
_MOST = 40_000  # characters of one piece
_LONGEST_ROW = 2_000  # some lexers need time squared by it
_CLASSES = {  # by the names of Pygments' token types, the longest that fits
    "Comment": "c",
    "Comment.Preproc": "k",
    "Keyword": "k",
    "Keyword.Type": "t",
    "Name.Function": "f",
    "Name.Decorator": "f",
    "Name.Builtin": "f",
    "Name.Class": "t",
    "Name.Exception": "t",
    "Name.Namespace": "t",
    "Name.Tag": "k",
    "Literal.String": "s",
    "Literal.Number": "n",
    "Literal.Date": "n",
    "Operator": "o",
    "Operator.Word": "k",
    "Punctuation": "o",
    "Generic.Inserted": "i",
    "Generic.Deleted": "d",
    "Generic.Heading": "k",
}
_ALIASES = {"shell": "bash", "jsonl": "json", "jsonc": "json", "ts": "typescript", "text": "", "txt": ""}


class Painter:
    """Colours code until the budget of its page is used up; from then on code is plain."""

    def __init__(self, budget: int = BUDGET):
        self._left = budget

    def paint(self, code: str, language: str) -> Html:
        """The code with a `<span class>` for each piece that has a colour."""
        if not language or len(code) > min(_MOST, self._left):
            return escape(code)
        lexer = _lexer(language)
        if lexer is None or max(map(len, code.split("\n"))) > _LONGEST_ROW:
            return escape(code)
        self._left -= len(code)
        return Html("".join(_pieces(code, lexer)))


def language_of(path: str) -> str:
    """The language by a file's name; "" when nobody knows."""
    name = path.replace("\\", "/").rsplit("/", 1)[-1].lower()
    return _language(name if "." not in name else "*." + name.rsplit(".", 1)[-1])


def _pieces(code: str, lexer: Lexer) -> list[str]:
    out: list[str] = []
    was, pending = "", ""
    for kind, value in lexer.get_tokens(code):
        name = _class(kind)
        if name == was or value.isspace():
            pending += value
            continue
        _put(out, pending, was)
        was, pending = name, value
    _put(out, pending if code.endswith("\n") else pending.removesuffix("\n"), was)
    return out


def _put(out: list[str], text: str, name: str) -> None:
    if text:
        safe = escape(text)
        out.append(f'<span class="{name}">{safe}</span>' if name else safe)


@lru_cache(512)
def _class(kind: Any) -> str:
    name = str(kind).removeprefix("Token.")
    while name not in _CLASSES and "." in name:
        name = name.rpartition(".")[0]
    return _CLASSES.get(name, "")


@lru_cache(64)
def _lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name  # pyright: ignore[reportUnknownVariableType]
    from pygments.util import ClassNotFound

    name = language.lower()
    name = _ALIASES.get(name, name)
    if not re.fullmatch(r"[\w+#.-]{1,40}", name):
        return None
    try:
        # blank lines at the ends are part of what was said
        return get_lexer_by_name(name, stripnl=False, ensurenl=True)
    except ClassNotFound:
        return None


@lru_cache(64)
def _language(pattern: str) -> str:
    """The language whose files have this name, or an ending written as a pattern; C before C++ for `.h`."""
    from pygments.lexers import get_all_lexers

    ending = pattern.removeprefix("*.")
    if ending in ("txt", "log", "out"):
        return ""
    names = [aliases for _, aliases, _, _ in get_all_lexers(plugins=False)]
    if any(ending in aliases for aliases in names):  # json, css, toml and most others are called so
        return ending
    found = [
        aliases[0] for _, aliases, files, _ in get_all_lexers(plugins=False) if aliases and pattern in files
    ]
    return min(found, key=len, default="")

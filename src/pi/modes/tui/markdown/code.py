"""Code as lines coloured by its language; what Pygments knows of it is loaded when it is needed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pi.modes.tui.lines import Line, Span, clean_lines

if TYPE_CHECKING:
    from pygments.lexer import Lexer

MOST_CHARS = 200_000
_MOST_ROW = 2_000  # characters of one line: some lexers need time squared by it
_PLAIN = "mdCodeBlock"
# By the names of Pygments' token types, the longest that fits.
_STYLES = {
    "Comment": "syntaxComment",
    "Comment.Preproc": "syntaxKeyword",
    "Keyword": "syntaxKeyword",
    "Keyword.Type": "syntaxType",
    "Name": "syntaxVariable",
    "Name.Function": "syntaxFunction",
    "Name.Decorator": "syntaxFunction",
    "Name.Builtin": "syntaxFunction",
    "Name.Class": "syntaxType",
    "Name.Exception": "syntaxType",
    "Name.Namespace": "syntaxType",
    "Name.Tag": "syntaxKeyword",
    "Name.Attribute": "syntaxVariable",
    "Literal.String": "syntaxString",
    "Literal.Number": "syntaxNumber",
    "Literal.Date": "syntaxNumber",
    "Literal": "syntaxString",
    "Operator": "syntaxOperator",
    "Operator.Word": "syntaxKeyword",
    "Punctuation": "syntaxPunctuation",
    "Generic.Inserted": "toolDiffAdded",
    "Generic.Deleted": "toolDiffRemoved",
    "Generic.Heading": "syntaxKeyword",
    "Generic.Subheading": "syntaxComment",
    "Generic.Prompt": "syntaxOperator",
}
# Where several languages share an ending, or Pygments' own choice would surprise.
_ENDINGS = {
    "h": "c",
    "ts": "typescript",
    "tsx": "tsx",
    "jsx": "jsx",
    "md": "markdown",
    "m": "objective-c",
    "pl": "perl",
    "html": "html",
    "htm": "html",
    "xml": "xml",
    "svg": "xml",
    "json": "json",
    "jsonl": "json",
    "jsonc": "json",
    "txt": "",
    "log": "",
    "toml": "toml",
    "cfg": "ini",
    "ini": "ini",
    "sql": "sql",
    "s": "gas",
    "v": "verilog",
    "inc": "",
    "cls": "",
    "fs": "fsharp",
    "r": "r",
    "php": "php",
    "pyi": "python",
}
_ALIASES = {
    "shell": "bash",
    "jsonl": "json",
    "jsonc": "json",
    "plaintext": "",
    "text": "",
    "txt": "",
    "plain": "",
}


def highlight(code: str, language: str) -> list[Line]:
    """The code as lines, broken at no width; plain if the language is unknown or there is too much."""
    rows = clean_lines(code)
    lexer = _lexer(language)
    if lexer is None or len(code) > MOST_CHARS or max(map(len, rows)) > _MOST_ROW:
        return [((row, _PLAIN),) if row else () for row in rows]
    return _coloured("\n".join(rows), lexer)


def language_of(path: str) -> str:
    """The name of the language by a file's name; "" when nobody knows."""
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    ending = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    by_name, by_ending = _patterns()
    return by_name.get(name.lower()) or by_ending.get(ending, "")


def _coloured(code: str, lexer: Lexer) -> list[Line]:
    out: list[Line] = []
    row: list[Span] = []
    was = ""  # style of the last span
    size = 0  # what is in the lines so far; lexers add a newline of their own
    for kind, value in lexer.get_tokens(code):
        style = _style(kind)
        if "\n" in value:
            first, *more = value.split("\n")
            _put(row, first, style, was)
            for piece in more:
                out.append(tuple(row))
                row = [(piece, style)] if piece else []
            was = style
        elif was == style and row:
            row[-1] = (row[-1][0] + value, style)
        else:
            row.append((value, style))
            was = style
        size += len(value)
    if row:
        out.append(tuple(row))
    rows = code.count("\n") + 1
    return [*out[:rows], *([()] * (rows - len(out)))]


def _put(row: list[Span], text: str, style: str, was: str) -> None:
    if not text:
        return
    if row and was == style:
        row[-1] = (row[-1][0] + text, style)
    else:
        row.append((text, style))


_kinds: dict[Any, str] = {}


def _style(kind: Any) -> str:
    """The style of a token type; `Any`: Pygments has no type for them."""
    found = _kinds.get(kind)
    if found is None:
        parts = list(map(str, kind))
        while parts and ".".join(parts) not in _STYLES:
            parts.pop()
        found = _kinds[kind] = _STYLES[".".join(parts)] if parts else _PLAIN
    return found


@lru_cache(64)
def _lexer(language: str) -> Lexer | None:
    """The lexer of that name. Pygments' own search also asks the entry points of all installed packages."""
    name = language.strip().lower()
    name = _ALIASES.get(name, name)
    if not name or len(name) > 40:
        return None
    from importlib import import_module

    module = _aliases().get(name)
    if module is None and (module := _aliases().get(_by_ending(name))) is None:
        return None
    found = getattr(import_module(module[0]), module[1])
    return found(stripnl=False, ensurenl=True)


def _by_ending(name: str) -> str:
    return _ENDINGS[name] if name in _ENDINGS else _patterns()[1].get(name, "")


@lru_cache(1)
def _aliases() -> dict[str, tuple[str, str]]:
    out: dict[str, tuple[str, str]] = {}
    for class_name, (module, _, aliases, _, _) in _known().items():
        for alias in aliases:
            out.setdefault(alias.lower(), (module, class_name))
    return out


@lru_cache(1)
def _patterns() -> tuple[dict[str, str], dict[str, str]]:
    """Languages by whole names of files and by endings."""
    names: dict[str, str] = {}
    endings: dict[str, str] = {}
    for _, _, aliases, patterns, _ in _known().values():
        for pattern in patterns if aliases else ():
            if pattern.startswith("*.") and not any(char in pattern[2:] for char in "*?[."):
                endings.setdefault(pattern[2:].lower(), aliases[0])
            elif not any(char in pattern for char in "*?["):
                names.setdefault(pattern.lower(), aliases[0])
    return names, endings


def _known() -> dict[str, tuple[str, str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]]:
    """Pygments' table: module, name, aliases, patterns of files and media types by the name of the class."""
    from importlib import import_module

    return import_module("pygments.lexers").LEXERS

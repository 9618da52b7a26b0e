"""A Markdown document as styled lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from pi.modes.tui.lines import EMPTY, Line, beside, cells, clean, clean_lines, styled, wrap
from pi.modes.tui.markdown.code import MOST_CHARS
from pi.modes.tui.markdown.code import highlight as highlighted
from pi.modes.tui.markdown.fence import CHUNK
from pi.modes.tui.markdown.inline import row_of, rows_of
from pi.modes.tui.markdown.parsing import References, blocks, normalized
from pi.modes.tui.markdown.table import table

if TYPE_CHECKING:
    from markdown_it.token import Token

_LEAST = 12  # cells that are left for text; deeper nesting isn't indented any further
_WIDEST_RULE = 80
_MUCH_CODE = 32_000  # characters that take longer to colour than anyone wants to wait
_QUOTE: Line = (("│ ", "mdQuoteBorder"),)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TASK = re.compile(r"\[([ xX])\][ ](?=\S)")


def markdown(
    source: str, width: int, *, indent: str = "  ", style: str = "", highlight: bool = True
) -> list[Line]:
    """Lines of at most `width` cells. `indent` stands before code; `style` is under everything's own.

    Diagrams (mermaid) are shown as their code.
    """
    source = normalized(source)
    references: References = {}
    tokens = blocks(source, references)
    renderer = Renderer(width, indent, style=style, highlight=highlight)
    flow = Flow(renderer, source.split("\n"), references)
    for token, inner in nodes(tokens):
        flow.add(token, inner)
    return flow.lines


def nodes(tokens: Sequence[Token]) -> Iterator[tuple[Token, Sequence[Token]]]:
    """Each block with the tokens within it."""
    at = 0
    while at < len(tokens):
        token = tokens[at]
        end = at
        if token.nesting > 0:
            end += 1
            while tokens[end].level != token.level or tokens[end].nesting >= 0:
                end += 1
        yield token, tokens[at + 1 : end]
        at = end + 1


def start_of(token: Token) -> int:
    """The line of the source where a block begins."""
    return token.map[0] if token.map else 0


def wants_gap(before: str, token: Token, source: Sequence[str]) -> bool:
    """Whether an empty line stands before a block that follows one of the type `before`.

    That depends on nothing further away, so that a stream can show block after block.
    """
    if not before:
        return False
    if before == "paragraph_open" and token.type in ("bullet_list_open", "ordered_list_open"):
        return is_blank_before(start_of(token), source)
    return True


def _unquoted(token: Token, source: Sequence[str]) -> str:
    """The text of a quote without its marks."""
    begin, end = token.map or (0, 0)
    return "\n".join(line.lstrip(" \t>") for line in source[begin:end])


def is_blank_before(line: int, source: Sequence[str]) -> bool:
    """Whether the line before this one is empty, or is so within its quote."""
    return line > 0 and not source[line - 1].strip(" \t>")


class Flow:
    """Blocks one below the other."""

    def __init__(self, renderer: Renderer, source: Sequence[str], references: References, before: str = ""):
        self.lines: list[Line] = []
        self.before = before  # type of the last block that is to be seen
        self._renderer = renderer
        self._source = source
        self._references = references

    def add(self, token: Token, inner: Sequence[Token], skip: int = 0, number: int | None = None) -> None:
        """One more block; of a list, `skip` items are left out and its numbers begin with `number`."""
        page = Page(self._source, self._references)
        if skip:
            self.lines += self._renderer.items(token, inner, page, skip, number)
        elif made := self._renderer.block(token, inner, page):
            if wants_gap(self.before, token, self._source):
                self.lines.append(EMPTY)
            self.lines += made
        else:
            return
        self.before = token.type


class Page:
    """What a block may have to look at beyond its tokens."""

    def __init__(self, source: Sequence[str], references: References):
        self.source = source
        self.references = references


class Renderer:
    """Makes lines of blocks for one width."""

    def __init__(self, width: int, indent: str, *, style: str = "", highlight: bool = True):
        self._width = max(width, 1)
        self._indent = clean(indent)
        self._style = style
        self._highlight = highlight

    def block(self, token: Token, inner: Sequence[Token], page: Page) -> list[Line]:
        """One block and all that is in it."""
        return self._based(self._block(token, inner, page, self._width))

    def items(
        self, token: Token, inner: Sequence[Token], page: Page, skip: int, number: int | None
    ) -> list[Line]:
        """The items of a list from the one after the first `skip` on."""
        return self._based(self._list(token, inner, page, self._width, skip, number))

    def fence(self, info: str) -> Line:
        """The line that opens code, or closes it."""
        return self._based([_fence(info, self._width)])[0]

    def code(self, code: str, info: str) -> list[Line]:
        """Rows of code without what is above and below them."""
        return self._based(self._code_rows(code, info, self._width))

    def _based(self, lines: list[Line]) -> list[Line]:
        return [styled(line, self._style) for line in lines] if self._style else lines

    def _block(self, token: Token, inner: Sequence[Token], page: Page, width: int) -> list[Line]:
        match token.type:
            case "paragraph_open":
                return _wrapped(rows_of(inner[0].content, page.references), width)
            case "heading_open":
                return self._heading(token, inner, page, width)
            case "bullet_list_open" | "ordered_list_open":
                return self._list(token, inner, page, width)
            case "blockquote_open":
                return self._quote(token, inner, page, width)
            case "fence":
                return self._code(token.content, token.info, width)
            case "code_block":
                return self._code(token.content, "", width)
            case "hr":
                return [(("─" * min(width, _WIDEST_RULE), "mdHr"),)]
            case "table_open":
                return _table(inner, page, width)
            case "html_block":
                return _html(token.content, width)
            case _:
                return _wrapped(rows_of(token.content, page.references), width)

    def _blocks(self, tokens: Sequence[Token], page: Page, width: int) -> list[Line]:
        out: list[Line] = []
        before = ""
        for token, inner in nodes(tokens):
            if made := self._block(token, inner, page, width):
                if wants_gap(before, token, page.source):
                    out.append(EMPTY)
                out += made
                before = token.type
        return out

    def _quote(self, token: Token, inner: Sequence[Token], page: Page, width: int) -> list[Line]:
        if not inner:  # nested deeper than is read
            return _html(_unquoted(token, page.source), width)
        bar = width - 2 >= _LEAST
        quoted = self._blocks(inner, page, width - 2 if bar else width)
        quoted = [styled(line, "mdQuote italic") for line in quoted]
        return beside(quoted, _QUOTE) if bar else quoted

    def _heading(self, token: Token, inner: Sequence[Token], page: Page, width: int) -> list[Line]:
        level = int(token.tag[1:])
        first: Line = (("#" * level + " ", ""),) if level > 2 else EMPTY
        style = "mdHeading bold underline" if level == 1 else "mdHeading bold"
        rows = wrap((*first, *row_of(inner[0].content, page.references)), width)
        return [styled(row, style) for row in rows if row]

    def _list(
        self,
        token: Token,
        inner: Sequence[Token],
        page: Page,
        width: int,
        skip: int = 0,
        number: int | None = None,
    ) -> list[Line]:
        ordered = token.type == "ordered_list_open"
        at = int(token.attrs.get("start", 1)) if number is None else number
        out: list[Line] = []
        for index, (item, content) in enumerate(nodes(inner)):
            if index < skip:
                continue
            if index and is_blank_before(start_of(item), page.source):
                out.append(EMPTY)
            out += self._item(f"{at}{token.markup} " if ordered else "", content, page, width)
            at += 1
        return out

    def _item(self, number: str, content: Sequence[Token], page: Page, width: int) -> list[Line]:
        task = None
        if len(content) > 1 and content[1].type == "inline":
            task = _TASK.match(content[1].content)
        mark = f"{number}{task[0]}" if task else number or "• "
        room = width - len(mark)
        if room < _LEAST:
            room = max(width, 1)
        if task:
            lines = _wrapped(rows_of(content[1].content[len(task[0]) :], page.references), room)
            rest = self._blocks(content[3:], page, room)
            if rest and (
                content[3].type == "paragraph_open" or is_blank_before(start_of(content[3]), page.source)
            ):
                lines.append(EMPTY)
            lines += rest
        else:
            lines = self._blocks(content, page, room)
        first: Line = ((mark if lines else mark.rstrip(), "mdListBullet"),)
        if room == width and lines:
            return wrap((*first, *lines[0]), width) + lines[1:]
        space: Line = ((" " * len(mark), ""),)
        made = [(*space, *line) if line else line for line in lines[1:]]
        return [(*first, *lines[0]) if lines else first, *made]

    def _code(self, code: str, info: str, width: int) -> list[Line]:
        body = code[:-1] if code.endswith("\n") else code
        return [_fence(info, width), *self._code_rows(body, info, width), _fence("", width)]

    def _code_rows(self, code: str, info: str, width: int) -> list[Line]:
        language = language_in(info) if self._highlight else ""
        fits = self._indent and cells(self._indent) + _LEAST <= width
        indent: Line = ((self._indent, ""),) if fits else EMPTY
        out: list[Line] = []
        for row in _coloured(code, language):
            out += wrap(row, width, first=indent) if row else [EMPTY]
        return out


def _coloured(code: str, language: str) -> Iterable[Line]:
    """Rows of code; much of it in pieces as a stream has shown them, so that its end is no halt."""
    if len(code) <= _MUCH_CODE or len(code) > MOST_CHARS:
        return _piece(code, language) if code.count("\n") == CHUNK - 1 else _whole(code, language)
    rows = code.split("\n")
    pieces = ("\n".join(rows[at : at + CHUNK]) for at in range(0, len(rows), CHUNK))
    return chain.from_iterable(_piece(piece, language) for piece in pieces)


@lru_cache(512)
def _piece(code: str, language: str) -> list[Line]:
    return highlighted(code, language)


@lru_cache(8)
def _whole(code: str, language: str) -> list[Line]:
    return highlighted(code, language)


def language_in(info: str) -> str:
    """The language that the line names which opens code."""
    words = re.split(r"[\s,{:]", info.strip(), maxsplit=1)
    return words[0]


def _fence(info: str, width: int) -> Line:
    return wrap(((f"```{clean(info.strip())}", "mdCodeBlockBorder"),), width)[0]


def _wrapped(rows: Sequence[Line], width: int) -> list[Line]:
    out: list[Line] = []
    for row in rows:
        out += wrap(row, width)
    return out


def _html(content: str, width: int) -> list[Line]:
    shown = _COMMENT.sub("", content)
    out: list[Line] = []
    for row in clean_lines(shown.strip("\n")) if shown.strip() else []:
        out += wrap(((row, ""),), width) if row.strip() else [EMPTY]
    return out


def _table(inner: Sequence[Token], page: Page, width: int) -> list[Line]:
    rows: list[list[Line]] = []
    aligns: list[str] = []
    for index, token in enumerate(inner):
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open"):
            rows[-1].append(row_of(inner[index + 1].content, page.references))
            if token.type == "th_open":
                aligns.append(str(token.attrs.get("style", "")).removeprefix("text-align:") or "left")
    return table(rows[0], rows[1:], aligns, width)

"""Markdown that is still being written, as lines: what is finished is made once, only the open end again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pi.modes.tui.lines import EMPTY, Line
from pi.modes.tui.markdown.fence import OpenFence, is_closed
from pi.modes.tui.markdown.mending import mended, table_begun
from pi.modes.tui.markdown.parsing import References, blocks, normalized
from pi.modes.tui.markdown.render import (
    Flow,
    Renderer,
    is_blank_before,
    markdown,
    nodes,
    start_of,
    wants_gap,
)

if TYPE_CHECKING:
    from markdown_it.token import Token

    Node = tuple[Token, Sequence[Token]]

_LONG = 12_000  # characters of an open block from which on it isn't made again for each little piece
_PART = 8  # of it that must be new then: one in so many
_BEGINNING = re.compile(
    r"(^|\n)([ \t>]*)(?:\d{1,3}[.)]?|[-+*]|--|=+|#{1,6}|`{1,2}|~{1,2}|\*{2,3}|\||<!?-{0,2})[ ]?\Z"
)
_INDENT = re.compile(r"[ \t]*")


class MarkdownStream:
    """A growing text and its lines.

    Once finished, its lines are those of `markdown` for the same text. Until then open marks are shown as
    if they were closed, code in an open fence is coloured piece by piece, and what refers to a link that is
    defined further down is no link yet.
    """

    def __init__(self, *, indent: str = "  ", style: str = ""):
        self._indent = indent
        self._style = style
        self._source: list[str] = []
        self._finished = False
        self.changed = 0  # the last call of `lines` has left those before this one as they were
        self._begin(0)

    def feed(self, delta: str) -> None:
        """The text goes on."""
        self._source.append(delta)
        self._new.append(delta)

    def finish(self) -> None:
        """Nothing more comes."""
        self._stale = self._stale or not self._finished
        self._finished = True

    def lines(self, width: int) -> list[Line]:
        """All of it so far in at most `width` cells. The list is changed by the next call."""
        if width != self._width:
            self._begin(width)
            self._new = list(self._source)
        fresh = self._taken()
        self._tail += fresh
        self._waiting += len(fresh)
        worth = self._fence or len(self._tail) < _LONG or self._waiting * _PART >= len(self._tail)
        if self._stale or (self._waiting and worth):
            self._stale = False
            self._waiting = 0
            self._advance()
        else:
            self.changed = len(self._out)
        return self._out

    def _begin(self, width: int) -> None:
        """Everything anew."""
        self._width = width
        self._renderer = Renderer(width, self._indent, style=self._style)
        self._new: list[str] = []
        self._held = ""  # a carriage return that may be half of a line end
        self._tail = ""  # the source from the first block on that may still change
        self._waiting = 0  # characters that came since it was shown
        self._stale = True
        self._out: list[Line] = []
        self._kept = 0  # lines in front that stay
        self._before = ""  # type of the block before the tail
        self._skip = 0  # items at the beginning of the tail that stand for those that are kept
        self._number: int | None = None  # of the first item behind them
        self._defined: References = {}
        self._fence: OpenFence | None = None
        self._fence_kept = 0  # lines in front of it

    def _taken(self) -> str:
        text = self._held + "".join(self._new)
        self._new = []
        self._held = ""
        if text.endswith("\r") and not self._finished:
            text, self._held = text[:-1], "\r"
        return normalized(text)

    def _advance(self) -> None:
        self.changed = self._kept
        del self._out[self._kept :]
        if self._fence is not None:
            self._fence.read(self._tail)
            if not self._fence.closed and not self._finished:
                self._show_fence(self._fence)
                return
            self._fence = None
            self.changed = self._kept = self._fence_kept
            del self._out[self._kept :]
        if self._finished:
            self._show_all()
        else:
            self._show_open()

    def _show_all(self) -> None:
        references: References = dict(self._defined)
        top = list(nodes(blocks(self._tail, references)))
        if references:  # also those before may refer to them
            self.changed = 0
            self._out = markdown("".join(self._source), self._width, indent=self._indent, style=self._style)
            return
        flow = self._flow(self._tail.split("\n"), references)
        self._add(flow, top)
        self._out += flow.lines

    def _show_open(self) -> None:
        source = self._tail.split("\n")
        references: References = dict(self._defined)
        top = list(nodes(blocks(_BEGINNING.sub(r"\1", self._tail), references)))
        flow = self._flow(source, references)
        last = len(source) - 1  # this line is still being written: what begins there isn't certain
        at = _open_block(top, last)
        if at > 0:
            self._add(flow, top[:at])
            self._keep(flow, source, references, start_of(top[at][0]))
            top = top[at:]
        if not top:
            return
        token, inner = top[0]
        if at >= 0 and token.type == "fence" and token.map and token.map[0] < last:
            rows = source[token.map[0] : min(token.map[1], last)]
            if not is_closed(rows):
                self._open_fence(token, source)
                return
        if at >= 0 and token.type in ("bullet_list_open", "ordered_list_open"):
            top[0] = (token, self._keep_items(flow, token, inner, source, references))
        _mend(top, last if source[-1] else last - 1)
        self._show_mended(flow, top, references)

    def _show_mended(self, flow: Flow, top: list[Node], references: References) -> None:
        token, inner = top[-1]
        begun = table_begun(inner[0].content) if token.type == "paragraph_open" else None
        if begun is not None:
            top = [*top[:-1], *nodes(blocks(begun, references))]
        skip, number = self._skip, self._number
        self._add(flow, top)
        self._skip, self._number = skip, number  # only shown
        self._out += flow.lines

    def _flow(self, source: Sequence[str], references: References) -> Flow:
        return Flow(self._renderer, source, references, self._before)

    def _add(self, flow: Flow, top: Sequence[Node]) -> None:
        for token, inner in top:
            flow.add(token, inner, self._skip, self._number)
            self._skip, self._number = 0, None

    def _keep(self, flow: Flow, source: list[str], references: References, cut: int) -> None:
        """What the flow has made stays; the tail begins with the line `cut`."""
        self._out += flow.lines
        self._kept = len(self._out)
        self._before = flow.before
        flow.lines = []
        if references.keys() != self._defined.keys():
            blocks("\n".join(source[:cut]), self._defined)
        blank = "\n" if is_blank_before(cut, source) else ""
        self._tail = blank + "\n".join(source[cut:])

    def _keep_items(
        self, flow: Flow, token: Token, inner: Sequence[Token], source: list[str], references: References
    ) -> Sequence[Token]:
        """Keeps all items but the open one; what is left to show."""
        level = inner[0].level
        items = [at for at, each in enumerate(inner) if each.level == level and each.nesting > 0]
        sure = [at for at in items if start_of(inner[at]) < len(source) - 1]
        count = len(sure) - 1 - self._skip
        if count < 1:
            return inner
        number = int(token.attrs.get("start", 1)) if self._number is None else self._number
        flow.add(token, inner[: sure[-1]], self._skip, number)
        cut = start_of(inner[sure[-1]])
        self._keep(flow, source, references, cut)
        indent = _INDENT.match(source[cut])
        mark = token.markup if token.type == "bullet_list_open" else f"1{token.markup}"
        self._tail = f"{indent[0] if indent else ''}{mark} x\n{self._tail}"
        self._number = number + count
        self._skip = 1
        return inner[items[len(sure) - 2] :]

    def _open_fence(self, token: Token, source: list[str]) -> None:
        begin = 0 if self._tail[:1] != "\n" else len(self._tail) - len(self._tail.lstrip("\n"))
        opening = source[start_of(token)]
        begin = self._tail.index(opening, begin)
        self._fence_kept = self._kept
        self._fence = OpenFence(opening, begin + len(opening) + 1)
        if wants_gap(self._before, token, source):
            self._out.append(EMPTY)
        self._out.append(self._renderer.fence(self._fence.info))
        self._kept = len(self._out)
        self._fence.read(self._tail)
        self._show_fence(self._fence)

    def _show_fence(self, fence: OpenFence) -> None:
        for chunk in fence.chunks():
            self._out += self._renderer.code(chunk, fence.info)
            self._kept = len(self._out)
        if fence.rows:
            self._out += self._renderer.code("\n".join(fence.rows), fence.info)
        if partial := fence.partial(self._tail):
            self._out += self._renderer.code(partial, "")


def _open_block(top: Sequence[Node], last: int) -> int:
    """Index of the last block that certainly begins where it seems to; -1 when there is none."""
    for at in range(len(top) - 1, -1, -1):
        token = top[at][0]
        # the line that makes a table of the one before it may become something else
        if start_of(token) < (last - 1 if token.type == "table_open" else last):
            return at
    return -1


def _mend(top: Sequence[Node], last: int) -> None:
    token, inner = top[-1]
    ends = [each for each in inner if each.type == "inline"]
    if ends and ends[-1].map and ends[-1].map[1] > last and token.type != "html_block":
        ends[-1].content = mended(ends[-1].content)

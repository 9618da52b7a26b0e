"""A numbered diff as lines: what was removed and added, and within a line which words."""

import re
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from pi.modes.tui.blocks.layout import MOST_LINES, shown
from pi.modes.tui.lines import Line, Span, wrap

_NUMBERED = re.compile(r"([+\- ])( *\d+) (.*)", re.DOTALL)
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_MOST_WORDS = 400  # of a line; comparing more would take too long
_STYLES = {"+": "toolDiffAdded", "-": "toolDiffRemoved", " ": "toolDiffContext"}


class _Row(NamedTuple):
    sign: str
    number: str
    text: str


def diff_lines(diff: str, width: int) -> list[Line]:
    """The diff that edit gives in its details, broken at `width`; long rows go on beside their numbers."""
    rows = [_row(row) for row in diff.split("\n", MOST_LINES)[:MOST_LINES]]
    out: list[Line] = []
    runs = [(sign, list(group)) for sign, group in groupby(rows, key=lambda row: row.sign)]
    at = 0
    while at < len(runs):
        sign, run = runs[at]
        after = runs[at + 1] if at + 1 < len(runs) else None
        if sign == "-" and len(run) == 1 and after is not None and after[0] == "+" and len(after[1]) == 1:
            for row, spans in zip((run[0], after[1][0]), changed(run[0].text, after[1][0].text), strict=True):
                out += _shown(row, spans, width)
            at += 2
            continue
        for row in run:
            out += _shown(row, [(row.text, "")], width)
        at += 1
    if (left := diff.count("\n") + 1 - MOST_LINES) > 0:
        out.append(((f"… ({left:,} more lines)", "muted"),))
    return out


def changes(diff: str) -> tuple[int, int]:
    """How many lines were added and removed."""
    rows = diff.split("\n")
    return sum(row.startswith("+") for row in rows), sum(row.startswith("-") for row in rows)


def changed(old: str, new: str) -> tuple[list[Span], list[Span]]:
    """Both lines, what only one of them has in reverse; the same all over where hardly anything is shared."""
    old_words, new_words = _WORDS.findall(old), _WORDS.findall(new)
    if max(len(old_words), len(new_words)) > _MOST_WORDS:
        return [(old, "")], [(new, "")]
    from difflib import SequenceMatcher

    matcher = SequenceMatcher(None, old_words, new_words, autojunk=False)
    if matcher.ratio() < 0.3:
        return [(old, "")], [(new, "")]
    before: list[Span] = []
    after: list[Span] = []
    for kind, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        style = "" if kind == "equal" else "reverse"
        before += _marked(old_words[old_start:old_end], style)
        after += _marked(new_words[new_start:new_end], style)
    return before, after


def _marked(words: Sequence[str], style: str) -> list[Span]:
    text = "".join(words)
    if not text:
        return []
    if not style:
        return [(text, "")]
    indent = text[: len(text) - len(text.lstrip())]  # blocks of colour for indentation would only be noise
    return [span for span in ((indent, ""), (text[len(indent) :], style)) if span[0]]


def _row(row: str) -> _Row:
    found = _NUMBERED.fullmatch(row)
    if found is not None:
        return _Row(found[1], found[2], shown(found[3]))
    if row.startswith(("+ ", "- ")):
        return _Row(row[0], "", shown(row[2:]))
    return _Row(" ", "", shown(row.removeprefix(" ")))


def _shown(row: _Row, spans: Sequence[Span], width: int) -> list[Line]:
    style = _STYLES[row.sign]
    gutter = f"{row.sign}{row.number} " if row.number else f"{row.sign} "
    if len(gutter) > width // 2:
        gutter = row.sign
    text = tuple((text, f"{style} {own}" if own else style) for text, own in spans if text)
    return wrap(text, width, first=((gutter, style),), rest=((" " * len(gutter), style),))

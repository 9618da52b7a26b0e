"""Diffs as rows: those that edit gives, and what its arguments would change where it gave none."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Literal, cast

from msgspec import structs

from pi.harness.export.page import Diff, DiffRow

_NUMBERED = re.compile(r"([+\- ])( *\d+) (.*)", re.DOTALL)
_MOST = 4_000  # rows


def numbered_diff(diff: str) -> Diff:
    """The diff in the details of an edit's result."""
    lines = diff.split("\n")
    rows = _marked(map(_row, lines[:_MOST]))
    return Diff((*rows, *_left_out(len(lines))))


def replaced(pairs: Iterable[tuple[str, str]]) -> Diff:
    """Old texts and what was to replace them."""
    rows: list[DiffRow] = []
    for old, new in pairs:
        rows += (DiffRow("-", "", line) for line in old.split("\n"))
        rows += (DiffRow("+", "", line) for line in new.split("\n"))
    return Diff((*_marked(rows[:_MOST]), *_left_out(len(rows))))


def changes(diff: str) -> str:
    """How many lines came and went, such as "+3 −1"."""
    rows = diff.split("\n")
    return f"+{sum(row.startswith('+') for row in rows)} −{sum(row.startswith('-') for row in rows)}"


def _row(line: str) -> DiffRow:
    if found := _NUMBERED.fullmatch(line):
        return DiffRow(_sign(found[1]), found[2].strip(), found[3])
    if line.startswith(("+ ", "- ")):
        return DiffRow(_sign(line[0]), "", line[2:])
    return DiffRow(" ", "", line.strip())


def _sign(text: str) -> Literal["+", "-", " "]:
    return cast(Literal["+", "-", " "], text)


def _marked(rows: Iterable[DiffRow]) -> Iterator[DiffRow]:
    """The rows; where one line stands for one, with the part that differs."""
    runs = [list(run) for _, run in groupby(rows, key=lambda row: row.sign)]
    for at, run in enumerate(runs):
        before = runs[at - 1] if at else []
        after = runs[at + 1] if at + 1 < len(runs) else []
        if run[0].sign == "-" and len(run) == len(after) == 1 and after[0].sign == "+":
            yield _beside(run[0], after[0])
        elif run[0].sign == "+" and len(run) == len(before) == 1 and before[0].sign == "-":
            yield _beside(run[0], before[0])
        else:
            yield from run


def _beside(row: DiffRow, other: DiffRow) -> DiffRow:
    start = _common(row.before, other.before)
    end = len(row.before) - _common(row.before[start:][::-1], other.before[start:][::-1])
    if end - start > 0.8 * len(row.before):  # all of it is new: a mark would say nothing
        return row
    text = row.before
    return structs.replace(row, before=text[:start], changed=text[start:end], after=text[end:])


def _common(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))


def _left_out(count: int) -> tuple[DiffRow, ...]:
    return (DiffRow(" ", "", f"… {count - _MOST:,} more lines"),) if count > _MOST else ()

"""What an edit changed: numbered lines for people and a unified patch for programs."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from msgspec import Struct

from pi.tools.edit_text import Applied

_CONTEXT = 4
_MARGIN = 32  # unchanged lines compared on each side: enough to align a change as the whole text would
_MAX_CHANGES = 400  # with more changed lines in one place, the best alignment would take too long


class EditDiff(Struct, frozen=True):
    """The details of an edit; `first_changed_line` counts from 1 in the new text."""

    diff: str
    patch: str
    first_changed_line: int


class _Run(NamedTuple):
    """Lines of one kind: kept (" "), removed ("-") or added ("+"); `old` and `new` lines come before it."""

    tag: str
    lines: Sequence[str]
    old: int
    new: int

    def cut(self, start: int, end: int | None = None) -> "_Run":
        return _Run(self.tag, self.lines[start:end], self.old + start, self.new + start)

    @property
    def old_end(self) -> int:
        return self.old + len(self.lines) * (self.tag != "+")

    @property
    def new_end(self) -> int:
        return self.new + len(self.lines) * (self.tag != "-")


def edit_diff(applied: Applied, path: str) -> EditDiff:
    """The diff and the patch of an edit."""
    old, new = applied.before.split("\n"), applied.after.split("\n")
    hunks = [hunk for runs in _windows(applied, old, new) for hunk in _hunks(runs)]
    first = next(run.new for run in hunks[0] if run.tag != " ")
    total = len(old) - (not old[-1])
    numbered = _numbered(hunks, total, len(str(max(len(old), len(new)))))
    return EditDiff(numbered, _patch(hunks, path), first + 1)


def _windows(applied: Applied, old: list[str], new: list[str]) -> Iterator[list[_Run]]:
    """The runs of each changed place with a margin around; places whose margins meet are one."""
    before = applied.before
    places: list[tuple[int, int, int]] = []  # first line, line behind the last, lines that the edits add
    for start, end, new_text in applied.replacements:
        first = before.count("\n", 0, start) - _MARGIN
        behind = before.count("\n", 0, end - 1) + 1 + _MARGIN
        added = new_text.count("\n") - before.count("\n", start, end)
        if places and first <= places[-1][1]:
            first, _, more = places.pop()
            added += more
        places.append((max(first, 0), behind, added))
    shift = 0
    for first, behind, added in places:
        old_lines = _lines(old, first, behind)
        new_lines = _lines(new, first + shift, behind + shift + added)
        if old_lines != new_lines:  # an edit among others may change nothing
            script = _shortest_script(old_lines, new_lines) or _quick_script(old_lines, new_lines)
            yield _runs(script, old_lines, new_lines, first, first + shift)
        shift += added


def _lines(pieces: list[str], first: int, behind: int) -> list[str]:
    """Pieces between newlines as lines with their newlines; the last piece has none."""
    lines = [piece + "\n" for piece in pieces[first:behind]]
    if behind >= len(pieces):
        lines[-1:] = [pieces[-1]] if pieces[-1] else []
    return lines


def _runs(script: str, old: list[str], new: list[str], old_before: int, new_before: int) -> list[_Run]:
    """The script, a tag for each line, as runs of lines; so many lines come before it in each text."""
    runs: list[_Run] = []
    at_old = at_new = 0
    for tag, group in groupby(script):
        count = len(list(group))
        lines = new[at_new : at_new + count] if tag == "+" else old[at_old : at_old + count]
        runs.append(_Run(tag, lines, old_before + at_old, new_before + at_new))
        at_old += count * (tag != "+")
        at_new += count * (tag != "-")
    return runs


class _Path(NamedTuple):
    """A way through both texts: `old` lines are behind it; `steps` times `tag` follow the way of `before`."""

    old: int
    tag: str
    steps: int
    before: "_Path | None"

    def script(self) -> str:
        pieces: list[str] = []  # from the end
        path: _Path | None = self
        while path:
            pieces.append(path.tag * path.steps)
            path = path.before
        return "".join(reversed(pieces))


def _shortest_script(old: Sequence[str], new: Sequence[str]) -> str | None:
    """Fewest changes by Myers's greedy search, or None if it takes more than `_MAX_CHANGES`.

    Of several shortest scripts it is the one that jsdiff finds: the order of diagonals and the preference
    for the path that is further in `old` decide.
    """

    def follow(path: _Path, diagonal: int) -> _Path:
        at = path.old
        while at < len(old) and at - diagonal < len(new) and old[at] == new[at - diagonal]:
            at += 1
        return _Path(at, " ", at - path.old, path) if at > path.old else path

    paths = {0: follow(_Path(0, " ", 0, None), 0)}  # by diagonal: old lines minus new lines behind the path
    lowest, highest = -_MAX_CHANGES, _MAX_CHANGES  # diagonals further out have met the end of one text
    for changes in range(1, _MAX_CHANGES + 1):
        for diagonal in range(max(lowest, -changes), min(highest, changes) + 1, 2):
            path = _step(paths.pop(diagonal - 1, None), paths.get(diagonal + 1), diagonal, len(old), len(new))
            if not path:
                paths.pop(diagonal, None)
                continue
            path = paths[diagonal] = follow(path, diagonal)
            old_done, new_done = path.old >= len(old), path.old - diagonal >= len(new)
            if old_done and new_done:
                return path.script()
            if old_done:
                highest = min(highest, diagonal - 1)
            if new_done:
                lowest = max(lowest, diagonal + 1)
    return None


def _step(below: _Path | None, above: _Path | None, diagonal: int, old: int, new: int) -> _Path | None:
    """One change onto `diagonal`: a removal from the one below or an addition from the one above."""
    add = above if above and above.old - diagonal <= new else None
    if below and below.old < old and not (add and below.old < add.old):
        return _Path(below.old + 1, "-", 1, below)
    return _Path(add.old, "+", 1, add) if add else None


def _quick_script(old: Sequence[str], new: Sequence[str]) -> str:
    from difflib import SequenceMatcher

    script = ""
    for kind, old_start, old_end, new_start, new_end in SequenceMatcher(None, old, new).get_opcodes():
        removed, added = old_end - old_start, new_end - new_start
        script += " " * removed if kind == "equal" else "-" * removed + "+" * added
    return script


def _hunks(runs: list[_Run]) -> Iterator[list[_Run]]:
    """Changes with the context to show; a gap of at most twice the context doesn't part them."""
    hunk: list[_Run] = []
    for index, run in enumerate(runs):
        last = index == len(runs) - 1
        if run.tag != " ":
            hunk.append(run)
        elif not index:
            hunk.append(run.cut(max(len(run.lines) - _CONTEXT, 0)))
        elif not last and len(run.lines) <= 2 * _CONTEXT:
            hunk.append(run)
        else:
            yield [*hunk, run.cut(0, _CONTEXT)]
            hunk = [] if last else [run.cut(len(run.lines) - _CONTEXT)]
    if hunk:
        yield hunk


def _numbered(hunks: list[list[_Run]], total: int, width: int) -> str:
    """The hunks with line numbers, and a mark wherever some of the `total` old lines are left out."""
    mark = f" {'':{width}} ..."
    shown = 0
    out: list[str] = []
    for hunk in hunks:
        if hunk[0].old > shown:
            out.append(mark)
        for run in hunk:
            first = (run.new if run.tag == "+" else run.old) + 1
            for number, line in enumerate(run.lines, first):
                out.append(f"{run.tag}{number:{width}} {line.removesuffix(chr(10))}")
        shown = hunk[-1].old_end
    return "\n".join([*out, mark] if shown < total else out)


def _patch(hunks: list[list[_Run]], path: str) -> str:
    out = [f"--- {path}\n+++ {path}\n"]
    for hunk in hunks:
        old, new = hunk[0].old, hunk[0].new
        old_count, new_count = hunk[-1].old_end - old, hunk[-1].new_end - new
        # A range without lines is named by the line before it.
        out.append(f"@@ -{old + bool(old_count)},{old_count} +{new + bool(new_count)},{new_count} @@\n")
        for run in hunk:
            for line in run.lines:
                ending = "" if line.endswith("\n") else "\n\\ No newline at end of file\n"
                out.append(run.tag + line + ending)
    return "".join(out)

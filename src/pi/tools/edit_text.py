"""Exact-text replacement: each edit fits one place, typography is forgiven, the rest of the text stays."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from pi.agent.tool import ToolError
from pi.tools.near_miss import near_miss

_BOM = "\ufeff"
_JS_SPACES = (  # what JavaScript's trimEnd removes, less the newline
    "\t\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_PLAIN = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
    | dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " ")
    # Bytes that are no UTF-8, as `surrogateescape` keeps them: the model has read them as U+FFFD.
    | {chr(code): "\ufffd" for code in range(0xDC80, 0xDD00)}
)


class Edit(Struct, frozen=True):
    """Replace `old_text`, which occurs once, by `new_text`."""

    old_text: str
    new_text: str


class Replacement(NamedTuple):
    """The range from `start` to `end` of a text becomes `new_text`."""

    start: int
    end: int
    new_text: str


class Applied(Struct, frozen=True):
    """An edited text: `text` is to be written; `before` and `after` have LF endings and no byte order mark.

    `replacements`, sorted and disjoint, make `after` of `before`.
    """

    text: str
    before: str
    after: str
    replacements: tuple[Replacement, ...]


def apply_edits(text: str, edits: Sequence[Edit], path: str) -> Applied:
    """Apply all edits to `text`, each matched against the text as it is now, not as the others leave it.

    Raises ToolError, naming `path`, if an edit is empty, absent, ambiguous, overlaps another, or if nothing
    changes.
    """
    bom = _BOM if text.startswith(_BOM) else ""
    content = text.removeprefix(_BOM)
    before = _to_lf(content)
    edits = [Edit(_to_lf(edit.old_text), _to_lf(edit.new_text)) for edit in edits]
    for index, edit in enumerate(edits):
        if not edit.old_text:
            which = "oldText" if len(edits) == 1 else f"edits[{index}].oldText"
            raise ToolError(f"{which} must not be empty in {path}.")
    replacements = _match(before, edits, path)
    after = _splice(before, replacements)
    if after == before:
        raise ToolError(_no_change(path, len(edits)))
    written = after if content == before else _splice_original(content, replacements)
    return Applied(bom + written, before, after, tuple(replacements))


def normalize(text: str) -> str:
    """`text` as inexact matching sees it: NFKC, no blanks at line ends, plain quotes, dashes and spaces.

    The number of lines stays.
    """
    if not text.isascii():
        from unicodedata import normalize as unicode_normalize

        text = unicode_normalize("NFKC", text)
    text = "\n".join([line.rstrip(_JS_SPACES) for line in text.split("\n")])
    return text if text.isascii() else text.translate(_PLAIN)


def _to_lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _match(before: str, edits: Sequence[Edit], path: str) -> list[Replacement]:
    """The ranges that the edits replace, sorted. One edit that fits only inexactly makes all match so."""
    normal = normalize(before)
    exact = all(edit.old_text in before or not _found(normal, edit.old_text) for edit in edits)
    base = before if exact else normal
    found: list[tuple[Replacement, int]] = []
    for index, edit in enumerate(edits):
        old = edit.old_text
        plain = normalize(old)
        if old not in base:
            old = plain
        start = base.find(old) if old else -1
        if start < 0:
            told = [_not_found(path, index, len(edits))]
            if hint := _needs_another(before, edits, index) or near_miss(
                before, normal, edit.old_text, plain
            ):
                told.append(hint)
            raise ToolError("\n\n".join(told))
        # Blanks alone are nothing in normalised text: those are counted as they are.
        count = normal.count(plain) if plain else base.count(old)
        if count > 1:
            raise ToolError(_ambiguous(path, index, len(edits), count))
        found.append((Replacement(start, start + len(old), edit.new_text), index))
    found.sort(key=lambda pair: pair[0].start)
    for (one, first), (other, second) in pairwise(found):
        if one.end > other.start:
            raise ToolError(
                f"edits[{first}] and edits[{second}] overlap in {path}. "
                "Merge them into one edit or target disjoint regions."
            )
    replacements = [replacement for replacement, _ in found]
    return replacements if exact else list(_widen(before, base, replacements))


def _found(normal: str, old: str) -> bool:
    plain = normalize(old)
    return bool(plain) and plain in normal


def _widen(before: str, base: str, replacements: list[Replacement]) -> Iterator[Replacement]:
    """Replacements in the normalised `base` as replacements of whole lines of `before`.

    The lines that a replacement touches come from `base`; all others keep their text.
    """
    base_starts, before_starts = _line_starts(base), _line_starts(before)
    groups: list[tuple[int, int, list[Replacement]]] = []  # first line, line behind the last, replacements
    for replacement in replacements:
        first = bisect_right(base_starts, replacement.start) - 1
        behind = bisect_left(base_starts, replacement.end, lo=first + 1)
        if groups and first < groups[-1][1]:
            first, previous, group = groups.pop()
            groups.append((first, max(behind, previous), [*group, replacement]))
        else:
            groups.append((first, behind, [replacement]))
    for first, behind, group in groups:
        offset = base_starts[first]
        lines = base[offset : base_starts[behind] if behind < len(base_starts) else len(base)]
        moved = [Replacement(start - offset, end - offset, new) for start, end, new in group]
        end = before_starts[behind] if behind < len(before_starts) else len(before)
        yield Replacement(before_starts[first], end, _splice(lines, moved))


def _line_starts(text: str) -> list[int]:
    return [0, *(match.end() for match in re.finditer("\n", text))]


def _splice(text: str, replacements: Sequence[Replacement]) -> str:
    parts: list[str] = []
    position = 0
    for start, end, new_text in replacements:
        parts += (text[position:start], new_text)
        position = end
    return "".join((*parts, text[position:]))


def _splice_original(content: str, replacements: Sequence[Replacement]) -> str:
    """Replacements of the text with LF endings, applied to the text with its own endings.

    New lines end as the line does where the replacement starts.
    """
    # Where the LF of each CRLF lies in the text with LF endings: every one before shifts an offset by one.
    feeds = [match.start() - index for index, match in enumerate(re.finditer("\r\n", content))]
    parts: list[str] = []
    position = 0
    for start, end, new_text in replacements:
        start += bisect_left(feeds, start)
        parts += (content[position:start], new_text.replace("\n", _ending_at(content, start)))
        position = end + bisect_left(feeds, end)
    return _join_lines([*parts, content[position:]])


def _ending_at(content: str, offset: int) -> str:
    """The ending of the line at `offset`, or of the line before if it is an unended last one."""
    feed = content.find("\n", offset)
    if feed < 0:
        feed = content.rfind("\n", 0, offset)
    if feed < 0:  # a lone CR ends lines only where no LF does; elsewhere it is a character like others
        return "\r" if "\r" in content else "\n"
    return "\r\n" if content[feed - 1 : feed] == "\r" else "\n"


def _join_lines(parts: list[str]) -> str:
    """Join, but keep a CR and an LF that meet at a seam two line ends: the CR becomes a CRLF of its own."""
    joined: list[str] = []
    for part in filter(None, parts):
        if joined and joined[-1].endswith("\r") and part.startswith("\n"):
            joined.append("\n")
        joined.append(part)
    return "".join(joined)


def _needs_another(before: str, edits: Sequence[Edit], index: int) -> str:
    """Says so if the edit would fit after another one."""
    old = edits[index].old_text
    for other, edit in enumerate(edits):
        start = before.find(edit.old_text)
        if other == index or start < 0:
            continue
        end = start + len(edit.old_text)
        around = before[max(start - len(old), 0) : start], before[end : end + len(old)]
        if old in edit.new_text.join(around):
            return (
                f"edits[{index}].oldText is there only after edits[{other}], but all edits are matched "
                "against the file as it is now. Merge the two into one edit."
            )
    return ""


def _not_found(path: str, index: int, total: int) -> str:
    which, name = ("the exact text", "old text") if total == 1 else (f"edits[{index}]", "oldText")
    return (
        f"Could not find {which} in {path}. "
        f"The {name} must match exactly including all whitespace and newlines."
    )


def _ambiguous(path: str, index: int, total: int, count: int) -> str:
    which, each = ("the text", "The text") if total == 1 else (f"edits[{index}]", "Each oldText")
    return (
        f"Found {count} occurrences of {which} in {path}. "
        f"{each} must be unique. Please provide more context to make it unique."
    )


def _no_change(path: str, total: int) -> str:
    if total > 1:
        return f"No changes made to {path}. The replacements produced identical content."
    return (
        f"No changes made to {path}. The replacement produced identical content. "
        "This might indicate an issue with special characters or the text not existing as expected."
    )

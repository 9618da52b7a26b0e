"""Where a text that isn't in a file nearly is, and what differs, in words that a model can act on."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

_MAX_TEXT = 20_000_000  # characters of a file that is searched
_MAX_LINES = 200  # of the wanted text, compared at once
_MAX_LINE = 500  # longer lines are compared by their ends alone
_PIECES = 48  # of the wanted text, looked up in the file
_COMMON = 500  # a piece that occurs more often tells nothing
_CANDIDATES = 16
_MAX_CELLS = 64  # pairs of lines compared to align one changed place
_ALIKE = 0.6  # two lines that stand for each other
_BAR_ONE_LINE, _BAR = 0.85, 0.75  # from here on a passage is clearly what was meant
_MIN_TEXT = 12  # characters without blanks; less is like too much
_ESCAPES = {"\\n": ("\n", "a line break"), "\\t": ("\t", "a tab"), '\\"': ('"', "a quote")}
_SHOWN = 150  # characters of a line
_SHOWN_PIECE = 40

_Ends = tuple[bool, bool]  # whether the line of the file may go on before and behind the wanted one


class _Lines(NamedTuple):
    """A text by lines: as it is, as inexact matching sees it, and without blanks in lower case."""

    raw: list[str]
    normal: list[str]
    keys: list[str]
    open_ends: _Ends = (True, True)  # whether the first may start, and the last end, inside a line

    @classmethod
    def of(cls, text: str, normal: str) -> "_Lines":
        keys = normal.replace(" ", "").replace("\t", "").lower()
        return cls(text.split("\n"), normal.split("\n"), keys.split("\n"))

    def first_part_not_in(self, normal: str) -> "_Lines":
        """These lines, or of very many the first part not in `normal`, without blank lines at the ends."""
        size = _MAX_LINES
        starts = range(0, len(self.keys) if len(self.keys) > size else 1, size)
        start = next((at for at in starts if "\n".join(self.normal[at : at + size]) not in normal), 0)
        filled = [at for at, key in enumerate(self.keys[start : start + size], start) if key]
        kept = slice(filled[0], filled[-1] + 1) if filled else slice(0)
        ends = (kept.start in (None, 0), kept.stop == len(self.keys))
        return _Lines(self.raw[kept], self.normal[kept], self.keys[kept], ends)


class _Pair(NamedTuple):
    """A line of the file and the wanted line it stands for, by index; None where one has no such line."""

    line: int | None
    old: int | None


class _Passage(NamedTuple):
    """Lines of the file like the wanted ones; `score` is the share of characters that both have."""

    score: float
    pairs: list[_Pair]

    @property
    def lines(self) -> list[int]:
        return [pair.line for pair in self.pairs if pair.line is not None]


class _Fit(NamedTuple):
    """The part of a line that a wanted one stands for, and how many characters both have."""

    start: int
    end: int
    same: int


def near_miss(text: str, normal: str, old: str, plain: str) -> str:
    """What keeps `old` from matching `text`: at most 600 characters, "" if no passage is clearly meant.

    Both have LF endings and `old` isn't in `text`; `normal` and `plain` are the two as inexact matching sees
    them.
    """
    if max(len(text), len(old)) > _MAX_TEXT:
        return ""
    if escaped := _escaped(normal, plain):
        return escaped
    file, wanted = _Lines.of(text, normal), _Lines.of(old, plain).first_part_not_in(normal)
    passage = _nearest(file, wanted)
    if passage and passage.score == 1:
        return _describe(file, wanted, passage)
    if other_breaks := _other_breaks(file, wanted):
        return other_breaks
    if sum(map(len, wanted.keys)) < _MIN_TEXT:
        return ""
    bar = _BAR if len(wanted.keys) > 1 else _BAR_ONE_LINE
    return _describe(file, wanted, passage) if passage and passage.score >= bar else ""


def _escaped(normal: str, plain: str) -> str:
    """A text whose line breaks, tabs or quotes were escaped once too often."""
    escape = next((escape for escape in _ESCAPES if escape in plain), None)
    if not escape:
        return ""
    real = plain
    for escaped, (character, _) in _ESCAPES.items():
        real = real.replace(escaped, character)
    at = normal.find(real)
    if at < 0:
        return ""
    return (
        f"Line {normal.count(chr(10), 0, at) + 1} of the file has this text, but oldText is escaped twice: "
        f"it has {escape} as two characters where the file has {_ESCAPES[escape][1]}."
    )


def _nearest(file: _Lines, wanted: _Lines) -> _Passage | None:
    """The one passage most like the wanted lines; None if there is none, or if several are as near."""
    # Many lines seldom have many like them, and take longer to compare.
    limit = max(_CANDIDATES // len(wanted.keys), 3) if wanted.keys else 0
    ranked = _votes(file.keys, wanted.keys).most_common(limit + 1)
    if len(ranked) > limit and ranked[0][1] == ranked[-1][1]:
        return None
    found = [_align(file, wanted, start) for start, _ in ranked[:limit]]
    passages = {tuple(passage.lines): passage for passage in found if passage.lines}
    best = sorted(passages.values(), key=lambda passage: (-passage.score, passage.lines))
    if not best or (len(best) > 1 and best[0].score == best[1].score < 1):
        return None
    return best[0]


def _votes(keys: list[str], wanted: list[str]) -> Counter[int]:
    """Lines of the file where the wanted ones may start, by how many characters speak for it.

    Every piece of a wanted line that is in the file, and not all over it, speaks for one start: if a few
    places differ, other pieces are the same.
    """
    pieces: list[tuple[str, int]] = []
    for index, key in enumerate(wanted):
        size = min(max(len(key) // 4, 3), 16)
        pieces += ((key[at : at + size], index) for at in range(0, len(key) - size + 1, size))
    text = "\n".join(keys)
    starts = [0, *accumulate(len(key) + 1 for key in keys)]
    votes: Counter[int] = Counter()
    for piece, index in pieces[:: len(pieces) // _PIECES + 1]:
        if text.count(piece) > _COMMON:
            continue
        at = text.find(piece)
        while at >= 0:
            votes[bisect_right(starts, at) - 1 - index] += len(piece)
            at = text.find(piece, at + 1)
    return votes


def _align(file: _Lines, wanted: _Lines, start: int) -> _Passage:
    """The lines of the file around `start` that stand for the wanted ones."""
    from difflib import SequenceMatcher

    size = len(wanted.keys)
    slack = 3 + size // 8 if size > 1 else 0
    low = max(start - slack, 0)
    near = file.keys[low : max(start + size + slack, 0)]
    pairs: list[_Pair] = []
    for kind, i, i_end, j, j_end in SequenceMatcher(None, near, wanted.keys, autojunk=False).get_opcodes():
        if kind == "equal":
            pairs += map(_Pair, range(low + i, low + i_end), range(j, j_end))
        else:
            pairs += _pair(file, wanted, range(low + i, low + i_end), range(j, j_end))
    filled = [index for index, pair in enumerate(pairs) if pair.old is not None]
    pairs = pairs[filled[0] : filled[-1] + 1] if filled else []
    same = total = 0
    for line, old in pairs:
        key = "" if line is None else file.keys[line]
        wanted_key = "" if old is None else wanted.keys[old]
        fit = _fit(key, wanted_key, _open_ends(old, wanted))
        same += 2 * fit.same
        total += fit.end - fit.start + len(wanted_key)
    return _Passage(same / total if total else 0, pairs)


def _pair(file: _Lines, wanted: _Lines, lines: range, olds: range) -> Iterator[_Pair]:
    """A changed place, aligned: each wanted line with the most similar one of the next lines."""
    comparable = len(lines) * len(olds) <= _MAX_CELLS
    at = lines.start
    for old in olds:
        options = range(at, lines.stop) if comparable else range(0)
        ratios = [_ratio(file.keys[line], wanted.keys[old], _open_ends(old, wanted)) for line in options]
        best = max(ratios, default=0)
        if best < _ALIKE:
            yield _Pair(None, old)
            continue
        line = at + ratios.index(best)
        yield from (_Pair(passed, None) for passed in range(at, line))
        yield _Pair(line, old)
        at = line + 1
    yield from (_Pair(passed, None) for passed in range(at, lines.stop))


def _ratio(line: str, old: str, open_ends: _Ends) -> float:
    fit = _fit(line, old, open_ends)
    return 2 * fit.same / (fit.end - fit.start + len(old) or 1)


def _fit(line: str, old: str, open_ends: _Ends) -> _Fit:
    """How a wanted line fits; at an open end the line of the file may go on."""
    open_start, open_end = open_ends
    if (at := _find(line, old, open_ends)) >= 0:
        return _Fit(at, at + len(old), len(old))
    if max(len(line), len(old)) > _MAX_LINE:
        before, behind = _common_ends(line, old)
        return _Fit(0, len(line), before + behind)
    from difflib import SequenceMatcher

    blocks = SequenceMatcher(None, line, old, autojunk=False).get_matching_blocks()[:-1]
    if not blocks:
        return _Fit(0, len(line), 0)
    first, last = blocks[0], blocks[-1]
    start = max(first.a - first.b, 0) if open_start else 0
    end = min(last.a + len(old) - last.b, len(line)) if open_end else len(line)
    return _Fit(start, end, sum(block.size for block in blocks))


def _find(line: str, old: str, open_ends: _Ends) -> int:
    """Where exactly the wanted line is in the other, or -1."""
    open_start, open_end = open_ends
    if open_start and open_end:
        return line.find(old)
    at = len(line) - len(old) if open_start else 0
    fits = line.startswith(old, at) if at >= 0 and (open_start or open_end) else line == old
    return at if fits else -1


def _common_ends(one: str, other: str) -> tuple[int, int]:
    """How many characters both texts have alike at their start, and at the end of what is left."""
    shorter = min(len(one), len(other))
    before = next((at for at in range(shorter) if one[at] != other[at]), shorter)
    rest = shorter - before
    return before, next((at for at in range(rest) if one[-1 - at] != other[-1 - at]), rest)


def _other_breaks(file: _Lines, wanted: _Lines) -> str:
    """The same text on other lines."""
    text = "".join(wanted.keys)
    all_text = "".join(file.keys)
    at = all_text.find(text)
    if len(text) < 8 or at < 0 or all_text.find(text, at + 1) >= 0:
        return ""
    ends = [*accumulate(map(len, file.keys))]
    first, last = bisect_right(ends, at), bisect_left(ends, at + len(text))
    whole_start, whole_end = at in (0, *ends[first - 1 : first]), at + len(text) == ends[last]
    open_start, open_end = wanted.open_ends
    if not ((whole_start or open_start) and (whole_end or open_end)):
        return ""
    for line, old in zip(range(first, last + 1), range(len(wanted.keys)), strict=False):
        if _find(file.keys[line], wanted.keys[old], _open_ends(old, wanted)) < 0:
            have = "has" if first == last else "have"
            return f"{_name(first, last)} of the file {have} this text with other line breaks." + _both(
                file.raw[line], wanted.raw[old], line
            )
    return ""


def _describe(file: _Lines, wanted: _Lines, passage: _Passage) -> str:
    """Which lines are near, the first that differs and how, and how many more do."""
    where = _name(passage.lines[0], passage.lines[-1])
    are = "is" if len(passage.lines) == 1 else "are"
    before = passage.lines[0] - 1  # the last line of the file that was passed
    differing: list[tuple[_Pair, int]] = []
    for pair in passage.pairs:
        if not _equal(file, wanted, pair):
            differing.append((pair, before))
        before = before if pair.line is None else pair.line
    if not differing:
        return f"{where} of the file {are} this text, but not the blanks and line breaks at its ends."
    pair, before = differing[0]
    more = len(differing) - 1
    rest = f"\n{more} more line{'s differ' if more > 1 else ' differs'}." if more else ""
    return f"{where} of the file {are} nearest. {_difference(file, wanted, pair, before)}{rest}"


def _equal(file: _Lines, wanted: _Lines, pair: _Pair) -> bool:
    line, old = pair
    if line is None or old is None:
        return False
    return _find(file.normal[line], wanted.normal[old], _open_ends(old, wanted)) >= 0


def _difference(file: _Lines, wanted: _Lines, pair: _Pair, before: int) -> str:
    match pair:
        case _Pair(line=int(line), old=None):
            if not file.keys[line]:
                return f"Line {line + 1} is blank; oldText leaves it out."
            return f"oldText leaves out line {line + 1}:\n{_show(file.raw[line])}"
        case _Pair(line=None, old=int(old)):
            if not wanted.keys[old]:
                return f"oldText has a blank line after line {before + 1} that the file doesn't have."
            shown = _show(wanted.raw[old])
            return f"oldText has a line after line {before + 1} that the file doesn't have:\n{shown}"
        case _Pair(line=int(line), old=int(old)):
            kind, at = _kind(file.normal[line], wanted.normal[old], _open_ends(old, wanted))
            return kind + _both(file.raw[line], wanted.raw[old], line, at)
        case _:
            return ""


def _kind(line: str, old: str, open_ends: _Ends) -> tuple[str, tuple[int, int]]:
    """What differs in a line, and where in each of the two."""
    start, end, _ = _fit(line, old, open_ends)
    seen = line[start:end]
    here, there = _indentation(line), _indentation(old)
    if start <= len(here) and seen.lstrip() == old.lstrip():
        return f"Indentation: the file has {_blanks(here)}, oldText {_blanks(there)}.", (0, 0)
    before, behind = _common_ends(seen, old)
    at = (start + before, before)
    if seen.split() == old.split() or "".join(seen.split()) == "".join(old.split()):
        return "Only blanks inside the line differ.", at
    if seen.lower() == old.lower():
        return "Only upper and lower case differ.", at
    before, behind = _at_words(seen, old, before, behind)
    has, given = seen[before : len(seen) - behind], old[before : len(old) - behind]
    if not given:
        return f"oldText lacks {_quote(has)}{'' if behind else ' at the end of the line'}.", at
    if not has:
        return f"oldText has {_quote(given)} too much.", at
    return f"The file has {_quote(has)}, oldText {_quote(given)}.", at


def _at_words(one: str, other: str, before: int, behind: int) -> tuple[int, int]:
    """Common ends shortened so that they don't end inside a word that differs."""
    while (
        before
        and _is_word(one[before - 1])
        and any(_is_word(text[before : before + 1]) for text in (one, other))
    ):
        before -= 1
    while (
        behind
        and _is_word(one[-behind])
        and any(_is_word(text[len(text) - behind - 1 : len(text) - behind]) for text in (one, other))
    ):
        behind -= 1
    return before, behind


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _blanks(indentation: str) -> str:
    """`1 tab and 2 spaces`; other blanks count as spaces."""
    tabs = indentation.count("\t")
    spaces = len(indentation) - tabs
    counts = [
        f"{count} {name}{'s' * (count > 1)}" for count, name in ((tabs, "tab"), (spaces, "space")) if count
    ]
    return " and ".join(counts) or "none"


def _name(first: int, last: int) -> str:
    return f"Line {first + 1}" if first == last else f"Lines {first + 1}-{last + 1}"


def _both(line: str, old: str, number: int, at: tuple[int, int] = (0, 0)) -> str:
    return f"\nLine {number + 1} in the file:\n{_show(line, at[0])}\nIn oldText:\n{_show(old, at[1])}"


def _show(line: str, at: int = 0) -> str:
    """A line, or of a long one the part around `at`."""
    start = max(min(at - _SHOWN // 3, len(line) - _SHOWN), 0)
    shown = line[start : start + _SHOWN].encode(errors="replace").decode()
    return "…" * (start > 0) + shown + "…" * (len(line) > start + _SHOWN)


def _quote(piece: str) -> str:
    """A piece of a line; a character that can't be seen by its number."""
    if not piece.isprintable():
        piece = "".join(char if char.isprintable() else f"<U+{ord(char):04X}>" for char in piece)
    return f"`{piece}`" if len(piece) <= _SHOWN_PIECE else f"`{piece[:_SHOWN_PIECE]}…`"


def _open_ends(old: int | None, wanted: _Lines) -> _Ends:
    """Whether the wanted line may start and end inside a line: the first and the last one may."""
    start, end = wanted.open_ends
    return start and old == 0, end and old == len(wanted.keys) - 1

"""Tables in box drawing, their columns fitted to the width; where there is no room for it, row by row."""

from collections.abc import Sequence

from pi.modes.tui.lines import EMPTY, Line, Span, cells, styled, width_of, wrap

Align = str  # "left", "center" or "right"

_BORDER = "borderMuted"
_LEAST = 6  # cells a column must have on average
_WORD = 24  # cells that a long word may claim


def table(
    head: Sequence[Line], body: Sequence[Sequence[Line]], aligns: Sequence[Align], width: int
) -> list[Line]:
    """Each row of `body` has as many cells as `head`."""
    count = len(head)
    room = width - 3 * count - 1
    rows = [[styled(cell, "bold") for cell in head], *body]
    natural = [max(1, *(width_of(row[column]) for row in rows)) for column in range(count)]
    if sum(natural) > room and room < _LEAST * count:
        return _records(head, body, width)
    sizes = natural if sum(natural) <= room else _fitted(rows, natural, room)
    made = [[wrap(cell, size) for cell, size in zip(row, sizes, strict=True)] for row in rows]
    apart = any(len(cell) > 1 for row in made[1:] for cell in row)
    out = [_rule("┌┬┐", sizes)]
    for number, row in enumerate(made):
        if number == 1 or (apart and number > 1):
            out.append(_rule("├┼┤", sizes))
        out += _row(row, sizes, aligns)
    out.append(_rule("└┴┘", sizes))
    return out


def _fitted(rows: Sequence[Sequence[Line]], natural: list[int], room: int) -> list[int]:
    """Widths that share the room: small columns keep theirs, wide ones get even parts of the rest."""
    least = [min(size, max(3, _longest_word(rows, column))) for column, size in enumerate(natural)]
    if sum(least) > room:
        least = [1] * len(natural)
    sizes = list(least)
    left = room - sum(sizes)
    while left > 0:
        open_ = [index for index, size in enumerate(sizes) if size < natural[index]]
        if not open_:
            break
        smallest = min(sizes[index] for index in open_)
        growing = [index for index in open_ if sizes[index] == smallest]
        for index in growing[:left]:
            sizes[index] += 1
        left -= min(left, len(growing))
    return sizes


def _longest_word(rows: Sequence[Sequence[Line]], column: int) -> int:
    words = (word for row in rows for text, _ in row[column] for word in text.split())
    return min(_WORD, max(map(cells, words), default=1))


def _row(row: Sequence[list[Line]], sizes: Sequence[int], aligns: Sequence[Align]) -> list[Line]:
    out: list[Line] = []
    for number in range(max(map(len, row))):
        spans: list[Span] = [("│ ", _BORDER)]
        for column, (cell, size, align) in enumerate(zip(row, sizes, aligns, strict=True)):
            line = cell[number] if number < len(cell) else EMPTY
            missing = size - width_of(line)
            before = missing if align == "right" else missing // 2 if align == "center" else 0
            if before:
                spans.append((" " * before, ""))
            spans += line
            if missing > before:
                spans.append((" " * (missing - before), ""))
            spans.append((" │" if column == len(row) - 1 else " │ ", _BORDER))
        out.append(tuple(spans))
    return out


def _rule(marks: str, sizes: Sequence[int]) -> Line:
    return ((marks[0] + marks[1].join("─" * (size + 2) for size in sizes) + marks[2], _BORDER),)


def _records(head: Sequence[Line], body: Sequence[Sequence[Line]], width: int) -> list[Line]:
    """One line for each cell, behind the name of its column."""
    out: list[Line] = []
    for row in body or [[EMPTY] * len(head)]:
        if out:
            out.append(EMPTY)
        for name, cell in zip(head, row, strict=True):
            out += wrap((*styled(name, "bold"), (": ", "bold"), *cell), width)
    return out

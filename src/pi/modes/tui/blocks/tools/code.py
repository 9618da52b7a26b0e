"""The text of a file as lines, coloured by its language."""

from pi.modes.tui.blocks.layout import MOST_CHARS, MOST_LINES, Excerpt, shown
from pi.modes.tui.blocks.tools.shape import Call, with_more
from pi.modes.tui.lines import Line, clip, wrap

_MOST_PATH = 300  # characters: a language is told by the end
_MOST_ROW = 2000  # characters that are coloured
_MOST_COLOURED = 100_000  # characters


def code_lines(text: str, path: str, call: Call, rows: int) -> list[Line]:
    """The first rows, each in one line, or all of them, broken, when the call is open."""
    if not text:
        return []
    count = MOST_LINES if call.open else rows
    taken = text.split("\n", count)
    hidden = taken.pop().count("\n") + 1 if len(taken) > count else 0
    cleaned = [shown(row, MOST_CHARS if call.open else call.width * 4) for row in taken]
    out: list[Line] = []
    for line in _coloured(cleaned, path):
        out += wrap(line, call.width) if call.open else [clip(line, call.width)]
    return with_more(Excerpt(out, hidden), call.width)


def _coloured(rows: list[str], path: str) -> list[Line]:
    plain: list[Line] = [((row, "toolOutput"),) for row in rows]
    if max(map(len, rows)) > _MOST_ROW or sum(map(len, rows)) > _MOST_COLOURED:
        return plain
    from pi.modes.tui.markdown.code import highlight, language_of

    language = language_of(path[-_MOST_PATH:])
    if not language:
        return plain
    lines = highlight("\n".join(rows), language)
    return lines if len(lines) == len(rows) else plain

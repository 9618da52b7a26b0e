"""Foreign Markdown in a block: cut where it is endless, in the block's own colour."""

from pi.modes.tui.blocks.block import Look
from pi.modes.tui.blocks.layout import shortened
from pi.modes.tui.lines import Line

# Characters of a text and of one line of it: what Markdown takes some 50 ms for.
_MOST = 50_000
_MOST_ROW = 5_000


def prose(
    source: str, width: int, look: Look, style: str, *, most: int = _MOST, most_row: int = _MOST_ROW
) -> list[Line]:
    """The text as lines of at most `width` cells, without room beside them."""
    from pi.modes.tui.markdown.render import markdown

    return markdown(shortened(source, most, most_row), width, indent=look.code_indent, style=style)

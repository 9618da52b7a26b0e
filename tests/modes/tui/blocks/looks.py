"""What the tests of blocks look with."""

from pathlib import Path

from pi.modes.tui.blocks.block import Block, Look
from pi.modes.tui.lines import text_of

LOOK = Look(cwd=Path("/work/project"))
OPEN = Look(cwd=Path("/work/project"), expanded=True)


def texts(block: Block, look: Look = LOOK, width: int = 60) -> list[str]:
    """What a block shows, without styles and without the spaces at the ends."""
    return [text_of(line).rstrip() for line in block.lines(width, look)]

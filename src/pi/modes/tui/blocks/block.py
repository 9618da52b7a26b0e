"""What a block of the transcript is, and the wishes of the user that all blocks follow."""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from pi.modes.tui.lines import Line
from pi.modes.tui.terminal.gallery import Gallery


class Look(Struct, frozen=True):
    """How things are shown; a changed look draws everything anew."""

    cwd: Path
    expanded: bool = False  # outputs of tools in full
    thinking: bool = True  # thinking in full
    pad: int = 1  # cells left and right of the text
    code_indent: str = "  "
    images: Literal["none", "cells", "kitty"] = "none"
    image_width: int = 60  # cells
    gallery: Gallery | None = None  # of terminals that show pictures themselves
    links: bool = False  # whether the terminal makes links of them
    unicode: bool = True


class Block:
    """One thing in the transcript. It gives lines for a width; whoever shows it keeps them.

    `lines` may give the same list again, grown or changed, after `version` has risen. A block never looks at
    the clock, the session or the screen: who changes it calls its own methods.
    """

    kind = ""  # such as "user": what jumps and tests look for
    fill = ""  # style in which its lines are filled up to the full width, such as "on:userMessageBg"
    gap = True  # an empty line before it
    entry_id: str | None = None  # of the session's entry it shows

    def __init__(self) -> None:
        self.version = 0

    def touch(self) -> None:
        """It looks different from now on."""
        self.version += 1

    def lines(self, width: int, look: Look) -> list[Line]:
        """What is shown, each line in at most `width` cells."""
        raise NotImplementedError

    def estimate(self, width: int) -> int:
        """About how many lines there will be, without making them."""
        return 3

    def text(self) -> str:
        """What is searched, and copied as a whole."""
        return ""

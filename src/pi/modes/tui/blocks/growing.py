"""Markdown that is still coming, as lines with room on the left."""

from pi.modes.tui.blocks.block import Look
from pi.modes.tui.blocks.layout import inner, inset
from pi.modes.tui.lines import Line


class Growing:
    """A text that grows; its lines cost only what has changed since they were asked for last."""

    def __init__(self, text: str, width: int, look: Look, style: str) -> None:
        from pi.modes.tui.markdown.streaming import MarkdownStream

        self._stream = MarkdownStream(indent=look.code_indent, style=style)
        self._stream.feed(text)
        self._width = inner(width, look)
        self._look = look
        self._inset: list[Line] = []

    def feed(self, text: str) -> None:
        """It goes on."""
        self._stream.feed(text)

    def finish(self) -> None:
        """Nothing more comes."""
        self._stream.finish()

    def lines(self) -> list[Line]:
        """All of it so far; the list is kept and grows."""
        made = self._stream.lines(self._width)
        same = self._stream.changed
        self._inset[same:] = inset(made[same:], self._look)
        return self._inset

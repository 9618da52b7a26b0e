"""What extensions put into the transcript: their messages, and lines that they make themselves."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from pi.llm.messages import Image, Text, content_text
from pi.modes.tui.blocks.block import Block, Look
from pi.modes.tui.blocks.images import pictures
from pi.modes.tui.blocks.layout import MOST_LINES, Expandable, boxed, estimated, inner, inset, shown
from pi.modes.tui.blocks.prose import prose
from pi.modes.tui.lines import EMPTY, Line, clean, clip, text_of, wrap

_MOST = 2000  # characters of a line

Make = Callable[[int, Look], Sequence[str | Line] | None]


class CustomBlock(Block):
    """A message of an extension's, under the name that it gives to such messages."""

    kind = "custom"
    fill = "on:customMessageBg"

    def __init__(self, custom_type: str, content: str | tuple[Text | Image, ...]) -> None:
        super().__init__()
        self._type = custom_type
        self._content = content

    def lines(self, width: int, look: Look) -> list[Line]:
        room = inner(width, look)
        out = wrap(((f"[{clean(self._type[:_MOST])}]", "bold customMessageLabel"),), room)
        if text := content_text(self._content).strip("\n"):
            out += [EMPTY, *prose(text, room, look, "customMessageText")]
        if not isinstance(self._content, str):
            out += pictures((block for block in self._content if isinstance(block, Image)), room, look)
        return boxed(out, look)

    def estimate(self, width: int) -> int:
        return 4 + estimated(len(self.text()), width)

    def text(self) -> str:
        return f"[{self._type}]\n{content_text(self._content)}"


class RenderedBlock(Expandable):
    """Lines that an extension makes, or another block where it makes none; it changes with that one.

    Touch it when what the extension shows has changed.
    """

    def __init__(self, make: Make, fallback: Block) -> None:
        self.fallback = fallback
        super().__init__()
        self._make = make
        self._text = ""
        self.kind = fallback.kind
        self.fill = fallback.fill
        self.gap = fallback.gap
        self.entry_id = fallback.entry_id

    @property
    def version(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Its own changes and those of the other block."""
        return self._version + self.fallback.version

    @version.setter
    def version(self, version: int) -> None:
        self._version = version - self.fallback.version

    def lines(self, width: int, look: Look) -> list[Line]:
        room = inner(width, look)
        look = replace(look, expanded=self.is_open(look.expanded))
        try:
            made = self._make(room, look)
            lines = None if made is None else [_line(each, room) for each in made[:MOST_LINES]]
        except Exception:  # foreign code: what an extension can't show is shown as if it hadn't tried
            lines = None
        if lines is None:
            out = self.fallback.lines(width, look)
            self.fill = self.fallback.fill
            return out
        self.fill = ""
        self._text = "\n".join(map(text_of, lines))
        return inset(lines, look)

    def estimate(self, width: int) -> int:
        return self.fallback.estimate(width)

    def text(self) -> str:
        return f"{self.fallback.text()}\n{self._text}"


def _line(made: str | Line, width: int) -> Line:
    """One line of an extension's, without anything that could steer the terminal."""
    if isinstance(made, str):
        return clip(((shown(made, _MOST).replace("\n", " "), ""),), width)
    spans = tuple((clean(str(text)[:_MOST]), clean(str(style))) for text, style in made)
    return clip(spans, width)

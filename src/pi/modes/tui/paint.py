"""From styled lines to strips: a theme gives the styles their colours, the terminal's depth its limits."""

from collections.abc import Callable

from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from pi.modes.tui.lines import Line, pad, width_of
from pi.modes.tui.terminal.colors import Depth, to_16, to_256
from pi.modes.tui.theme.themes import Theme

_KEPT = 4096  # strips of lines; a screen has some fifty
_ATTRIBUTES = {
    "bold": Style(bold=True),
    "italic": Style(italic=True),
    "underline": Style(underline=True),
    "faint": Style(dim=True),
    "strike": Style(strike=True),
    "reverse": Style(reverse=True),
}
# What stands back where there is no colour for it.
_FAINT = frozenset(
    [
        "dim",
        "muted",
        "thinkingText",
        "border",
        "borderMuted",
        "thinkingOff",
        "mdCodeBlockBorder",
        "mdHr",
        "mdQuoteBorder",
        "scrollbarTrack",
    ]
)
_ASCII = str.maketrans(
    "─━│┃┌┐└┘├┤┬┴┼╭╮╰╯→←↑↓↳•·●✓✗…“”‘’–—×▌█", "--||+++++++++++++><^v>*-*+x~\"\"''--x|#"
)  # of the same width


class Painter:
    """Paints with one theme. A line that was painted before costs a look into a dictionary."""

    def __init__(self, theme: Theme, depth: Depth, *, links: bool = False, unicode: bool = True):
        self._theme = theme
        self._links = links
        self._unicode = unicode
        self._convert = _converter(depth)
        self._plain = depth == "none"
        self._words: dict[str, Style] = {}
        self._styles: dict[str, Style] = {}
        self._strips: dict[tuple[Line, str, int], Strip] = {}

    def strip(self, line: Line, fill: str, width: int) -> Strip:
        """The line, `width` cells wide, on the background of `fill`."""
        key = (line, fill, width)
        found = self._strips.get(key)
        if found is None:
            if len(self._strips) >= _KEPT:
                self._strips.clear()
            found = self._strips[key] = self._paint(line, fill, width)
        return found

    def style(self, words: str) -> Style:
        """The style that the words mean; those that nobody knows mean nothing."""
        found = self._styles.get(words)
        if found is None:
            found = Style()
            for word in words.split():
                found = found + self._word(word)
            if len(self._styles) >= _KEPT:
                self._styles.clear()  # images and links have many of them
            self._styles[words] = found
        return found

    def _paint(self, line: Line, fill: str, width: int) -> Strip:
        size = width_of(line)
        if not self._unicode:
            line = tuple((text.translate(_ASCII), style) for text, style in line)
        spans = pad(line, width) if size < width else line
        segments = [Segment(text, self.style(f"{fill} {style}")) for text, style in spans if text]
        strip = Strip(segments, max(size, width))
        return strip.crop(0, width) if size > width else strip

    def _word(self, word: str) -> Style:
        found = self._words.get(word)
        if found is None:
            found = self._read(word)
            if not word.startswith(("fg:", "on:#", "link:")):
                self._words[word] = found
        return found

    def _read(self, word: str) -> Style:
        if (attribute := _ATTRIBUTES.get(word)) is not None:
            return attribute
        if word.startswith("link:"):
            return Style(link=word[5:]) if self._links else Style()
        if self._plain:
            marked = word in ("on:selectedBg", "on:searchMatchBg")
            return _ATTRIBUTES["reverse" if marked else "faint"] if marked or word in _FAINT else Style()
        if word.startswith("fg:"):
            return Style(color=self._convert(word[3:]))
        if word.startswith("on:"):
            name = word[3:]
            value = name if name.startswith("#") else self._theme.colors.get(name, "")
            if value == "" and name in ("selectedBg", "searchMatchBg"):
                return _ATTRIBUTES["reverse"]  # a terminal whose colours nobody knows
            return Style(bgcolor=self._convert(value)) if value != "" else Style()
        value = self._theme.colors.get(word, "")
        if value == "":
            return _ATTRIBUTES["faint"] if word in _FAINT else Style()
        return Style(color=self._convert(value))


def _converter(depth: Depth) -> Callable[[str | int], Color]:
    def truecolor(value: str | int) -> Color:
        if isinstance(value, int):
            return Color.from_ansi(value)
        number = int(value[1:], 16)
        return Color.from_triplet(ColorTriplet(number >> 16, number >> 8 & 255, number & 255))

    def indexed(value: str | int) -> Color:
        return Color.from_ansi(value if isinstance(value, int) else to_256(value))

    def few(value: str | int) -> Color:
        return Color.from_ansi(value if isinstance(value, int) and value < 16 else to_16(value))

    return truecolor if depth == "truecolor" else indexed if depth == "256" else few

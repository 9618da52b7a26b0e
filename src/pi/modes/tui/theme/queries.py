"""What to ask the terminal about its colours, and how to find its answers between the keys."""

import re

from msgspec import Struct

from pi.modes.tui.theme.theme import Appearance
from pi.modes.tui.theme.themes import Themes

QUERY_COLORS = "\x1b]10;?\x1b\\\x1b]11;?\x1b\\" + "".join([f"\x1b]4;{n};?\x1b\\" for n in range(16)])
QUERY_APPEARANCE = "\x1b[?996n"
NOTIFY_ON, NOTIFY_OFF = "\x1b[?2031h", "\x1b[?2031l"  # of changes between light and dark

_ANSWER = re.compile(r"\x1b\](?:(10|11)|4;(\d{1,3}));([^\x07\x1b]{0,60})(?:\x07|\x1b\\)|\x1b\[\?997;([12])n")
# The beginning of an answer at the end of what came. Not ESC and "ESC ]" alone: those may be keys.
_BEGUN = re.compile(
    r"\x1b(?:\](?:1(?:[01](?:;[^\x07\x1b]{0,60}\x1b?)?)?|4(?:;(?:\d{1,3}(?:;[^\x07\x1b]{0,60}\x1b?)?)?)?)"
    r"|\[\?(?:9(?:9(?:7(?:;[12]?)?)?)?)?)$"
)
_AFTER_ESC = re.compile(r"\](?:1[01]|4;\d{1,3});(?:$|r|#)|\[\?997;[12]n")
_AFTER_BRACKET = re.compile(r"(?:1[01]|4;\d{1,3});(?:$|r|#)")
_AFTER_CSI = re.compile(r"\?997;[12]n")
_RGB = re.compile(r"rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})(?:/[0-9a-fA-F]{1,4})?")
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


class Answer(Struct, frozen=True):
    """What the terminal said of itself at once; the colours are "#rrggbb"."""

    foreground: str | None = None
    background: str | None = None
    palette: dict[int, str] = {}
    appearance: Appearance | None = None  # it also says so unasked, and then has other colours: ask again

    def tell(self, themes: Themes) -> bool:
        """Tell the themes; True when the theme is another one now."""
        changed = False
        if self.appearance is not None:
            changed = themes.appearance_reported(self.appearance)
        if self.foreground is not None or self.background is not None or self.palette:
            changed = themes.reported(self.foreground, self.background, self.palette) or changed
        return changed


class AnswerParser:
    """Takes the terminal's input as it comes; an answer may be split anywhere."""

    def __init__(self) -> None:
        self._held = ""
        self._passed = ""  # an ESC that went on as a key, and may have been none

    def feed(self, text: str) -> tuple[list[Answer], str]:
        """At most one answer, of all that is in there, and the rest: keys, mouse, other answers."""
        begun = {"\x1b": _AFTER_ESC, "\x1b]": _AFTER_BRACKET, "\x1b[": _AFTER_CSI}.get(self._passed)
        if begun is not None and begun.match(text):
            text = self._passed + text
        text = self._held + text
        self._held = ""
        if "\x1b" not in text:  # keys, nearly always
            self._passed = ""
            return [], text
        matches = list(_ANSWER.finditer(text))
        rest = _ANSWER.sub("", text) if matches else text
        if (tail := _BEGUN.search(rest)) is not None:
            self._held, rest = rest[tail.start() :], rest[: tail.start()]
        self._passed = next((key for key in ("\x1b]", "\x1b[", "\x1b") if rest.endswith(key)), "")
        found = _joined(matches)
        return ([found] if found is not None else []), rest


def _joined(matches: list[re.Match[str]]) -> Answer | None:
    foreground = background = None
    palette: dict[int, str] = {}
    appearance: Appearance | None = None
    for match in matches:
        which, slot, said, scheme = match.groups()
        if scheme is not None:
            appearance = "dark" if scheme == "1" else "light"
        elif (color := parse_color(said)) is None:
            continue
        elif which == "10":
            foreground = color
        elif which == "11":
            background = color
        else:
            palette[int(slot)] = color
    found = Answer(foreground, background, palette, appearance)
    return None if found == Answer() else found


def parse_color(text: str) -> str | None:
    """ "#rrggbb" of a colour as terminals write it: rgb:RRRR/GGGG/BBBB with 1 to 4 digits each, or rgba:."""
    if _HEX.fullmatch(text):
        return text.lower()
    match = _RGB.fullmatch(text)
    if match is None:
        return None
    channels = [round(int(part, 16) * 255 / (16 ** len(part) - 1)) for part in match.groups()]
    return "#" + "".join([f"{channel:02x}" for channel in channels])

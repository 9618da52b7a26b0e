"""How many colours the terminal shows, and the nearest of them to any colour."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from pi.harness.settings import Settings

Depth = Literal["truecolor", "256", "16", "none"]

_ALL_COLORS = ("kitty", "ghostty", "alacritty", "foot", "wezterm", "contour", "rio", "direct")
_PROGRAMS = (
    "iterm.app",
    "wezterm",
    "ghostty",
    "kitty",
    "vscode",
    "zed",
    "warpterminal",
    "hyper",
    "rio",
    "tabby",
)
_MARKS = ("WT_SESSION", "KITTY_WINDOW_ID", "GHOSTTY_RESOURCES_DIR", "WEZTERM_PANE", "ALACRITTY_WINDOW_ID")
_STEPS = (0, 95, 135, 175, 215, 255)  # of the cube of 6 x 6 x 6
_ANSI = (  # the 16 as xterm shows them
    *((0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205)),
    *((229, 229, 229), (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255)),
    *((255, 0, 255), (0, 255, 255), (255, 255, 255)),
)


def depth(env: Mapping[str, str], settings: Settings) -> Depth:
    """The colours that can be used: as the setting, PI_TRUE_COLOR, NO_COLOR or the terminal's name say."""
    said = settings.get("terminal.trueColor")
    if not isinstance(said, bool):
        said = {"1": True, "0": False}.get(env.get("PI_TRUE_COLOR", ""))
    if said is True:
        return "truecolor"
    term = env.get("TERM", "").lower()
    if env.get("NO_COLOR") or term == "dumb":
        return "none"
    found = _detected(env, term)
    return "256" if said is False and found == "truecolor" else found


def _detected(env: Mapping[str, str], term: str) -> Depth:
    if term.startswith("screen") and not env.get("TMUX"):
        return "256" if "256" in term else "16"  # GNU screen drops the others, whatever COLORTERM says
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit") or "direct" in term:
        return "truecolor"
    if env.get("TMUX") or term.startswith("tmux"):
        return "256"  # the programs outside of it say nothing of what tmux passes on
    program = env.get("TERM_PROGRAM", "").lower()
    if program in _PROGRAMS or any(name in term for name in _ALL_COLORS):
        return "truecolor"
    if any(env.get(mark) for mark in _MARKS):
        return "truecolor"
    if "256" in term or program == "apple_terminal":
        return "256"
    return "none" if term.startswith("vt") else "16"


@lru_cache(4096)
def to_256(color: str) -> int:
    """The nearest of the indices 16-255 to "#rrggbb"; the 16 before them look different everywhere."""
    rgb = _channels(color)
    cube = [_nearest_step(channel) for channel in rgb]
    index = 16 + 36 * cube[0] + 6 * cube[1] + cube[2]
    level = min(23, max(0, round((sum(rgb) / 3 - 8) / 10)))
    gray = 8 + 10 * level
    in_cube = _distance(rgb, (_STEPS[cube[0]], _STEPS[cube[1]], _STEPS[cube[2]]))
    return 232 + level if _distance(rgb, (gray, gray, gray)) < in_cube else index


@lru_cache(4096)
def to_16(color: str | int) -> int:
    """The nearest of the first 16 to "#rrggbb" or to an index."""
    rgb = _channels(color) if isinstance(color, str) else _of_index(color)
    return min(range(16), key=lambda index: _distance(rgb, _ANSI[index]))


def _of_index(index: int) -> tuple[int, int, int]:
    if index < 16:
        return _ANSI[index]
    if index >= 232:
        gray = 8 + 10 * (index - 232)
        return gray, gray, gray
    index -= 16
    return _STEPS[index // 36], _STEPS[index // 6 % 6], _STEPS[index % 6]


def _channels(color: str) -> tuple[int, int, int]:
    number = int(color[1:], 16)
    return number >> 16, number >> 8 & 255, number & 255


def _nearest_step(channel: int) -> int:
    return min(range(6), key=lambda step: abs(_STEPS[step] - channel))


def _distance(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """How different two colours look, roughly: red counts more where there is much of it ("redmean")."""
    red = (one[0] + other[0]) / 2
    r, g, b = one[0] - other[0], one[1] - other[1], one[2] - other[2]
    return (2 + red / 256) * r * r + 4 * g * g + (2 + (255 - red) / 256) * b * b

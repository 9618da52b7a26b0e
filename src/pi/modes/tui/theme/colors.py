"""Colours of theme files: their six forms, variables, and how well one is read on another."""

import re
from collections.abc import Mapping
from typing import Any

from pi.modes.tui.theme.oklab import Three, from_okhsl, from_oklch, linear
from pi.modes.tui.theme.theme import Appearance
from pi.platform.errors import ConfigError

Color = str | int  # "#rrggbb", an index of the terminal's palette, "" for its default

_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+))"
_FUNCTION = re.compile(
    rf"(oklch|okhsl)\(\s*{_NUMBER}(%|deg)?[\s,]+{_NUMBER}(%)?[\s,]+{_NUMBER}(%|deg)?\s*\)", re.IGNORECASE
)
_FULL_CHROMA = 0.4  # what 100% of chroma is in CSS
_FORMS = 'Use "#rrggbb", "#rgb", oklch(), okhsl(), 0-255, the name of a variable, or "".'
_ANSI = (  # as xterm shows the first 16, where the terminal hasn't said how it does
    *("#000000", "#cd0000", "#00cd00", "#cdcd00", "#0000ee", "#cd00cd", "#00cdcd", "#e5e5e5"),
    *("#7f7f7f", "#ff0000", "#00ff00", "#ffff00", "#5c5cff", "#ff00ff", "#00ffff", "#ffffff"),
)
_STEPS = (0, 95, 135, 175, 215, 255)


def resolve(value: Any, variables: Mapping[str, Any], where: str) -> Color:
    """A colour of a theme file without variables: "#rrggbb", 0-255 or "". ConfigError begins with `where`."""
    seen: list[str] = []
    while True:
        color = _literal(value, where)
        if color is not None:
            return color
        name = str(value)
        if name in seen:
            chain = " → ".join([*seen[seen.index(name) :], name])
            raise ConfigError(f"{where}: variables go in a circle: {chain}. Give one of them a colour.")
        if name not in variables:
            raise ConfigError(f"{where}: {name!r} is neither a colour nor in vars. {_FORMS}")
        seen.append(name)
        value = variables[name]


def _literal(value: Any, where: str) -> Color | None:
    """The colour, or None for the name of a variable."""
    if isinstance(value, int) and not isinstance(value, bool):
        if 0 <= value <= 255:
            return value
        raise ConfigError(f"{where}: {value} is no index of a colour. Use 0 to 255.")
    if not isinstance(value, str):
        raise ConfigError(f"{where}: a colour can't be {value!r}. {_FORMS}")
    if value == "":
        return ""
    if value.startswith("#"):
        if _HEX.fullmatch(value) is None:
            raise ConfigError(f"{where}: {value!r} is no colour. Use # and three or six hexadecimal digits.")
        digits = value[1:].lower()
        return f"#{digits}" if len(digits) == 6 else "#" + "".join([digit * 2 for digit in digits])
    if "(" in value:
        return _function(value, where)
    return None


def _function(value: str, where: str) -> str:
    match = _FUNCTION.fullmatch(value.strip())
    if match is None:
        raise ConfigError(f"{where}: can't read {value!r}. {_examples()}")
    name, first, first_unit, second, percent, third, third_unit = match.groups()
    a, b, c = float(first), float(second), float(third)
    if name.lower() == "oklch":
        if first_unit == "deg" or third_unit == "%":
            raise ConfigError(f"{where}: can't read {value!r}. {_examples()}")
        lightness = a / 100 if first_unit else a
        return to_hex(from_oklch(_unit(lightness), max(0.0, b / 100 * _FULL_CHROMA if percent else b), c))
    if first_unit == "%" or third_unit == "deg":
        raise ConfigError(f"{where}: can't read {value!r}. {_examples()}")
    saturation = b / 100 if percent else b
    return to_hex(from_okhsl(a, _unit(saturation), _unit(c / 100 if third_unit else c)))


def _examples() -> str:
    return "Write it like oklch(62% 0.1 200) or okhsl(250 60% 55%)."


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value))


def to_hex(rgb: Three) -> str:
    """ "#rrggbb" of channels of 0-1."""
    r, g, b = (round(255 * _unit(channel)) for channel in rgb)
    return f"#{r:02x}{g:02x}{b:02x}"


def to_rgb(color: str) -> Three:
    """Channels of 0-1 of "#rrggbb"."""
    number = int(color[1:], 16)
    return (number >> 16) / 255, (number >> 8 & 255) / 255, (number & 255) / 255


def indexed(index: int) -> str:
    """The colour that an index of 0-255 usually is."""
    if index < 16:
        return _ANSI[index]
    if index >= 232:
        level = 8 + 10 * (index - 232)
        return f"#{level:02x}{level:02x}{level:02x}"
    index -= 16
    return f"#{_STEPS[index // 36]:02x}{_STEPS[index // 6 % 6]:02x}{_STEPS[index % 6]:02x}"


def luminance(color: str) -> float:
    """Relative luminance by WCAG 2, 0-1."""
    r, g, b = to_rgb(color)
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)


def contrast(one: str, other: str) -> float:
    """Contrast by WCAG 2, 1-21."""
    a, b = luminance(one), luminance(other)
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)


def appearance_of(background: str, foreground: str | None = None) -> Appearance:
    """ "dark" or "light": what a terminal's own text says, if readable; else what reads better."""
    white, black = contrast("#ffffff", background), contrast("#000000", background)
    if foreground is not None and contrast(foreground, background) > 1.2:
        dark = luminance(foreground) > luminance(background)
        if (white if dark else black) >= 4.5:
            return "dark" if dark else "light"
    return "dark" if white >= black else "light"

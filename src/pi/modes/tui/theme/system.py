"""The theme `system`: Pi's colours made of those of the terminal.

A colour's hue is that of one of the terminal's 16, its lightness what can be read on the terminal's
background and on every panel. Without the 16 the hues are Pi's own; without a background the terminal mixes
the colours itself.
"""

from collections.abc import Mapping

from pi.modes.tui.theme.colors import appearance_of, contrast, luminance, to_hex, to_rgb
from pi.modes.tui.theme.oklab import even_lightness, from_oklch, inner_lightness, to_oklch
from pi.modes.tui.theme.theme import Appearance, Theme
from pi.modes.tui.theme.tokens import BACKGROUNDS, NAMES, THINKING

NAME = "system"
BODY = ("text", "userMessageText", "toolTitle")
_LIKE_BODY = ("customMessageText", "mdCodeBlock", "syntaxVariable")
BODY_CONTRAST = 4.5  # WCAG 2, level AA
_OWN_TEXT = 5.5  # from which contrast on the terminal's own foreground is taken: clearly above what is muted
_NEEDED_SLOTS = range(1, 7)  # without these six a palette says nothing

_NEUTRAL, _RED, _GREEN, _YELLOW, _BLUE, _VIOLET, _CYAN, _PINK = 8, 1, 2, 3, 4, 5, 6, 13
# Pi's own hues and chromas (OKLCH), where the terminal hasn't said its colours
_HUES: dict[int, tuple[float, float]] = {
    _NEUTRAL: (255, 0.012),
    _RED: (22, 0.14),
    _GREEN: (152, 0.11),
    _YELLOW: (82, 0.11),
    _BLUE: (252, 0.11),
    _VIOLET: (300, 0.11),
    _CYAN: (205, 0.08),
    _PINK: (340, 0.13),
}
_NEUTRAL_CHROMA, _CHROMA = 0.03, 0.17  # at most


_SLOTS = {
    **dict.fromkeys(("accent", "border", "borderAccent", "mdLink", "mdListBullet"), _BLUE),
    **dict.fromkeys(("syntaxKeyword", "syntaxNumber", "customMessageLabel"), _VIOLET),
    **dict.fromkeys(("mdCode", "syntaxType"), _CYAN),
    **dict.fromkeys(("success", "toolDiffAdded", "syntaxString", "bashMode"), _GREEN),
    **dict.fromkeys(("error", "toolDiffRemoved"), _RED),
    **dict.fromkeys(("warning", "mdHeading"), _YELLOW),
    "syntaxFunction": _BLUE,
    "thinkingMinimal": _NEUTRAL,
    "thinkingLow": _CYAN,
    "thinkingMedium": _BLUE,
    "thinkingHigh": _VIOLET,
    "thinkingXhigh": _PINK,
    "thinkingMax": _RED,
}
_CONTRASTS = {
    **dict.fromkeys(BODY, 11.0),
    "dim": 3.2,
    "border": 3.0,
    "borderAccent": 4.0,
    "borderMuted": 1.9,
    "mdHr": 2.4,
    "mdQuoteBorder": 2.4,
    "mdCodeBlockBorder": 2.4,
    "scrollbarTrack": 1.5,
    "scrollbarThumb": 3.0,
    "searchMatchText": 7.0,
    **dict(zip(THINKING, (1.9, 2.4, 2.9, 3.4, 3.9, 4.4, 5.0), strict=True)),
}
_READABLE = 4.9  # all other text
_PANELS = {  # slot, how far from the background compared with the others, how much of the hue
    "selectedBg": (_BLUE, 1.5, 1.0),
    "searchMatchBg": (_YELLOW, 1.8, 1.2),
    "userMessageBg": (_BLUE, 1.0, 0.5),
    "customMessageBg": (_VIOLET, 1.0, 0.6),
    "toolPendingBg": (_NEUTRAL, 0.75, 0.5),
    "toolSuccessBg": (_GREEN, 0.75, 0.4),
    "toolErrorBg": (_RED, 0.85, 0.6),
}
_STEP: dict[Appearance, float] = {"dark": 0.085, "light": 0.045}  # of OKHSL's lightness
_TINT: dict[Appearance, float] = {"dark": 0.05, "light": 0.03}  # chroma


def system_theme(
    appearance: Appearance,
    foreground: str | None = None,
    background: str | None = None,
    palette: Mapping[int, str] | None = None,
) -> Theme:
    """The theme for what the terminal reported ("#rrggbb"); `appearance` counts without a background."""
    if background is None:
        return Theme(NAME, appearance, {token: _index(token) for token in NAMES})
    whole = palette is not None and all(slot in palette for slot in _NEEDED_SLOTS)
    mixer = _Mixer(background, foreground, palette if whole else None)
    return Theme(NAME, mixer.appearance, mixer.colors())


def _index(token: str) -> str | int:
    slot = _SLOTS.get(token, _NEUTRAL)
    return "" if slot == _NEUTRAL or token in BACKGROUNDS else slot


class _Mixer:
    """Finds the lightness at which each colour can be read."""

    def __init__(self, background: str, foreground: str | None, palette: Mapping[int, str] | None):
        self.appearance: Appearance = appearance_of(background, foreground)
        self._background = background
        self._foreground = foreground
        self._palette = palette
        self._extreme = "#ffffff" if self.appearance == "dark" else "#000000"
        self._mixed: dict[tuple[int, float, float], str] = {}

    def colors(self) -> dict[str, str | int]:
        """All colours of the theme."""
        panels = {token: self._panel(*_PANELS[token]) for token in BACKGROUNDS}
        surfaces = [self._background, *(panels[token] for token in BACKGROUNDS if token != "searchMatchBg")]
        hardest = self._hardest(surfaces)
        found: dict[str, str | int] = {}
        for token in NAMES:
            if token in panels:
                found[token] = panels[token]
            elif token in BODY or token in _LIKE_BODY:
                found[token] = self._body(hardest)
            elif token == "searchMatchText":
                found[token] = self._text(_NEUTRAL, _CONTRASTS[token], panels["searchMatchBg"])
            else:
                wanted = _CONTRASTS.get(token, _READABLE)
                # borders, bars and rules stand on the background alone
                line = wanted < _READABLE and token != "dim"
                surface = self._background if line else hardest
                found[token] = self._text(_SLOTS.get(token, _NEUTRAL), wanted, surface)
        return found

    def _hardest(self, surfaces: list[str]) -> str:
        """The surface on which text is read worst."""
        return min(surfaces, key=lambda surface: contrast(self._extreme, surface))

    def _source(self, slot: int) -> tuple[float, float]:
        """Hue and chroma for a slot."""
        hue, chroma = _HUES[slot]
        if self._palette is not None and slot in self._palette:
            _, chroma, hue = to_oklch(to_rgb(self._palette[slot]))
        return hue, min(chroma, _NEUTRAL_CHROMA if slot == _NEUTRAL else _CHROMA)

    def _panel(self, slot: int, distance: float, tint: float) -> str:
        hue, chroma = self._source(slot)
        inner, own_chroma, own_hue = to_oklch(to_rgb(self._background))
        step = _STEP[self.appearance] * distance * (1 if self.appearance == "dark" else -1)
        if slot == _NEUTRAL:  # the background itself, a little nearer to the text
            hue, chroma = own_hue, own_chroma
        else:
            chroma = min(chroma, _TINT[self.appearance]) * tint
        for _ in range(6):
            lightness = min(1.0, max(0.0, even_lightness(inner) + step))
            panel = to_hex(from_oklch(inner_lightness(lightness), chroma, hue))
            if contrast(self._extreme, panel) >= BODY_CONTRAST:
                return panel
            step, chroma = step / 2, chroma / 2
        return self._background

    def _body(self, surface: str) -> str:
        if self._foreground is not None and self._stands_out(self._foreground, surface):
            return ""
        return self._text(_NEUTRAL, _CONTRASTS["text"], surface)

    def _stands_out(self, text: str, surface: str) -> bool:
        lighter = luminance(text) > luminance(surface)
        return lighter == (self.appearance == "dark") and contrast(text, surface) >= _OWN_TEXT

    def _text(self, slot: int, wanted: float, surface: str) -> str:
        most = contrast(self._extreme, surface)
        # on a background of middling lightness everything moves closer, what is body text the least
        share = 0.97 if wanted > _READABLE + 1 else 0.8
        goal = max(min(wanted, 1 + (most - 1) * share), min(wanted, BODY_CONTRAST) if share > 0.9 else 0)
        return self._at(slot, goal, luminance(surface))

    def _at(self, slot: int, goal: float, surface: float) -> str:
        """The slot's hue in the lightness that has the contrast `goal` to the luminance `surface`."""
        key = (slot, goal, surface)
        if (known := self._mixed.get(key)) is not None:
            return known
        dark = self.appearance == "dark"
        needed = (surface + 0.05) * goal - 0.05 if dark else (surface + 0.05) / goal - 0.05
        needed = min(1.0, max(0.0, needed))
        hue, chroma = self._source(slot)
        lightness = needed ** (1 / 3)
        color = self._extreme
        for _ in range(8):
            color = to_hex(from_oklch(lightness, chroma, hue))
            light = luminance(color)
            if abs(light - needed) < 0.002 and (light >= needed if dark else light <= needed):
                break
            lightness *= (max(needed, 1e-4) / max(light, 1e-4)) ** (1 / 3)
            lightness = min(1.0, max(0.0, lightness + (0.003 if dark else -0.003)))
        else:
            light = luminance(color)
            if light < needed if dark else light > needed:
                color = self._extreme if goal > BODY_CONTRAST else color
        self._mixed[key] = color
        return color

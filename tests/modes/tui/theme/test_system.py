"""The theme `system` fits the terminal, whatever it reports."""

import pytest

from pi.modes.tui.theme.colors import contrast, to_rgb
from pi.modes.tui.theme.oklab import to_oklch
from pi.modes.tui.theme.system import BODY, system_theme
from pi.modes.tui.theme.tokens import BACKGROUNDS, NAMES

CATPPUCCIN = dict(
    enumerate(
        ["#45475a", "#f38ba8", "#a6e3a1", "#f9e2af", "#89b4fa", "#f5c2e7", "#94e2d5", "#bac2de", "#585b70"]
    )
)
SOLARIZED = dict(
    enumerate(
        ["#073642", "#dc322f", "#859900", "#b58900", "#268bd2", "#d33682", "#2aa198", "#eee8d5", "#002b36"]
    )
)
TERMINALS = [
    ("#cdd6f4", "#1e1e2e", CATPPUCCIN),
    ("#657b83", "#fdf6e3", SOLARIZED),
    ("#839496", "#002b36", SOLARIZED),
    (None, "#000000", None),
    (None, "#ffffff", None),
    (None, "#777777", None),
    ("#ffffff", "#808080", CATPPUCCIN),
]


@pytest.mark.parametrize(("foreground", "background", "palette"), TERMINALS)
def test_body_text_is_readable_on_background_and_panels(
    foreground: str | None, background: str, palette: dict[int, str] | None
):
    theme = system_theme("dark", foreground, background, palette)
    surfaces = [background, *(str(theme.colors[t]) for t in BACKGROUNDS if t != "searchMatchBg")]
    for token in BODY:
        color = str(theme.colors[token]) or foreground
        assert color is not None
        assert min(contrast(color, surface) for surface in surfaces) >= 4.5


@pytest.mark.parametrize(("foreground", "background", "palette"), TERMINALS[:5])
def test_messages_of_all_kinds_are_readable(
    foreground: str | None, background: str, palette: dict[int, str] | None
):
    theme = system_theme("dark", foreground, background, palette)
    texts = ("muted", "toolOutput", "error", "success", "warning", "accent", "syntaxKeyword", "mdCode")
    surfaces = [background, *(str(theme.colors[t]) for t in BACKGROUNDS if t != "searchMatchBg")]
    found = {(t, s) for t in texts for s in surfaces if contrast(str(theme.colors[t]), s) < 4.5}
    assert found == set()


def test_hues_are_the_terminals():
    theme = system_theme("dark", "#cdd6f4", "#1e1e2e", CATPPUCCIN)
    assert (theme.appearance, theme.colors["text"]) == ("dark", "")
    for token, slot in {"error": 1, "mdLink": 4, "success": 2}.items():
        hue, own = (to_oklch(to_rgb(str(color)))[2] for color in (theme.colors[token], CATPPUCCIN[slot]))
        assert hue == pytest.approx(own, abs=4)


def test_without_a_palette_the_hues_are_pis_own():
    theme = system_theme("dark", None, "#fdf6e3", {1: "#ff0000"})
    assert theme.appearance == "light"
    assert theme == system_theme("dark", None, "#fdf6e3")
    assert all(str(color).startswith("#") for color in theme.colors.values())


def test_a_silent_terminal_mixes_the_colours_itself():
    theme = system_theme("light")
    assert (theme.appearance, set(theme.colors)) == ("light", set(NAMES))
    assert {theme.colors[t] for t in (*BACKGROUNDS, *BODY, "muted", "dim")} == {""}
    assert [theme.colors[t] for t in ("error", "success", "mdLink", "warning")] == [1, 2, 4, 3]

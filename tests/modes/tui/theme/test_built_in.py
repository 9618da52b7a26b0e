"""Pi's own palettes can be read, on every background."""

import os
from pathlib import Path

import pytest

from pi.modes.tui.theme import themes
from pi.modes.tui.theme.colors import contrast
from pi.modes.tui.theme.file import load_theme
from pi.modes.tui.theme.theme import Theme
from pi.modes.tui.theme.tokens import BACKGROUNDS, NAMES, REQUIRED, THINKING

PAGES = {"dark": ("#000000", "#15171c", "#1e1e2e"), "light": ("#ffffff", "#fafafa")}
LINES = {*THINKING, "border", "borderMuted", "mdHr", "mdQuoteBorder", "mdCodeBlockBorder"} | {
    *("scrollbarTrack", "scrollbarThumb")
}
BODY = ("text", "userMessageText", "customMessageText", "toolTitle", "toolOutput", "muted", "thinkingText")
# folders with the original's dark.json and light.json, where somebody has them
ORIGINALS = [Path(each) for each in os.environ.get("PI_ORIGINAL_THEMES", "").split(os.pathsep) if each]


def built_in(name: str) -> Theme:
    return load_theme(Path(themes.__file__).parent / "data" / f"{name}.json")


def test_there_are_56_colours_of_which_51_are_needed():
    assert (len(set(NAMES)), len(set(REQUIRED))) == (56, 51)


@pytest.mark.parametrize("name", ["dark", "light"])
def test_body_text_is_readable_on_every_background(name: str):
    colors = built_in(name).colors
    surfaces = [*PAGES[name], *(str(colors[token]) for token in BACKGROUNDS)]
    assert {
        (token, surface)
        for token in BODY
        for surface in surfaces
        if contrast(str(colors[token]), surface) < 4.5
    } == set()


@pytest.mark.parametrize("name", ["dark", "light"])
def test_all_other_text_is_readable_on_pages_messages_and_tools(name: str):
    colors = built_in(name).colors
    surfaces = [
        *PAGES[name],
        *(str(colors[t]) for t in BACKGROUNDS if t not in ("selectedBg", "searchMatchBg")),
    ]
    texts = [token for token in NAMES if token not in BACKGROUNDS and token not in LINES]
    found = {(t, s) for t in texts for s in surfaces if contrast(str(colors[t]), s) < 4.5}
    assert found == set()


@pytest.mark.parametrize("name", ["dark", "light"])
def test_thinking_levels_stand_out_more_and_more(name: str):
    theme = built_in(name)
    steps = [contrast(str(theme.colors[token]), PAGES[name][1]) for token in THINKING]
    assert steps == sorted(steps)
    assert len({theme.colors[token] for token in THINKING}) == len(THINKING)


@pytest.mark.parametrize("path", [path / f"{n}.json" for path in ORIGINALS for n in ("dark", "light")])
def test_the_originals_themes_load(path: Path):
    theme = load_theme(path)
    assert (theme.name, theme.appearance, set(theme.colors)) == (path.stem, path.stem, set(NAMES))

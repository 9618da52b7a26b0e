"""As many colours are used as the terminal shows."""

import pytest

from pi.harness.settings import Settings
from pi.modes.tui.terminal.colors import depth, to_16, to_256


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "truecolor"),
        ({"TERM": "xterm-kitty"}, "truecolor"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "truecolor"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, "256"),
        ({"TERM": "xterm-256color", "WT_SESSION": "x"}, "truecolor"),
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "xterm-direct"}, "truecolor"),
        ({"TERM": "linux"}, "16"),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, "none"),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1"}, "none"),
        ({"TERM": "xterm-kitty", "NO_COLOR": ""}, "truecolor"),
        ({"TERM": "screen", "TMUX": "x", "KITTY_WINDOW_ID": "1"}, "256"),
        ({"TERM": "tmux-256color", "TMUX": "x", "COLORTERM": "truecolor"}, "truecolor"),
        ({"TERM": "screen-256color", "COLORTERM": "truecolor"}, "256"),
        ({"TERM": "xterm", "PI_TRUE_COLOR": "1"}, "truecolor"),
        ({"TERM": "xterm-kitty", "PI_TRUE_COLOR": "0"}, "256"),
        ({"TERM": "xterm-kitty", "PI_TRUE_COLOR": "auto"}, "truecolor"),
    ],
)
def test_the_depth_is_what_the_environment_says(env: dict[str, str], expected: str):
    assert depth(env, Settings()) == expected


def test_the_setting_goes_before_the_environment():
    off, on = (Settings({"terminal": {"trueColor": value}}) for value in (False, True))
    assert depth({"TERM": "xterm-kitty", "PI_TRUE_COLOR": "1"}, off) == "256"
    assert depth({"TERM": "xterm", "PI_TRUE_COLOR": "0"}, on) == "truecolor"


def test_the_nearest_index_is_found():
    assert [to_256(c) for c in ("#000000", "#ffffff", "#ff0000", "#5f87af", "#808080", "#15171c")] == [
        *(16, 231, 196, 67, 244, 234)
    ]
    assert [to_16(c) for c in ("#000000", "#f00000", "#1d9d1d", "#eeeeee", 196, 244, 3)] == [
        *(0, 9, 2, 7, 9, 8, 3)
    ]

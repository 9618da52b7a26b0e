"""A theme file is read strictly, and what is wrong with it is said."""

import json
from pathlib import Path
from typing import Any

import pytest

from pi.modes.tui.theme.file import load_theme, parse_theme
from pi.modes.tui.theme.tokens import REQUIRED
from pi.platform.errors import ConfigError


def theme_file(**changes: Any) -> dict[str, Any]:
    """A complete theme file with some keys of its own."""
    return {"name": "mine", "colors": dict.fromkeys(REQUIRED, "#abcdef"), **changes}


def test_colours_that_are_left_out_are_inherited():
    colors = {**dict.fromkeys(REQUIRED, "#000000"), "muted": 1, "text": "", "selectedBg": "#111"}
    theme = parse_theme(theme_file(colors={**colors, "thinkingXhigh": "v"}, vars={"v": 7}), "x")
    assert [theme.colors[name] for name in ("scrollbarTrack", "scrollbarThumb", "searchMatchBg")] == [
        *(1, "", "#111111")
    ]
    assert (theme.colors["searchMatchText"], theme.colors["thinkingMax"]) == ("", 7)


def test_export_colours_are_concrete():
    theme = parse_theme(theme_file(export={"pageBg": 231, "cardBg": "okhsl(0 0% 0%)", "infoBg": ""}), "x")
    assert theme.export == {"pageBg": "#ffffff", "cardBg": "#000000"}


@pytest.mark.parametrize(("background", "appearance"), [("#222222", "dark"), ("#eeeeee", "light")])
def test_appearance_is_seen_in_the_colours(background: str, appearance: str):
    colors = {**dict.fromkeys(REQUIRED, ""), "userMessageBg": background}
    assert parse_theme(theme_file(colors=colors), "x").appearance == appearance


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ([], "the file must be a JSON object"),
        (theme_file(name="a/b"), '"/"'),
        (theme_file(name="system"), "can't be 'system'"),
        (theme_file(name=3), "name is missing"),
        (theme_file(author="me"), "it can't have 'author'"),
        (theme_file(export={"foo": 1}), "export can't have 'foo'"),
        (theme_file(appearance="grey"), "appearance is 'grey'"),
        (theme_file(colors={}), "colors lacks accent, "),
        (theme_file(colors={**dict.fromkeys(REQUIRED, 1), "mine": 2}), "belong into vars"),
        (theme_file(colors={**dict.fromkeys(REQUIRED, 1), "dim": "x"}), "colors.dim: 'x' is neither"),
        (theme_file(vars={"a": "a"}), "vars.a: variables go in a circle"),
    ],
)
def test_a_broken_file_says_where(value: Any, complaint: str):
    with pytest.raises(ConfigError, match=r"^themes/x\.json") as raised:
        parse_theme(value, "themes/x.json")
    assert complaint in str(raised.value)


def test_a_broken_or_missing_file_is_a_config_error(tmp_path: Path):
    path = tmp_path / "mine.json"
    with pytest.raises(ConfigError, match="Can't read the theme"):
        load_theme(path)
    path.write_text("{")
    with pytest.raises(ConfigError, match="line 1"):
        load_theme(path)
    path.write_text(json.dumps(theme_file()))
    assert load_theme(path).name == "mine"

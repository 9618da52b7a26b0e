"""The theme in use follows people's wishes, the terminal, and its file."""

import json
import os
from pathlib import Path

import pytest

from pi.harness.settings import Settings
from pi.modes.tui.theme.sources import Sources
from pi.modes.tui.theme.themes import Themes
from pi.platform.errors import ConfigError
from tests.modes.tui.theme.test_file import theme_file


def put(folder: Path, name: str, accent: str = "#abcdef") -> Path:
    """Write a theme file."""
    folder.mkdir(parents=True, exist_ok=True)
    theme = theme_file(name=name)
    theme["colors"]["accent"] = accent
    path = folder / f"{name}.json"
    path.write_text(json.dumps(theme))
    return path


def make(tmp_path: Path, theme: str | None = None, colorfgbg: str = "", wanted: str | None = None) -> Themes:
    """The themes of an agent directory."""
    settings = Settings({"theme": theme} if theme else {})
    return Themes(Sources(tmp_path, settings), wanted=wanted, env={"COLORFGBG": colorfgbg})


def test_without_a_wish_the_terminals_colours_are_used(tmp_path: Path):
    themes = make(tmp_path / "nowhere")
    assert (themes.current.name, themes.current.appearance, themes.warnings) == ("system", "dark", [])
    assert themes.reported("#222222", "#ffffff", None)
    assert themes.current.appearance == "light"
    assert not themes.reported("#222222", "#ffffff", None)


def test_a_pair_follows_the_terminal(tmp_path: Path):
    themes = make(tmp_path, "light/dark")
    assert themes.current.name == "dark"
    assert themes.appearance_reported("light")
    assert themes.current.name == "light"
    assert themes.reported(None, "#101010")  # the background says more than the notification
    assert themes.current.name == "dark"
    assert not themes.appearance_reported("light")


@pytest.mark.parametrize(
    ("said", "name"), [("0;15", "light"), ("15;0", "dark"), ("15;default;0", "dark"), ("x", "dark")]
)
def test_colorfgbg_counts_where_nothing_is_reported(tmp_path: Path, said: str, name: str):
    assert make(tmp_path, "light/dark", said).current.name == name


def test_a_flag_goes_before_the_setting(tmp_path: Path):
    assert make(tmp_path, "dark", wanted="light").current.name == "light"


def test_a_theme_that_isnt_there_is_said_and_system_used(tmp_path: Path):
    themes = make(tmp_path, "nobody")
    assert themes.current.name == "system"
    assert themes.warnings == [
        "There is no theme 'nobody'. There are: system, dark, light. The theme system is used instead."
    ]
    with pytest.raises(ConfigError):
        themes.use("dark/nobody")
    with pytest.raises(ConfigError, match="no pair"):
        themes.use("a/b/c")
    assert themes.current.name == "system"


def test_themes_come_from_flags_project_user_and_settings(tmp_path: Path):
    agent, project = tmp_path / "agent", tmp_path / "project" / ".pi"
    mine = put(agent / "themes", "mine", "#000001")
    put(agent / "themes", "off")
    put(agent / "more", "more")
    put(project / "themes", "mine", "#000002")
    flag = put(tmp_path, "flag")
    settings = Settings({"themes": ["more", "-themes/off.json"]})
    themes = Themes(Sources(agent, settings, project / "themes", [flag, tmp_path / "none.json"]))
    assert themes.names() == ["system", "dark", "light", "flag", "mine", "more"]
    themes.use("mine")
    assert themes.current.colors["accent"] == "#000002"
    assert themes.warnings == [
        f"There is no theme file {tmp_path / 'none.json'}.",
        f"{mine}: the theme 'mine' is already in {project / 'themes' / 'mine.json'}, which is used.",
    ]
    assert Themes(Sources(agent, settings, None, [flag], find=False)).names() == [
        "system",
        "dark",
        "light",
        "flag",
    ]


def test_the_users_file_is_read_again_when_it_changes(tmp_path: Path):
    path = put(tmp_path / "themes", "mine", "#000001")
    themes = make(tmp_path, "mine")
    assert not themes.poll()
    put(tmp_path / "themes", "mine", "#000002")
    os.utime(path, ns=(1, 1))
    assert themes.poll()
    assert themes.current.colors["accent"] == "#000002"
    path.write_text("{")
    assert not themes.poll()
    assert themes.current.colors["accent"] == "#000002"
    assert "The theme stays as it was." in themes.warnings[-1]
    put(tmp_path / "themes", "mine", "#000003")
    themes.reload(Sources(tmp_path, Settings({"theme": "mine"})))
    assert themes.current.colors["accent"] == "#000003"


def test_built_in_names_cant_be_taken(tmp_path: Path):
    put(tmp_path / "themes", "dark", "#000001")
    themes = make(tmp_path, "dark")
    assert themes.names() == ["system", "dark", "light"]
    assert themes.current.colors["accent"] != "#000001"
    assert "Give yours another name" in themes.warnings[0]


def test_what_the_terminal_mixes_has_a_concrete_colour(tmp_path: Path):
    themes = make(tmp_path)
    assert (themes.concrete("text"), themes.concrete("userMessageBg")) == ("#ffffff", "#000000")
    themes.reported("#eeeeee", "#111111")
    assert themes.concrete("text") == "#eeeeee"

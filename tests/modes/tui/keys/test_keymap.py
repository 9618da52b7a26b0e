"""Keys and actions: the defaults, and what keybindings.json makes of them."""

from pathlib import Path

import pytest

from pi.modes.tui.keys.actions import ACTIONS, Platform, current_platform
from pi.modes.tui.keys.hotkeys import hotkeys
from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.keys.syntax import spell


def loaded(tmp_path: Path, text: str) -> tuple[Keymap, list[str]]:
    (tmp_path / "keybindings.json").write_text(text, "utf-8")
    warnings: list[str] = []
    return Keymap.load(tmp_path, warnings, "unix"), warnings


DEFAULTS = Keymap.load(Path("/nonexistent"), [], "unix")


def test_there_are_ninety_actions_and_all_their_keys_are_spelled_right() -> None:
    platforms: tuple[Platform, ...] = ("unix", "mac", "windows", "wsl")
    keys = {key for action in ACTIONS.values() for platform in platforms for key in action.defaults(platform)}
    assert len(ACTIONS) == 90
    assert {key: spell(key) for key in keys} == {key: key for key in keys}


@pytest.mark.parametrize(
    ("platform", "action", "keys"),
    [
        ("unix", "tui.editor.undo", ("ctrl+-",)),
        ("windows", "tui.editor.undo", ("ctrl+z",)),
        ("wsl", "tui.editor.undo", ("alt+z",)),
        ("windows", "app.suspend", ()),
        ("wsl", "app.suspend", ("ctrl+z",)),
        ("wsl", "app.message.followUp", ("ctrl+q",)),
        ("mac", "app.tree.foldOrUp", ("alt+left", "ctrl+left")),
        ("windows", "app.clipboard.pasteImage", ("alt+v", "ctrl+v")),
    ],
)
def test_platforms_have_keys_of_their_own(platform: Platform, action: str, keys: tuple[str, ...]) -> None:
    assert Keymap({}, platform).keys(action) == keys


@pytest.mark.parametrize(
    ("name", "env", "platform"),
    [
        ("win32", {}, "windows"),
        ("linux", {}, "unix"),
        ("linux", {"WSL_DISTRO_NAME": "Debian"}, "wsl"),
        ("linux", {"WSL_INTEROP": "/run/WSL"}, "wsl"),
        ("darwin", {"WSL_INTEROP": "/run/WSL"}, "mac"),
    ],
)
def test_the_platform_is_known(name: str, env: dict[str, str], platform: Platform) -> None:
    assert current_platform(name, env) == platform


def test_the_first_wanted_action_of_a_key_is_found() -> None:
    key = Key("ctrl+d")
    assert DEFAULTS.action(key, ("app.exit", "tui.editor.deleteCharForward")) == "app.exit"
    assert (
        DEFAULTS.action(key, ("tui.editor.deleteCharForward", "app.exit")) == "tui.editor.deleteCharForward"
    )
    assert DEFAULTS.action(key, ("app.clear",)) is None
    assert DEFAULTS.means(Key("shift+ctrl+p"), "app.model.cycleBackward")
    assert not DEFAULTS.means(Key("é", "é"), "app.model.cycleBackward")


def test_the_arrow_that_a_terminal_says_with_a_letter_is_an_arrow_where_the_letter_is_nothing() -> None:
    assert DEFAULTS.action(Key("alt+b"), ("app.tree.foldOrUp",)) == "app.tree.foldOrUp"
    assert DEFAULTS.action(Key("alt+f"), ("tui.editor.cursorWordRight",)) == "tui.editor.cursorWordRight"


def test_a_file_replaces_disables_and_leaves_the_rest(tmp_path: Path) -> None:
    keymap, warnings = loaded(
        tmp_path,
        """{
  "$schema": "https://pi.dev/schemas/keybindings.schema.json",
  // mine
  "app.session.new": "shift+ctrl+N",
  "app.model.select": ["alt+ctrl+m", "RETURN", "esc"],
  "tui.altScreen.pageUp": [],
}""",
    )
    assert warnings == []
    assert keymap.keys("app.session.new") == ("ctrl+shift+n",)
    assert keymap.keys("app.model.select") == ("ctrl+alt+m", "enter", "escape")
    assert keymap.label("app.model.select") == "ctrl+alt+m"
    assert (keymap.keys("tui.altScreen.pageUp"), keymap.label("tui.altScreen.pageUp")) == ((), "")
    assert not keymap.means(Key("ctrl+l"), "app.model.select")
    assert keymap.means(Key("ctrl+o"), "app.tools.expand")


def test_old_names_still_work_unless_the_new_one_is_there(tmp_path: Path) -> None:
    keymap, warnings = loaded(
        tmp_path, '{"selectModel": "f2", "undo": "f3", "tui.editor.undo": "f4", "expandTools": "f5"}'
    )
    assert warnings == []
    assert keymap.keys("app.model.select") == ("f2",)
    assert keymap.keys("tui.editor.undo") == ("f4",)
    assert keymap.keys("app.tools.expand") == ("f5",)


def test_what_is_wrong_is_told_with_what_to_do(tmp_path: Path) -> None:
    keymap, warnings = loaded(
        tmp_path, '{"app.modal.select": "f2", "zzz": "f2", "app.clear": "hyper+x", "app.exit": ["f9", 4]}'
    )
    path = tmp_path / "keybindings.json"
    how = 'Write modifiers and a key, such as "ctrl+shift+p", a list of them, or [] for none.'
    assert warnings == [
        f"{path}: there is no action 'app.modal.select'. Did you mean app.model.select?",
        f"{path}: there is no action 'zzz'. See docs/keybindings.md for all names.",
        f"{path}: app.clear has 'hyper+x', which is no key. {how}",
        f"{path}: app.exit has 4, which is no key. {how}",
    ]
    assert keymap.keys("app.clear") == ("ctrl+c",)
    assert keymap.keys("app.exit") == ("f9",)


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("[1]", "{} isn't an object of actions and keys. The default keys are used."),
        (
            '{"app.clear": }',
            "{}, line 1, column 15: expecting value. "
            "The default keys are used; correct the file and use /reload.",
        ),
    ],
)
def test_a_broken_file_leaves_the_defaults(tmp_path: Path, text: str, warning: str) -> None:
    keymap, warnings = loaded(tmp_path, text)
    assert warnings == [warning.format(tmp_path / "keybindings.json")]
    assert keymap.keys("app.clear") == ("ctrl+c",)


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("alt+ctrl+x", "ctrl+alt+x"),
        ("SUPER+Ctrl+K", "ctrl+super+k"),
        ("ctrl++", "ctrl++"),
        ("+", "+"),
        ("pageup", "pageUp"),
        ("ctrl+_", "ctrl+-"),
        ("F12", "f12"),
        ("f13", None),
        ("ctrl+ctrl+a", None),
        ("ctrl+", None),
        ("", None),
        ("ctrl+é", None),
    ],
)
def test_a_key_has_one_spelling(written: str, spelled: str | None) -> None:
    assert spell(written) == spelled


def test_keys_of_others_are_compared_however_they_are_spelled() -> None:
    assert DEFAULTS.same(Key("ctrl+shift+x"), "Shift+Ctrl+X")
    assert not DEFAULTS.same(Key("ctrl+x"), "ctrl+shift+x")
    assert not DEFAULTS.same(Key("é"), "no key")


def test_hotkeys_tell_the_keys_that_hold_by_group(tmp_path: Path) -> None:
    keymap, _ = loaded(
        tmp_path, '{"app.session.new": ["`", "|"], "app.suspend": [], "app.interrupt": ["esc", "f1"]}'
    )
    text = hotkeys(keymap, [("ctrl+shift+x", "Say | hello\nto all")])
    assert text.startswith(
        """### Application

| Key | What it does |
|---|---|
| `escape`, `f1` | Stop what is running |
| `ctrl+c` | Clear the editor; twice: leave |
| `ctrl+d` | Leave, when the editor is empty |
| `ctrl+g` | Write in your own editor |
"""
    )
    assert "| `` ` ``, `\\|` | Start a new session |" in text
    assert text.endswith(
        """### Extensions

| Key | What it does |
|---|---|
| `ctrl+shift+x` | Say \\| hello to all |"""
    )


def test_hotkeys_leave_out_what_has_no_key() -> None:
    assert "Fork the session" not in hotkeys(DEFAULTS)
    assert "### Extensions" not in hotkeys(DEFAULTS)

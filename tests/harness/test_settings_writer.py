"""Settings are written without losing what people, other programs and earlier versions wrote."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pi.harness.settings import DEFAULTS, Settings, load_settings
from pi.harness.settings_writer import save_setting
from pi.harness.trust import is_trusted, save_trust
from pi.platform.errors import ConfigError
from pi.platform.locks import LockedError


def test_comments_order_foreign_keys_and_the_byte_order_mark_stay(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    text = '\ufeff{\r\n    // mine\r\n    "x-other": [1, 2], // theirs\r\n    "theme": "dark",\r\n}\r\n'
    path.write_bytes(text.encode())

    save_setting(path, "theme", "light")
    save_setting(path, "retry.enabled", False)

    added = '"light",\r\n    "retry": {\r\n        "enabled": false\r\n    },'
    assert path.read_bytes() == text.replace('"dark",', added).encode()


def test_a_new_file_is_what_the_original_writes_and_none_takes_a_setting_out(tmp_path: Path) -> None:
    path = tmp_path / "agent" / "settings.json"

    save_setting(path, "enabledModels", ["a", "b"])
    assert path.read_text() == json.dumps({"enabledModels": ["a", "b"]}, indent=2) + "\n"

    save_setting(path, "enabledModels", None)
    assert path.read_text() == "{}\n"
    assert os.listdir(tmp_path / "agent") == ["settings.json"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n  "theme": dark\n}', "{path}, line 2, column 12: expecting value."),
        ("[]", "{path} must hold a JSON object. Mend it, and then change settings again."),
        (b"\xff{}", "{path}: byte 0 is not UTF-8. Save the file as UTF-8."),
    ],
)
def test_a_file_that_cannot_be_read_is_never_written(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = tmp_path / "settings.json"
    raw = text.encode() if isinstance(text, str) else text
    path.write_bytes(raw)

    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path, None).save("theme", "light")

    assert str(caught.value) == message.format(path=path)
    assert path.read_bytes() == raw
    assert os.listdir(tmp_path) == ["settings.json"]


def test_an_empty_file_holds_no_settings(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_bytes(b"")
    settings = load_settings(tmp_path, None)
    settings.save("theme", "light")
    assert settings.warnings == []
    assert json.loads((tmp_path / "settings.json").read_text()) == {"theme": "light"}


def test_what_was_saved_is_seen_at_once_and_the_project_still_wins(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "agent", tmp_path / "work")

    settings.save("retry.maxRetries", 9)
    assert settings.number("retry.maxRetries") == 9
    settings.save("retry.maxRetries", 1, project=True)
    settings.save("retry.maxRetries", 8)
    assert settings.number("retry.maxRetries") == 1
    settings.save("retry.maxRetries", None, project=True)
    assert settings.number("retry.maxRetries") == 8
    settings.save("retry.maxRetries", None)
    assert settings.number("retry.maxRetries") == 3

    assert load_settings(tmp_path / "agent", tmp_path / "work").get("retry") == {}
    assert json.loads((tmp_path / "work" / ".pi" / "settings.json").read_text()) == {"retry": {}}


def test_a_key_may_have_dots_of_its_own(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, None)
    settings.save(("modelThinkingLevels", "openai/gpt-4.1"), "high")
    assert settings.get("modelThinkingLevels") == {"openai/gpt-4.1": "high"}
    assert load_settings(tmp_path, None).get("modelThinkingLevels") == {"openai/gpt-4.1": "high"}


def test_only_what_is_changed_here_is_written_over_what_others_wrote_since(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"theme": "dark", "tuiMode": "regular"}')
    mine = load_settings(tmp_path, None)
    path.write_text('{"theme": "system", "tuiMode": "fullscreen", "new": 1}')

    mine.save("tuiMode", "regular")

    assert path.read_text() == '{"theme": "system", "tuiMode": "regular", "new": 1}'
    assert mine.get("theme") == "dark"


def test_an_untrusted_project_is_not_written(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, None)
    with pytest.raises(ConfigError, match="isn't trusted"):
        settings.save("theme", "light", project=True)
    assert settings.get("theme") == "system"


def test_settings_without_files_change_in_memory() -> None:
    user = {"retry": {"enabled": True}}
    settings = Settings(user)
    settings.save("retry.enabled", False)
    settings.save("a.b.c", None)
    assert settings.flag("retry.enabled") is False
    assert settings.get("a") is None
    assert user == {"retry": {"enabled": True}}


def test_a_file_that_another_program_holds_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "settings.json.lock").mkdir()
    settings = load_settings(tmp_path, None)
    with pytest.raises(LockedError, match="in use by another program"):
        settings.save("theme", "light")
    assert settings.get("theme") == "system"
    assert os.listdir(tmp_path) == ["settings.json.lock"]


def test_two_processes_save_side_by_side_and_lose_nothing(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from pi.harness.settings_writer import save_setting\n"
        "for n in range(50): save_setting(Path(sys.argv[1]), f'{sys.argv[2]}.k{n}', n)"
    )
    path = tmp_path / "settings.json"
    two = [subprocess.Popen([sys.executable, "-c", script, str(path), name]) for name in "ab"]
    assert [process.wait() for process in two] == [0, 0]
    every = {f"k{n}": n for n in range(50)}
    assert json.loads(path.read_text()) == {"a": every, "b": every}
    assert os.listdir(tmp_path) == ["settings.json"]


def test_old_spellings_are_written_anew_with_the_first_change(tmp_path: Path) -> None:
    old = {
        "queueMode": "all",
        "websockets": False,
        "skills": {"customDirectories": ["~/skills"], "enableSkillCommands": False},
        "retry": {"maxDelayMs": 5, "enabled": True},
        "other": 1,
    }
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(old))

    load_settings(tmp_path, None).save("skills", ["~/mine"])

    assert json.loads(path.read_text()) == {
        "steeringMode": "all",
        "transport": "sse",
        "skills": ["~/mine"],
        "enableSkillCommands": False,
        "retry": {"enabled": True, "provider": {"maxRetryDelayMs": 5}},
        "other": 1,
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"queueMode": "all", "steeringMode": "one-at-a-time"}, {"steeringMode": "one-at-a-time"}),
        ({"websockets": True, "transport": "sse"}, {"transport": "sse"}),
        ({"websockets": "yes"}, {"websockets": "yes", "transport": "auto"}),
        ({"skills": {"customDirectories": []}}, {"skills": [], "enableSkillCommands": True}),
        (
            {"skills": {"enableSkillCommands": False}, "enableSkillCommands": True},
            {"enableSkillCommands": True},
        ),
        (
            {"retry": {"maxDelayMs": 5, "provider": {"maxRetryDelayMs": 7}}},
            {"retry.provider.maxRetryDelayMs": 7},
        ),
        ({"retry": {"maxDelayMs": 5, "provider": None}}, {"retry.provider.maxRetryDelayMs": 5}),
        ({"retry": {"maxDelayMs": "5", "provider": "x"}}, {"retry.maxDelayMs": None, "retry.provider": "x"}),
    ],
)
def test_new_spellings_win_over_old_ones(tmp_path: Path, old: object, new: dict[str, object]) -> None:
    (tmp_path / "settings.json").write_text(json.dumps(old))
    settings = load_settings(tmp_path, None)
    assert {path: settings.get(path) for path in new} == new


def test_every_setting_has_its_default_and_numbers_keep_to_their_limits() -> None:
    assert {path: Settings().get(path) for path in DEFAULTS} == DEFAULTS
    wide = Settings({"editorPaddingX": 9, "autocompleteMaxVisible": 1, "terminal": {"imageWidthCells": 0}})
    assert wide.number("editorPaddingX") == 3
    assert wide.number("autocompleteMaxVisible") == 3
    assert wide.number("terminal.imageWidthCells") == 1
    assert Settings({"websocketConnectTimeoutMs": " Disabled "}).timeout_ms("websocketConnectTimeoutMs") == 0


def test_a_project_cannot_spend_money_or_choose_how_pi_updates_itself() -> None:
    project = {"cacheWarming": "streaming", "selfUpdateCommand": ["sh"]}
    settings = Settings({}, project)
    assert (settings.get("cacheWarming"), settings.get("selfUpdateCommand")) == ("idle", None)


def test_a_decision_about_trust_is_saved_as_the_original_does_and_found_again(tmp_path: Path) -> None:
    agent, work = tmp_path / "agent", tmp_path / "wörk" / "inner"
    (work / ".pi" / "skills").mkdir(parents=True)

    def trusted() -> bool:
        return is_trusted(work, agent, decision=None, default="ask")

    save_trust(agent, work, False)
    save_trust(agent, work.parent, True)
    saved = {str(work.parent): True, str(work): False}
    store = agent / "trust.json"
    assert store.read_text("utf-8") == json.dumps(saved, indent=2, ensure_ascii=False) + "\n"
    assert not trusted()

    save_trust(agent, work, None)
    assert trusted()
    assert os.listdir(agent) == ["trust.json"]


@pytest.mark.parametrize("text", ["{", "[]", '{"/a": "yes"}'])
def test_a_broken_store_of_trust_is_never_written(tmp_path: Path, text: str) -> None:
    (tmp_path / "trust.json").write_text(text)
    with pytest.raises(ConfigError, match=r"trust\.json"):
        save_trust(tmp_path, tmp_path, True)
    assert (tmp_path / "trust.json").read_text() == text

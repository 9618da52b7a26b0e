"""Settings: precedence, defaults, old spellings, and files that are broken."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pi.harness.settings import Settings, load_settings


def write(path: Path, values: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(values if isinstance(values, str) else json.dumps(values))


def test_the_project_wins_over_the_user_and_both_over_the_defaults(tmp_path: Path) -> None:
    write(
        tmp_path / "agent" / "settings.json", {"retry": {"maxRetries": 9, "baseDelayMs": 7}, "theme": "dark"}
    )
    write(tmp_path / "work" / ".pi" / "settings.json", {"retry": {"maxRetries": 1}})

    settings = load_settings(tmp_path / "agent", tmp_path / "work")

    assert settings.number("retry.maxRetries") == 1
    assert settings.number("retry.baseDelayMs") == 7
    assert settings.number("retry.maxAgentDelayMs") == 60_000
    assert settings.get("theme") == "dark"


def test_a_project_that_is_not_asked_for_is_not_read(tmp_path: Path) -> None:
    write(tmp_path / "work" / ".pi" / "settings.json", {"theme": "evil"})

    assert load_settings(tmp_path / "agent", None).get("theme") == "system"


def test_a_project_cannot_choose_the_proxy_or_its_own_trust() -> None:
    settings = Settings(
        {"httpProxy": "http://mine"}, {"httpProxy": "http://theirs", "defaultProjectTrust": "always"}
    )

    assert (settings.text("httpProxy"), settings.text("defaultProjectTrust")) == ("http://mine", "ask")


def test_lists_replace_each_other_except_those_of_resources() -> None:
    settings = Settings(
        {"enabledModels": ["a"], "skills": ["mine"]}, {"enabledModels": ["b"], "skills": ["ours"]}
    )

    assert (settings.texts("enabledModels"), settings.texts("skills")) == (["b"], ["ours", "mine"])


def test_comments_a_byte_order_mark_and_trailing_commas_are_read(tmp_path: Path) -> None:
    write(tmp_path / "settings.json", '\ufeff{\n  // why\n  "theme": "dark",\n}\n')

    assert load_settings(tmp_path, None).get("theme") == "dark"


def test_a_broken_file_is_named_with_its_place_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    write(path, '{"theme": dark}')

    settings = load_settings(tmp_path, None)

    assert settings.get("theme") == "system"
    assert len(settings.warnings) == 1
    assert str(path) in settings.warnings[0] and "line 1" in settings.warnings[0]
    assert path.read_text() == '{"theme": dark}'


def test_old_spellings_are_understood(tmp_path: Path) -> None:
    old = {
        "queueMode": "all",
        "websockets": True,
        "skills": {"customDirectories": ["~/skills"], "enableSkillCommands": False},
        "retry": {"maxDelayMs": 5},
    }
    write(tmp_path / "settings.json", old)

    settings = load_settings(tmp_path, None)

    assert settings.get("steeringMode") == "all"
    assert settings.get("transport") == "websocket"
    assert settings.texts("skills") == ["~/skills"]
    assert settings.get("enableSkillCommands") is False
    assert settings.number("retry.provider.maxRetryDelayMs") == 5


def test_values_of_the_wrong_kind_fall_back_to_the_default() -> None:
    settings = Settings(
        {"retry": {"maxRetries": "many", "enabled": "yes", "baseDelayMs": -1}, "shellPath": 3}
    )

    assert settings.number("retry.maxRetries") == 3
    assert settings.flag("retry.enabled") is True
    assert settings.number("retry.baseDelayMs") == 2_000
    assert settings.text("shellPath") is None


def test_the_idle_timeout_can_be_turned_off_by_a_word_or_by_zero() -> None:
    assert Settings({"httpIdleTimeoutMs": "disabled"}).idle_timeout_ms() == 0
    assert Settings({"httpIdleTimeoutMs": 0}).idle_timeout_ms() == 0
    assert Settings().idle_timeout_ms() == 300_000


values = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from("abc"), values)


def reference(user: object, project: object) -> object:
    if isinstance(user, dict) and isinstance(project, dict):
        keys = {**user, **project}
        return {
            key: reference(user[key], project[key])
            if key in user and key in project
            else {**user, **project}[key]
            for key in keys
        }
    return project


@given(objects, objects)
def test_a_merge_keeps_every_key_of_both_and_the_projects_value_where_they_meet(
    user: dict[str, object], project: dict[str, object]
) -> None:
    settings = Settings(user, project)

    assert {key: settings.get(key) for key in {**user, **project}} == reference(user, project)

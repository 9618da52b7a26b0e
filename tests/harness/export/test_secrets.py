"""What Pi knows to be secret isn't in a page, however it stands in the session."""

import json
from pathlib import Path

from pi.harness.export.secrets import Redactor, known_secrets
from pi.llm.auth.values import resolve_value
from tests.harness.export.talks import Script, call

KEY = 'sk-"quoted\\key"-1234'


def test_keys_are_known_from_files_and_the_environment(tmp_path: Path) -> None:
    resolve_value("!printf command-key", {"PATH": "/usr/bin:/bin"}, cached=True)
    put(
        tmp_path / "auth.json",
        {
            "a": {"type": "api_key", "key": "stored-key", "env": {"AZURE_API_KEY": "own-key-1"}},
            "b": {"type": "oauth", "access": "access-1", "refresh": "refresh-1", "expires": 1},
            "c": {"type": "api_key", "key": "$MY_VALUE"},
            "d": {"type": "api_key", "key": "!printf command-key"},
            "e": {"type": "api_key", "key": "!touch never-run"},
        },
    )
    headers = {"X-Api-Key": "header-key", "Authorization": "Bearer bearer-1", "User-Agent": "agent-1.0"}
    models = [{"id": "m", "headers": {"X-Token": "model-key"}}]
    provider = {"apiKey": "config-key", "headers": headers, "models": models}
    put(tmp_path / "models.json", {"providers": {"mine": provider}})
    put(tmp_path / "secrets.json", {"search": {"brave": "brave-key", "other-key": "filed-key"}})
    env = {"MY_VALUE": "value-key", "ANTHROPIC_API_KEY": "claude-key", "GITHUB_TOKEN": "gh-token-1"}
    env |= {"OTHER_KEY": "env-key-1", "HOME": "/home/ada", "TOKEN_FILE": "/x", "SSH_KEY": "/home/ada/key"}

    assert known_secrets(tmp_path, env) == [
        *("own-key-1", "stored-key", "access-1", "refresh-1", "value-key", "command-key"),
        *("config-key", "header-key", "bearer-1", "model-key"),
        *("brave-key", "filed-key", "env-key-1"),
        *("claude-key", "gh-token-1"),
    ]
    assert not Path("never-run").exists()


def test_files_that_can_not_be_read_hold_no_keys(tmp_path: Path) -> None:
    (tmp_path / "auth.json").write_text("{")
    put(tmp_path / "models.json", {"providers": [1]})
    (tmp_path / "secrets.json").mkdir()
    assert known_secrets(tmp_path, {}) == []


def test_a_secret_is_taken_out_of_every_part_of_a_page(tmp_path: Path) -> None:
    script = Script(cwd=f"/w/{KEY}")
    at = script.entry("session_info", None, name=f"Named {KEY}")
    at = script.user(at, f"My key is {KEY}.\n\n```python\nkey = '{KEY}'\n```")
    at = script.answer(at, call("c", "bash", command=f"curl -H 'Authorization: Bearer {KEY}'"), model=KEY)
    at = script.result(
        at, "c", "bash", json.dumps({"key": KEY}) + " https://x.example/?k=sk-%22quoted%5Ckey%22-1234"
    )
    script.answer(at, call("d", "plot", **{KEY: [KEY]}))

    page = script.page(tmp_path, secrets=[KEY, "short"])

    assert "quoted" not in page
    assert page.count("[redacted]") >= 12
    assert "My key is [redacted]." in page


def test_lines_without_a_secret_are_the_same_bytes() -> None:
    redactor = Redactor(["sk-12345678"])
    line = b'{"a" : "\\u00e9", "b":[1.50, null]}'
    assert redactor.line(line) is line
    assert redactor.line(b'{"a":["sk\\u002d12345678"]}') == b'{"a":["[redacted]"]}'
    assert redactor.line(b'{"sk-12345678":1}') == b'{"[redacted]":1}'
    assert redactor.line(b"{torn sk-12345678") == b""


def test_short_values_are_words_and_stay() -> None:
    assert Redactor(["ollama", ""]).text("ollama run") == "ollama run"


def test_of_a_key_with_several_lines_each_goes() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nx\n-----END KEY-----\n"
    assert Redactor([key]).text("see MIIEvQIBADANBgkqhkiG x") == "see [redacted] x"


def put(path: Path, value: object) -> None:
    path.write_text(json.dumps(value))

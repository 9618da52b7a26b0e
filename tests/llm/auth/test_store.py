"""auth.json is read leniently, and no warning about it ever shows a key."""

import json
from pathlib import Path

from pi.llm.auth import Credentials
from pi.llm.auth.store import ApiKeyEntry, OAuthEntry, read_auth

SECRET = "sk-very-secret"


def write(folder: Path, text: str) -> Path:
    path = folder / "auth.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_missing_file_is_no_fault(tmp_path: Path) -> None:
    assert read_auth(tmp_path / "auth.json") == ({}, [])


def test_keys_and_logins_are_read(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        json.dumps(
            {
                "groq": {"type": "api_key", "key": SECRET, "env": {"A": "b"}, "later": 1},
                "zai": {"type": "api_key"},
                "anthropic": {
                    "type": "oauth",
                    "access": "a",
                    "refresh": "r",
                    "expires": 1700000000000,
                    "x": 1,
                },
            }
        ),
    )
    assert read_auth(path) == (
        {
            "groq": ApiKeyEntry(SECRET, {"A": "b"}),
            "zai": ApiKeyEntry(),
            "anthropic": OAuthEntry("a", "r", 1700000000000),
        },
        [],
    )


def test_one_bad_entry_leaves_the_others(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        json.dumps(
            {
                "a": {"type": "api_key", "key": SECRET},
                "b": {"type": "api_key", "key": {"nested": SECRET}},
                "c": {"key": SECRET},
                "d": SECRET,
            }
        ),
    )
    entries, warnings = read_auth(path)
    assert entries == {"a": ApiKeyEntry(SECRET)}
    assert [warning.split(": ")[1] for warning in warnings] == [
        'the entry "b" is ignored',
        'the entry "c" is ignored',
        'the entry "d" is ignored',
    ]
    assert SECRET not in "".join(warnings)


def test_a_broken_file_is_a_warning_with_its_place_and_without_its_keys(tmp_path: Path) -> None:
    path = write(tmp_path, f'{{"a": {{"type": "api_key", "key": "{SECRET}" oops}}}}')
    assert read_auth(path) == ({}, [f"{path}, line 1, column 51: expecting ',' delimiter."])


def test_credentials_show_nothing_when_they_are_printed() -> None:
    credentials = Credentials(SECRET, {"Authorization": SECRET}, {"K": SECRET})
    assert SECRET not in f"{credentials} {credentials!r} {[credentials]}"

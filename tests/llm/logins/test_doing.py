"""Logging in and out changes one entry of auth.json, and a login that fails changes nothing."""

import asyncio
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

from pi.llm.auth.store import ApiKeyEntry, read_auth
from pi.llm.logins import LOGINS, Login, Method, login_of
from pi.llm.logins.doing import log_in, log_in_with_key, log_out, login_methods, login_note, login_title
from pi.llm.oauth import OAuthError, Tokens
from pi.platform.errors import ConfigError, PiError
from tests.llm.logins.person import Person

OTHERS = '{\n    // by hand\n    "groq": { "type": "api_key",   "key": "k" }'


def entry(folder: Path, provider: str) -> object:
    return json.loads((folder / "auth.json").read_text())[provider]


def gives(got: Tokens | OAuthError) -> Login:
    async def log_in(screen: object, method: Method) -> Tokens:
        if isinstance(got, OAuthError):
            raise got
        return got

    async def renew(tokens: Tokens) -> Tokens:
        return tokens

    return Login(("browser",), log_in, renew, lambda tokens: None)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("provider", LOGINS)
def test_each_login_is_what_the_table_says(provider: str) -> None:
    login = login_of(provider, {})
    assert login and login.methods == login_methods(provider) != ()
    assert set(login.methods) <= set(get_args(Method))
    assert login_title(provider) == LOGINS[provider].title
    file = import_module(LOGINS[provider].module)
    assert file.__doc__


def test_a_provider_without_a_login_offers_the_key(tmp_path: Path) -> None:
    assert (login_methods("anthropic"), login_title("anthropic")) == ((), "Anthropic")
    assert "own programs" in login_note("anthropic")
    assert login_note("openai") == login_note("groq") == ""
    with pytest.raises(PiError, match=r"own programs\. Use an API key: pi auth login anthropic --api-key$"):
        asyncio.run(log_in(tmp_path, "anthropic", Person()))
    with pytest.raises(PiError, match=r"Groq has no login with an account\. Use an API key"):
        asyncio.run(log_in(tmp_path, "groq", Person()))
    with pytest.raises(PiError, match=r"no login by browser\. Log in by device"):
        asyncio.run(log_in(tmp_path, "xai", Person(), "browser"))
    assert not (tmp_path / "auth.json").exists()


def test_a_key_is_stored_for_its_owner_alone(tmp_path: Path) -> None:
    asyncio.run(log_in_with_key(tmp_path / "agent", "groq", " gsk-1\n"))
    path = tmp_path / "agent" / "auth.json"
    assert entry(tmp_path / "agent", "groq") == {"type": "api_key", "key": "gsk-1"}
    if os.name == "posix":
        assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)


def test_a_new_key_keeps_its_variables_and_the_rest_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    path.write_text(OTHERS + ',\n    "cf": {"type": "api_key", "key": "old", "env": {"ID": "1"}}\n}\n')
    asyncio.run(log_in_with_key(tmp_path, "cf", "new"))
    assert path.read_text().startswith(OTHERS)
    assert read_auth(path)[0]["cf"] == ApiKeyEntry("new", {"ID": "1"})
    asyncio.run(log_in_with_key(tmp_path, "cf", "new", env={"ID": "2"}))
    assert read_auth(path)[0]["cf"] == ApiKeyEntry("new", {"ID": "2"})
    asyncio.run(log_in_with_key(tmp_path, "cf", "new", env={}))
    assert read_auth(path)[0]["cf"] == ApiKeyEntry("new")


@pytest.mark.parametrize("key", ["", "  \n", "two\nlines", "esc\x1b[A"])
def test_what_can_not_be_a_key_is_not_stored(tmp_path: Path, key: str) -> None:
    with pytest.raises(PiError, match=r"key for Groq .* Paste the") as caught:
        asyncio.run(log_in_with_key(tmp_path, "groq", key))
    assert "two" not in str(caught.value)
    assert not (tmp_path / "auth.json").exists()


def test_a_new_login_keeps_nothing_of_the_account_before(tmp_path: Path) -> None:
    old = {"type": "oauth", "access": "a", "refresh": "r", "expires": 1, "enterpriseUrl": "old"}
    (tmp_path / "auth.json").write_text(json.dumps({"acme": old}))
    asyncio.run(log_in(tmp_path, "acme", Person(), login=gives(Tokens("b", "s", 2))))
    assert entry(tmp_path, "acme") == {"type": "oauth", "access": "b", "refresh": "s", "expires": 2}


def test_a_login_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    path.write_text(OTHERS + "}")
    with pytest.raises(OAuthError):
        asyncio.run(log_in(tmp_path, "groq", Person(), login=gives(OAuthError("access_denied"))))
    assert path.read_text() == OTHERS + "}"
    path.write_text("{ broken")
    with pytest.raises(ConfigError):
        asyncio.run(log_in_with_key(tmp_path, "groq", "k"))
    assert path.read_text() == "{ broken"


def test_a_logout_tells_whether_there_was_anything(tmp_path: Path) -> None:
    assert asyncio.run(log_out(tmp_path, "groq")) is False
    assert not (tmp_path / "auth.json").exists()
    (tmp_path / "auth.json").write_text(OTHERS + "}")
    assert asyncio.run(log_out(tmp_path, "xai")) is False
    assert (tmp_path / "auth.json").read_text() == OTHERS + "}"
    assert asyncio.run(log_out(tmp_path, "groq")) is True
    assert read_auth(tmp_path / "auth.json") == ({}, [])


@pytest.mark.parametrize("provider", LOGINS)
def test_a_request_with_a_stored_login_loads_none_of_the_ways_to_log_in(provider: str) -> None:
    script = (
        "import sys\nfrom pi.llm.logins import login_of\nfrom pi.llm.oauth import Tokens\n"
        f"login_of({provider!r}, {{}}).credentials(Tokens('a'))\n"
        "heavy = {'http', 'html', 'hmac', 'httptools', 'pi.llm.http',"
        "'pi.llm.oauth.callback', 'pi.llm.oauth.device', 'pi.llm.oauth.browser'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

"""A stored login is refreshed once however many ask, and the rest of its file stays as it was."""

import asyncio
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pi.llm.auth.store import OAuthEntry, read_auth
from pi.llm.errors import TransportError
from pi.llm.oauth import (
    Client,
    OAuthError,
    Tokens,
    fresh_tokens,
    read_tokens,
    refresh,
    remove_tokens,
    save_tokens,
)
from pi.platform.clock import now_ms
from pi.platform.errors import ConfigError
from pi.platform.locks import FileLock
from tests.llm.oauth.authority import authority

OTHERS = '{\n    // by hand\n    "groq": { "type": "api_key",   "key": "k" },\n'


def stored(folder: Path, *, access: str = "access-0", left_ms: int = 0, **more: Any) -> Path:
    path = folder / "auth.json"
    entry = {"type": "oauth", "access": access, "refresh": "refresh-0", "expires": now_ms() + left_ms, **more}
    path.write_text(f'{OTHERS}    "acme": {json.dumps(entry)}\n}}\n', encoding="utf-8")
    return path


async def never(_: Tokens) -> Tokens:
    raise AssertionError("refreshed")


def test_a_login_with_time_left_is_taken_as_it_is(tmp_path: Path) -> None:
    path = stored(tmp_path, left_ms=600_000, enterpriseUrl="e")
    tokens = asyncio.run(fresh_tokens(path, "acme", never))
    assert (tokens.access, tokens.refresh, tokens.extra) == ("access-0", "refresh-0", {"enterpriseUrl": "e"})


def test_a_refresh_is_stored_and_everything_else_in_the_file_stays(tmp_path: Path) -> None:
    path = stored(tmp_path, enterpriseUrl="e")
    path.chmod(0o640)
    with authority() as server:
        tokens = asyncio.run(fresh_tokens(path, "acme", partial(refresh, Client(server.token_url, "me"))))
    assert tokens.access == "access-1"
    assert tokens == read_tokens(path, "acme")
    text = path.read_text(encoding="utf-8")
    assert text.startswith(OTHERS)
    entries, warnings = read_auth(path)
    assert (entries["acme"], warnings) == (OAuthEntry("access-1", "refresh-1", tokens.expires_at_ms or 0), [])
    assert tokens.extra == {"enterpriseUrl": "e"}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["auth.json"]
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o777 == 0o640


ONE_OF_MANY = """
import asyncio, sys
from functools import partial
from pathlib import Path
from pi.llm.oauth import Client, fresh_tokens, refresh
path, url = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
print(asyncio.run(fresh_tokens(Path(path), "acme", partial(refresh, Client(url, "me")))).access)
"""


def test_many_processes_refresh_once(tmp_path: Path) -> None:
    path = stored(tmp_path)
    with authority() as server:
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", ONE_OF_MANY, str(path), server.token_url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(4)
        ]
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        outputs = [process.communicate()[0] for process in processes]
        assert server.refreshes() == 1
    assert outputs == ["access-1\n"] * 4


@pytest.mark.parametrize("lifetime_s", [3600, 200])  # longer and shorter than a refresh is early
def test_many_callers_refresh_once(tmp_path: Path, lifetime_s: int) -> None:
    path = stored(tmp_path)

    async def many(client: Client) -> list[Tokens]:
        ask = partial(fresh_tokens, path, "acme", partial(refresh, client))
        return await asyncio.gather(*(ask() for _ in range(5)))

    with authority() as server:
        server.more = {"expires_in": lifetime_s}
        tokens = asyncio.run(many(Client(server.token_url, "me")))
        assert server.refreshes() == 1
    assert {login.access for login in tokens} == {"access-1"}


def test_a_token_that_a_server_refused_is_refreshed_whatever_its_time(tmp_path: Path) -> None:
    path = stored(tmp_path, left_ms=600_000)
    with authority() as server:
        renew = partial(refresh, Client(server.token_url, "me"))

        async def twice() -> list[str]:
            ask = partial(fresh_tokens, path, "acme", renew, refused="access-0")
            return [(await ask()).access, (await ask()).access]

        assert asyncio.run(twice()) == ["access-1", "access-1"]
        assert server.refreshes() == 1


def test_a_refresh_that_another_process_did_meanwhile_is_used(tmp_path: Path) -> None:
    path = stored(tmp_path)

    async def test() -> Tokens:
        async with FileLock(path):
            task = asyncio.create_task(fresh_tokens(path, "acme", never))
            await asyncio.sleep(0)  # it has seen the old one
            stored(tmp_path, access="theirs", left_ms=600_000)
        return await task

    assert asyncio.run(test()).access == "theirs"


def test_a_refresh_that_fails_uses_what_another_process_got(tmp_path: Path) -> None:
    path = stored(tmp_path)

    async def lose(_: Tokens) -> Tokens:
        stored(tmp_path, access="theirs", left_ms=600_000)  # by a program that takes no lock
        raise OAuthError("invalid_grant")

    assert asyncio.run(fresh_tokens(path, "acme", lose)).access == "theirs"


def test_a_login_stored_during_a_refresh_is_not_overwritten(tmp_path: Path) -> None:
    path = stored(tmp_path)

    async def slow(_: Tokens) -> Tokens:
        stored(tmp_path, access="theirs", left_ms=600_000)
        return Tokens("mine")

    assert asyncio.run(fresh_tokens(path, "acme", slow)).access == "theirs"
    assert read_tokens(path, "acme") == asyncio.run(fresh_tokens(path, "acme", never))


def test_a_logout_during_a_refresh_stays_a_logout(tmp_path: Path) -> None:
    path = stored(tmp_path)

    async def slow(_: Tokens) -> Tokens:
        path.write_text("{}")
        return Tokens("mine")

    with pytest.raises(OAuthError) as caught:
        asyncio.run(fresh_tokens(path, "acme", slow))
    assert caught.value.code == "login_required"
    assert path.read_text() == "{}"


def test_a_refused_refresh_keeps_the_login_and_asks_for_a_new_one(tmp_path: Path) -> None:
    path = stored(tmp_path, left_ms=60_000)
    before = path.read_bytes()
    with authority() as server:
        server.refresh_tokens.clear()
        with pytest.raises(OAuthError, match=r"Log in again\.$") as caught:
            asyncio.run(fresh_tokens(path, "acme", partial(refresh, Client(server.token_url, "me"))))
    assert caught.value.needs_login
    assert path.read_bytes() == before
    assert not Path(f"{path}.lock").exists()


def test_while_the_network_is_down_a_token_serves_until_its_end(tmp_path: Path) -> None:
    async def down(_: Tokens) -> Tokens:
        raise TransportError("Connection error.")

    assert asyncio.run(fresh_tokens(stored(tmp_path, left_ms=60_000), "acme", down)).access == "access-0"
    with pytest.raises(TransportError):
        asyncio.run(fresh_tokens(stored(tmp_path), "acme", down))
    with pytest.raises(TransportError):
        asyncio.run(fresh_tokens(stored(tmp_path, left_ms=60_000), "acme", down, refused="access-0"))


def test_a_refresh_that_hangs_lets_go_of_the_file(tmp_path: Path) -> None:
    async def hang(_: Tokens) -> Tokens:
        return await asyncio.Future()

    path = stored(tmp_path)
    with pytest.raises(TransportError, match="timed out"):
        asyncio.run(fresh_tokens(path, "acme", hang, timeout_ms=1))
    assert not Path(f"{path}.lock").exists()


def test_a_refresh_that_has_begun_is_stored_although_its_caller_left(tmp_path: Path) -> None:
    path = stored(tmp_path)

    async def test() -> None:
        begun, go = asyncio.Event(), asyncio.Event()

        async def slow(_: Tokens) -> Tokens:
            begun.set()
            await go.wait()
            return Tokens("new", "rotated")

        caller = asyncio.create_task(fresh_tokens(path, "acme", slow))
        await begun.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        go.set()
        async with FileLock(path):  # free when the refresh is through
            assert read_tokens(path, "acme") == Tokens("new", "rotated")

    asyncio.run(test())


@pytest.mark.parametrize(
    "text", [None, "", "{}", '{"acme": {"type": "api_key", "key": "k"}}', '{"acme": {"type": "oauth"}}']
)
def test_who_is_not_logged_in_is_told_so(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "auth.json"
    if text is not None:
        path.write_text(text)
    assert read_tokens(path, "acme") is None
    with pytest.raises(OAuthError, match=r"There is no login for acme in .* Log in first\.") as caught:
        asyncio.run(fresh_tokens(path, "acme", never))
    assert caught.value.needs_login


@pytest.mark.parametrize("data", [b'{"acme": oops}', b"[]", b'{"acme": "\xff"}'])
def test_a_broken_file_is_named_and_left_alone(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "auth.json"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"auth\.json"):
        asyncio.run(save_tokens(path, "acme", Tokens("a")))
    assert path.read_bytes() == data


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "agent" / "auth.json"
    asyncio.run(save_tokens(path, "acme", Tokens("a", "r", 1_700_000_000_000, ("x",), {"id": 1})))
    assert json.loads(path.read_text()) == {
        "acme": {
            "id": 1,
            "type": "oauth",
            "access": "a",
            "refresh": "r",
            "expires": 1_700_000_000_000,
            "scopes": ["x"],
        }
    }
    if os.name == "posix":
        assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)


def test_a_login_without_expiry_or_refresh_token_is_one_for_the_original_too(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    asyncio.run(save_tokens(path, "acme", Tokens("a")))
    assert json.loads(path.read_text())["acme"] == {
        "type": "oauth",
        "access": "a",
        "refresh": "",
        "expires": 9007199254740991,
    }
    assert read_tokens(path, "acme") == Tokens("a")


def test_a_logout_takes_out_one_entry(tmp_path: Path) -> None:
    path = stored(tmp_path)
    asyncio.run(remove_tokens(path, "acme"))
    assert read_tokens(path, "acme") is None
    assert path.read_text(encoding="utf-8").startswith(OTHERS.rstrip(",\n"))
    asyncio.run(remove_tokens(tmp_path / "nothing.json", "acme"))
    assert not (tmp_path / "nothing.json").exists()

"""Stored logins while they are used: refused tokens, refused refreshes, processes that die in the middle."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pi.llm.auth import Credentials
from pi.llm.errors import ProviderError
from pi.llm.events import StreamEnd
from pi.llm.logins import Login, LoginScreen, Method, radius
from pi.llm.messages import Context
from pi.llm.models import Model
from pi.llm.oauth import Client, OAuthError, Tokens, fresh_tokens, read_tokens, refresh
from pi.llm.options import StreamOptions
from pi.llm.registry import ModelRegistry
from pi.llm.stream import ask
from pi.platform.clock import now_ms
from tests.llm.oauth.authority import Answer, Authority, authority

COMPLETIONS = "/v1/chat/completions"
REFUSED: Answer = (401, {"error": {"message": "token expired", "code": "token_expired"}})
FINE: Answer = (
    200,
    b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
)


@pytest.fixture
def server() -> Iterator[Authority]:
    with authority() as server:
        yield server


def stored(folder: Path, provider: str = "acme", *, left_ms: int = 3_600_000) -> Path:
    path = folder / "auth.json"
    entry = {"type": "oauth", "access": "access-0", "refresh": "refresh-0", "expires": now_ms() + left_ms}
    path.write_text(json.dumps({provider: entry}))
    return path


def registry_of(server: Authority, folder: Path, **more: Any) -> ModelRegistry:
    entry = {"baseUrl": f"{server.url}/v1", "api": "openai-completions", "models": [{"id": "m"}], **more}
    (folder / "models.json").write_text(json.dumps({"providers": {"acme": entry}}))
    return ModelRegistry(folder, env={})


def with_login(server: Authority, folder: Path) -> ModelRegistry:
    registry = registry_of(server, folder)
    client = Client(server.token_url, "me")

    async def log_in(screen: LoginScreen, method: Method) -> Tokens:
        raise NotImplementedError

    login = Login(
        ("device",),
        log_in,
        partial(refresh, client),
        lambda tokens: Credentials(tokens.access, {"x-account": tokens.access.removeprefix("access-")}),
    )
    registry.set_added({}, {}, {"acme": login})
    return registry


async def answered(registry: ModelRegistry) -> StreamEnd:
    model: Model | None = registry.find("acme", "m")
    assert model
    found = await registry.require_credentials(model)
    options = StreamOptions(api_key=found.api_key, headers=found.headers, renew=found.renew)
    events = [event async for event in ask(model, Context(()), options)]
    assert isinstance(events[-1], StreamEnd)
    return events[-1]


def tried(server: Authority) -> list[tuple[str, str]]:
    """The tokens and accounts that the model was asked with."""
    asked = [each.headers for each in server.asked if each.path == COMPLETIONS]
    return [(each["authorization"], each.get("x-account", "")) for each in asked]


def test_a_token_that_is_refused_before_its_time_is_renewed_once(server: Authority, tmp_path: Path) -> None:
    path = stored(tmp_path)
    server.pages[COMPLETIONS] = [REFUSED, FINE]
    end = asyncio.run(answered(with_login(server, tmp_path)))
    assert end.message.stop_reason == "stop"
    assert tried(server) == [("Bearer access-0", "0"), ("Bearer access-1", "1")]
    stored_now = read_tokens(path, "acme")
    assert stored_now and (stored_now.access, stored_now.refresh) == ("access-1", "refresh-1")


def test_a_new_token_that_is_refused_too_is_the_end(server: Authority, tmp_path: Path) -> None:
    stored(tmp_path)
    server.pages[COMPLETIONS] = [REFUSED]
    end = asyncio.run(answered(with_login(server, tmp_path)))
    assert end.message.stop_reason == "error"
    assert (len(tried(server)), server.refreshes()) == (2, 1)


def test_a_refused_token_whose_login_is_over_says_so(server: Authority, tmp_path: Path) -> None:
    before = stored(tmp_path).read_bytes()
    server.pages[COMPLETIONS] = [REFUSED]
    server.refresh_tokens.clear()
    end = asyncio.run(answered(with_login(server, tmp_path)))
    assert end.message.error_message == "refresh token was used (invalid_grant). Log in again."
    assert (tmp_path / "auth.json").read_bytes() == before


def test_requests_that_are_refused_together_renew_once(server: Authority, tmp_path: Path) -> None:
    stored(tmp_path)
    server.pages[COMPLETIONS] = [REFUSED, REFUSED, REFUSED, FINE]

    async def three() -> list[StreamEnd]:
        registry = with_login(server, tmp_path)
        return await asyncio.gather(*(answered(registry) for _ in range(3)))

    assert [end.message.stop_reason for end in asyncio.run(three())] == ["stop"] * 3
    assert server.refreshes() == 1


def test_a_gateway_of_models_json_is_refreshed_where_it_is(server: Authority, tmp_path: Path) -> None:
    stored(tmp_path, left_ms=0)
    server.pages[COMPLETIONS] = [FINE]
    end = asyncio.run(answered(registry_of(server, tmp_path, oauth="radius")))
    assert end.message.stop_reason == "stop"
    assert [asked.path for asked in server.asked] == ["/v1/oauth/token", COMPLETIONS]
    assert tried(server) == [("Bearer access-1", "")]


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from pi.llm.oauth import Client, fresh_tokens, refresh

async def die(tokens):
    await refresh(Client(sys.argv[2], "me"), tokens)
    os.kill(os.getpid(), signal.SIGKILL)  # the server has answered, nothing is written yet

asyncio.run(fresh_tokens(Path(sys.argv[1]), "acme", die))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("rotates", [True, False])
def test_a_process_killed_in_the_middle_of_a_refresh_leaves_a_whole_file(
    server: Authority, tmp_path: Path, rotates: bool
) -> None:
    path = stored(tmp_path, left_ms=0)
    before = path.read_bytes()
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), server.token_url], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert path.read_bytes() == before
    if not rotates:
        server.refresh_tokens.add("refresh-0")
    again = fresh_tokens(path, "acme", partial(refresh, Client(server.token_url, "me")))
    if rotates:
        with pytest.raises(OAuthError, match="Log in again") as caught:
            asyncio.run(again)
        assert caught.value.needs_login
        assert path.read_bytes() == before
    else:
        assert asyncio.run(again).access == "access-2"
    assert [each.name for each in tmp_path.iterdir()] == ["auth.json"]  # neither a lock nor a draft


OVER = ("invalid_grant", "refresh_token_expired", "refresh_token_reused", "refresh_token_invalidated")


def refused_refresh(server: Authority, answer: Answer) -> ProviderError:
    server.next = [answer]
    login = radius.login({}, radius.Addresses(server.url))

    async def renew() -> Tokens:
        return await login.refresh(Tokens("a", "r3fresh", 1))

    with pytest.raises(ProviderError) as caught:
        asyncio.run(renew())
    return caught.value


@pytest.mark.parametrize("code", [*OVER, "token_revoked", "bad_refresh_token", "app_session_terminated"])
def test_a_refresh_that_is_over_asks_for_a_new_login(server: Authority, code: str) -> None:
    told = {"code": code, "message": "Your refresh token r3fresh is no good"}
    error = refused_refresh(server, (400, {"error": told}))
    assert isinstance(error, OAuthError)
    assert error.needs_login
    assert str(error) == f"Your refresh token … is no good ({code}). Log in again."


@pytest.mark.parametrize(
    ("answer", "over"),
    [((401, b"<html>"), True), ((403, b"<html>"), False), ((401, {"error": "invalid_client"}), False)],
)
def test_a_refusal_without_words_ends_a_login_by_its_status(
    server: Authority, answer: Answer, over: bool
) -> None:
    error = refused_refresh(server, answer)
    assert (isinstance(error, OAuthError) and error.needs_login) is over

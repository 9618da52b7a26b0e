"""A login shows the page and the code, takes what is pasted, and stores nothing when it fails."""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from pi.harness.session import Session
from pi.llm.http import request
from pi.llm.logins import openai_codex
from pi.llm.models import Model
from pi.llm.oauth import OAuthError
from pi.llm.registry import ModelRegistry
from pi.modes.tui.commands import login
from pi.modes.tui.pickers.login_dialog import LoginDialog
from pi.platform.errors import PiError
from tests.llm.logins.person import nap
from tests.llm.oauth.authority import Authority, authority
from tests.modes.tui.models.stage import DOWN, ENTER, ESCAPE, FakeStage, acme, ctrl, screen, session_of

NOBODY = Model("unknown", "unknown", "unknown", "")
CODEX = "openai-codex"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    names = ModelRegistry(tmp_path_factory.mktemp("none")).key_names()
    for name in (*names, "BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "CLOUDFLARE_ACCOUNT_ID"):
        monkeypatch.delenv(name, raising=False)
    yield


@pytest.fixture
def server() -> Iterator[Authority]:
    with authority() as server:
        claims = {"https://api.openai.com/auth": {"chatgpt_account_id": "acc-1"}}
        token = f"e30.{urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.sig"
        server.access = lambda number: token
        server.pages["/oauth/token"] = []
        yield server


def offer_login(session: Session, server: Authority) -> None:
    way = openai_codex.login({}, openai_codex.Addresses(server.url, port=0), sleep=nap)
    session.setup.registry.set_added({}, {}, {CODEX: way})


def stored(session: Session) -> dict[str, Any]:
    path = session.setup.agent_dir / "auth.json"
    return json.loads(path.read_text()) if path.exists() else {}


async def until(panel: LoginDialog, condition: Callable[[], object]) -> None:
    """Wait until the dialog has become so."""
    looked = asyncio.Event()
    panel.changed = looked.set
    while not condition():
        await looked.wait()
        looked.clear()


def when(condition: Callable[[LoginDialog], object]) -> Callable[[LoginDialog], Awaitable[None]]:
    return lambda panel: until(panel, lambda: condition(panel))


shown = when(lambda panel: panel.url and "paste the address" in screen(panel))


async def browse(panel: LoginDialog) -> None:
    """Open the page, and allow everything."""
    async with request("GET", panel.url, headers={}) as response:
        target = response.headers["location"]
    async with request("GET", target, headers={}) as response:
        await response.read()


def test_a_login_in_the_browser_gives_a_model_where_there_was_none(server: Authority) -> None:
    async def main() -> None:
        async with session_of() as session:
            offer_login(session, server)
            await session.models.use(NOBODY)
            stage = FakeStage(session, [CODEX, ENTER], [ENTER], [shown, browse])
            await login.login(stage, "")
            assert (stored(session)[CODEX]["type"], session.model.provider) == ("oauth", CODEX)
            assert stage.told[0] == "You are logged in to OpenAI Codex."
            assert stage.told[1].startswith(f"Model: {CODEX}/")
            assert session.setup.settings.text("defaultModel") == session.model.id
            assert "Open this page:" in stage.screens[2]
            assert "OpenAI Codex" in stage.screens[0]

    asyncio.run(main())


def test_a_login_leaves_a_model_that_can_be_used(server: Authority) -> None:
    async def main() -> None:
        async with session_of({"acme": acme("a")}) as session:
            offer_login(session, server)
            await session.models.use("acme/a")
            stage = FakeStage(session, [ENTER], [shown, browse])
            await login.login(stage, CODEX)
            assert session.model.ref == "acme/a"
            assert stage.told[-1] == f"Its models are in /model now: /model {CODEX}"

    asyncio.run(main())


def test_a_login_with_a_code_shows_it(server: Authority) -> None:
    server.pages["/api/accounts/deviceauth/usercode"] = [
        (200, {"device_auth_id": "auth-1", "user_code": "WXYZ", "interval": "1"})
    ]
    server.pages["/api/accounts/deviceauth/token"] = [
        (403, b""),
        (200, {"authorization_code": "code-d", "code_verifier": "v"}),
    ]
    server.allow("code-d", verifier="v", redirect_uri=f"{server.url}/deviceauth/callback")

    async def main() -> None:
        async with session_of() as session:
            offer_login(session, server)
            stage = FakeStage(session, [DOWN, ENTER], [when(lambda panel: panel.code)])
            await login.login(stage, CODEX)
            assert "and type in this code:  WXYZ" in stage.screens[1]
            assert f"{server.url}/codex/device" in stage.screens[1]
            assert stored(session)[CODEX]["accountId"] == "acc-1"

    asyncio.run(main())


def test_the_address_of_the_browser_can_be_pasted(server: Authority) -> None:
    async def paste(panel: LoginDialog) -> None:
        panel.paste(server.authorize(dict(parse_qsl(urlsplit(panel.url).query))) + "\n")

    async def main() -> None:
        async with session_of() as session:
            offer_login(session, server)
            refused = when(lambda panel: "There is no code in that address" in screen(panel))
            acts = [shown, "http://localhost/?x=1", ENTER, refused, paste, ENTER]
            stage = FakeStage(session, [ENTER], acts)
            await login.login(stage, CODEX)
            assert stored(session)[CODEX]["refresh"].startswith("refresh-")

    asyncio.run(main())


def test_escape_gives_a_login_up_and_nothing_is_stored(server: Authority) -> None:
    async def main() -> None:
        async with session_of() as session:
            offer_login(session, server)
            stage = FakeStage(session, [ENTER], [shown, ctrl("x"), shown, ESCAPE], [ESCAPE])
            await login.login(stage, CODEX)
            assert stored(session) == {}
            assert stage.told == ["The login was given up. Nothing is stored."]
            assert [url.startswith(f"{server.url}/oauth/authorize?") for url in stage.copied] == [True]
            await login.login(stage, CODEX)
            assert len(stage.told) == 1

    asyncio.run(main())


def test_a_refused_login_says_why(server: Authority) -> None:
    server.pages["/oauth/token"] = [(400, {"error": "invalid_grant", "error_description": "code was used"})]

    async def main() -> None:
        async with session_of() as session:
            offer_login(session, server)
            stage = FakeStage(session, [ENTER], [shown, browse])
            with pytest.raises(OAuthError, match="code was used"):
                await login.login(stage, CODEX)
            assert stored(session) == {}

    asyncio.run(main())


def test_a_key_is_never_shown() -> None:
    async def main() -> None:
        async with session_of() as session:
            stage = FakeStage(session, ["sk-secret", ENTER], [ESCAPE])
            await login.login(stage, "Groq")
            assert stored(session) == {"groq": {"type": "api_key", "key": "sk-secret"}}
            assert "secret" not in "\n".join([*stage.screens, *stage.told])
            assert stage.told[0].startswith("The key for Groq is stored in ")
            await login.login(stage, "groq")
            assert stored(session) == {"groq": {"type": "api_key", "key": "sk-secret"}}

    asyncio.run(main())


def test_what_an_address_needs_is_asked_for_and_stored_with_the_key() -> None:
    async def main() -> None:
        async with session_of() as session:
            stage = FakeStage(session, ["key", ENTER], ["acc-7", ENTER])
            await login.login(stage, "cloudflare-workers-ai")
            assert stored(session)["cloudflare-workers-ai"] == {
                "type": "api_key",
                "key": "key",
                "env": {"CLOUDFLARE_ACCOUNT_ID": "acc-7"},
            }

    asyncio.run(main())


def test_a_server_that_is_not_there_says_where_it_was_looked_for() -> None:
    async def main() -> None:
        async with session_of({"vllm": {"baseUrl": "http://127.0.0.1:1/v1"}}) as session:
            stage = FakeStage(session, [ENTER], [DOWN, ENTER], ["k", ENTER])
            with pytest.raises(PiError, match=r"vLLM doesn.t answer at http://127.0.0.1:1/v1. Start"):
                await login.login(stage, "vllm")
            assert "Without a key" in stage.screens[0]
            await login.login(stage, "vllm")
            assert stored(session) == {"vllm": {"type": "api_key", "key": "k"}}

    asyncio.run(main())


def test_the_list_says_how_things_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "k")

    async def main() -> None:
        async with session_of({"acme": acme("a")}) as session:
            stage = FakeStage(session, ["groq", ESCAPE], ["acme", ESCAPE], ["chatgpt", ESCAPE])
            for _ in range(2):
                await login.login(stage, "")
            assert "✓ Groq" in stage.screens[0]
            assert "key from $GROQ_API_KEY" in stage.screens[0]
            assert "key in models.json" in stage.screens[1]
            with pytest.raises(PiError, match="no provider nowhere"):
                await login.login(stage, "nowhere")
            assert [each.value for each in login.complete_login(stage, "codex")] == [CODEX]

    asyncio.run(main())


def test_a_logout_takes_out_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with session_of() as session:
            stage = FakeStage(session, ["k1", ENTER], [ENTER])
            await login.logout(stage, "")
            await login.login(stage, "groq")
            assert [each.value for each in login.complete_logout(stage, "")] == ["groq"]
            monkeypatch.setenv("GROQ_API_KEY", "k2")
            await login.logout(stage, "")
            assert stored(session) == {}
            assert stage.told[0].startswith("Nothing is stored")
            assert stage.told[-1] == (
                "The key for Groq is no longer stored. Credentials are still there, from GROQ_API_KEY."
            )
            with pytest.raises(PiError, match="Nothing is stored for Groq"):
                await login.logout(stage, "groq")

    asyncio.run(main())

"""Keys and logins in a real terminal: they are stored for their owner alone, and never seen on the screen."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import READY, Terminals, World
from tests.llm.oauth.authority import Authority, authority

SECRET = "sk-very-secret-key-4711"
EXAMPLE = Path(__file__).parents[2] / "examples" / "extensions" / "login_provider.py"
BROWSER = """import sys, urllib.request
with urllib.request.urlopen(sys.argv[1]) as page:
    page.read()
"""

DEVICE = """
import os
from pi.ext import ExtensionAPI
from pi.ext.oauth import Client, Credentials, DeviceFlow, Login, run_device_flow

def extension(pi: ExtensionAPI) -> None:
    url = os.environ["FORGE_URL"]
    flow = DeviceFlow(Client(f"{url}/token", client_id="pi-example"), f"{url}/device")

    async def log_in(screen, method):
        return await run_device_flow(flow, lambda prompt: screen.show(prompt.url, code=prompt.user_code))

    async def refresh(tokens):
        return tokens

    login = Login(("device",), log_in, refresh, lambda tokens: Credentials(tokens.access))
    models = [{"id": "small", "contextWindow": 128_000, "maxTokens": 8_192}]
    api = "openai-completions"
    pi.provider("forge", login=login, baseUrl=os.environ["FORGE_MODELS"], api=api, models=models)
"""


@pytest.fixture
def server() -> Iterator[Authority]:
    with authority() as server:
        yield server


def auth(world: World) -> Any:
    path = world.agent / "auth.json"
    return json.loads(path.read_text()) if path.exists() else None


def mode(world: World) -> int:
    return (world.agent / "auth.json").stat().st_mode & 0o777


def models_without_keys(world: World) -> None:
    base = f"http://127.0.0.1:{world.provider.port}"
    models = [{"id": "m"}]
    world.write_models(
        {
            "oai": {
                "baseUrl": f"{base}/v1",
                "api": "openai-completions",
                "apiKey": "$OAI_KEY",
                "models": models,
            }
        }
    )


def test_a_key_is_stored_unseen_and_used(terminals: Terminals, world: World) -> None:
    screen = terminals.open()
    screen.say("/login anthropic")
    screen.until("API key for Anthropic")
    screen.type(SECRET)
    screen.until("•" * len(SECRET))
    screen.press("Enter")
    shown = screen.until("is stored in")

    assert SECRET not in shown + screen.scrolled
    assert auth(world) == {"anthropic": {"type": "api_key", "key": SECRET}}
    assert mode(world) == 0o600
    assert not any(SECRET in path.read_text() for path in world.agent.rglob("*.jsonl"))
    screen.say("/logout anthropic")
    screen.until("no longer stored")
    assert auth(world) == {}


def test_a_first_start_leads_to_a_key_and_an_answer(terminals: Terminals, world: World) -> None:
    models_without_keys(world)
    screen = terminals.open(ready="Welcome to Pi")

    screen.press("Down", "Enter")
    screen.until("Whose key?")
    screen.type("oai")
    screen.until("→ oai")
    screen.press("Enter")
    screen.until("API key for oai")
    screen.type(SECRET)
    screen.press("Enter")
    screen.until(READY)
    screen.say("hello")
    shown = screen.until("Fine.")

    assert SECRET not in shown
    assert world.provider.requests[-1]["headers"]["authorization"] == f"Bearer {SECRET}"
    assert mode(world) == 0o600
    terminals.open(ready=READY)


def test_a_first_start_can_be_left(terminals: Terminals, world: World) -> None:
    world.write_models({})
    screen = terminals.open(ready="Welcome to Pi")

    screen.press("Up", "Enter")

    assert screen.ended() == 0


def test_a_prompt_without_a_key_says_what_to_do_and_keeps_the_text(
    terminals: Terminals, world: World
) -> None:
    world.write_models({})
    screen = terminals.open(ready="Welcome to Pi")
    screen.press("Escape")
    screen.gone("Welcome to Pi")

    screen.say("hello there")
    screen.until("/login")

    assert "hello there" in screen.text
    screen.say("")
    screen.press("C-c", "C-c")
    assert screen.ended() == 0


def test_a_login_in_a_browser_comes_back_to_the_screen(
    terminals: Terminals, world: World, server: Authority
) -> None:
    folder = world.agent / "extensions"
    folder.mkdir()
    shutil.copy(EXAMPLE, folder)
    browser = world.agent.parent / "browser.py"
    browser.write_text(BROWSER)
    screen = terminals.open(env={"FORGE_URL": server.url, "BROWSER": f"{sys.executable} {browser} %s"})

    screen.say("/login forge")
    screen.until(lambda shown: "You are logged in to" in shown or "How" in shown or "Log in to" in shown)
    if "You are logged in" not in screen.text:
        screen.until("You are logged in to")

    assert auth(world)["forge"]["type"] == "oauth"
    assert mode(world) == 0o600
    assert not [token for token in ("access-", "refresh-", "code-") if token in screen.text]
    screen.say("/model forge/small")
    screen.until("(forge) small")
    screen.say("/logout forge")
    screen.until("no longer stored")
    assert "forge" not in auth(world)


def test_a_login_can_be_given_up(terminals: Terminals, world: World, server: Authority) -> None:
    folder = world.agent / "extensions"
    folder.mkdir()
    shutil.copy(EXAMPLE, folder)
    screen = terminals.open(env={"FORGE_URL": server.url, "BROWSER": "true"})

    screen.say("/login forge")
    screen.until("Waiting for you to allow the access")
    screen.press("Escape")
    screen.until("Nothing is stored")

    assert auth(world) is None
    screen.say("go on")
    screen.until("Fine.")


def test_a_login_by_code_shows_the_code_and_its_token_is_used(
    terminals: Terminals, world: World, server: Authority
) -> None:
    folder = world.agent / "extensions"
    folder.mkdir()
    (folder / "forge.py").write_text(DEVICE)
    server.device["interval"] = 1
    tokens = {"access_token": "access-by-code", "refresh_token": "refresh-by-code", "expires_in": 3600}
    server.pages["/token"] = [(400, {"error": "authorization_pending"}), (200, tokens)]
    models = f"http://127.0.0.1:{world.provider.port}/v1"
    screen = terminals.open(env={"FORGE_URL": server.url, "FORGE_MODELS": models, "BROWSER": "true"})

    screen.say("/login forge")
    screen.until("ABCD-EFGH")
    screen.until("You are logged in to")
    screen.say("/model forge/small")
    screen.until("(forge) small")
    screen.say("hello")
    shown = screen.until("Fine.")

    assert "access-by-code" not in shown
    assert mode(world) == 0o600
    assert world.provider.requests[-1]["headers"]["authorization"] == "Bearer access-by-code"

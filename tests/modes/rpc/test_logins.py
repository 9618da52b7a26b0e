"""Logging in over RPC: the client opens pages and asks, and no record has a secret in it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.e2e.conftest import World
from tests.llm.oauth.authority import Authority, authority
from tests.modes.rpc.conftest import Pi, Start

SECRET = "sk-very-secret"
EXAMPLE = Path(__file__).parents[3] / "examples" / "extensions" / "login_provider.py"
FORGE = {"provider": "forge", "title": "forge", "methods": ["browser"], "takesKey": False}
GROQ = {"provider": "groq", "title": "Groq", "methods": [], "takesKey": True}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    with authority() as server:
        monkeypatch.setattr(World, "env", property(with_url(World.env.fget, server.url)))
        yield server


def with_url(env: Any, url: str) -> Any:
    return lambda world: env(world) | {"FORGE_URL": url}


@pytest.fixture
def pi(world: World, server: Authority, start: Start) -> Iterator[Pi]:
    (world.agent / "extensions").mkdir()
    shutil.copy(EXAMPLE, world.agent / "extensions")
    pi = start("--no-session")
    yield pi
    pi.kill()
    assert SECRET not in pi.stderr


def stored(world: World) -> Any:
    path = world.agent / "auth.json"
    return json.loads(path.read_text()) if path.exists() else None


def available(pi: Pi) -> set[str]:
    return {model["provider"] for model in pi.data("get_available_models")["models"]}


def test_a_client_that_opens_pages_logs_people_in(pi: Pi, world: World) -> None:
    assert "forge" not in available(pi)
    assert pi.data("hello", capabilities=["open_url"])["capabilities"] == ["open_url"]
    pi.send({"id": "l", "type": "login", "provider": "forge"})
    (opened, asked) = (pi.next(), pi.next())
    urlopen(opened["url"]).close()
    done = pi.next()

    assert (opened["type"], opened["method"]) == ("extension_ui_request", "open_url")
    assert asked["method"] == "input"
    assert done == {
        "id": "l",
        "type": "response",
        "command": "login",
        "success": True,
        "data": FORGE | {"authType": "oauth", "source": "auth.json"},
    }
    assert stored(world)["forge"]["access"] == "access-2"
    assert "forge" in available(pi)


def test_other_clients_are_told_the_page(pi: Pi) -> None:
    pi.send({"id": "l", "type": "login", "provider": "forge"})
    told = pi.next()
    urlopen(told["message"].removeprefix("Open ")).close()

    assert told["method"] == "notify"
    assert pi.until(type="response", id="l")[-1]["success"]


def test_a_login_that_goes_on_can_be_given_up(pi: Pi, world: World) -> None:
    assert pi.data("cancel_login") == {"cancelled": False}
    pi.send({"id": "l", "type": "login", "provider": "forge"})
    pi.until(method="input")
    second = pi.call("login", provider="groq", apiKey=SECRET)
    pi.send({"id": "c", "type": "cancel_login"})
    ends = {record["id"]: record for record in (pi.next(), pi.next())}

    assert second["code"] == "busy"
    assert ends["c"]["data"] == {"cancelled": True}
    assert (ends["l"]["success"], ends["l"]["code"]) == (False, "cancelled")
    assert stored(world) is None
    assert pi.data("login", provider="groq", apiKey=SECRET)["source"] == "auth.json"


def test_a_key_given_with_the_command_is_stored_and_forgotten(pi: Pi, world: World) -> None:
    login, status = pi.call("login", provider="Groq", apiKey=SECRET), pi.call("auth_status")
    assert stored(world) == {"groq": {"type": "api_key", "key": SECRET}}
    out, again = pi.call("logout", provider="groq"), pi.call("logout", provider="groq")

    assert login["data"] == GROQ | {"authType": "api_key", "source": "auth.json"}
    assert login["data"] in status["data"]["providers"]
    assert FORGE in status["data"]["providers"]
    assert (out["data"], again["data"]) == ({"removed": True, **GROQ}, {"removed": False, **GROQ})
    assert stored(world) == {}
    assert SECRET not in json.dumps([login, status, out, again])


def test_a_key_is_asked_for_as_a_secret(pi: Pi, world: World) -> None:
    pi.send({"id": "l", "type": "login", "provider": "groq"})
    asked = pi.next()
    pi.send({"type": "extension_ui_response", "id": asked["id"], "value": SECRET})

    assert (asked["method"], asked["title"], asked["secret"]) == ("input", "Key for Groq", True)
    assert pi.next()["data"]["authType"] == "api_key"
    assert stored(world)["groq"]["key"] == SECRET


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"provider": "nobody"}, "not_found"),
        ({"provider": "groq", "method": "device"}, "invalid_arguments"),
        ({"provider": "forge", "apiKey": SECRET}, "invalid_arguments"),
        ({"provider": "forge", "method": "device"}, "failed"),
        ({"provider": "groq", "apiKey": f"{SECRET}\nmore"}, "failed"),
        ({"provider": "groq", "apiKey": [SECRET]}, "invalid_arguments"),
        ({}, "invalid_arguments"),
    ],
)
def test_a_login_that_cannot_be_says_why(pi: Pi, world: World, given: dict[str, Any], code: str) -> None:
    refused = pi.call("login", **given)

    assert (refused["success"], refused["code"]) == (False, code)
    assert SECRET not in json.dumps(refused)
    assert stored(world) is None


def test_a_client_that_goes_ends_its_login(pi: Pi, world: World) -> None:
    pi.send({"id": "l", "type": "login", "provider": "forge"})
    pi.until(method="input")

    assert pi.close() == 0
    assert stored(world) is None


def test_lists_of_models_are_not_fetched_offline(pi: Pi) -> None:
    refused = pi.call("refresh_models")

    assert (refused["success"], refused["code"]) == (False, "config")

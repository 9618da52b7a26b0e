"""Models and thinking levels, chosen in a real terminal: the next request has them."""

import json
from typing import Any

from tests.e2e.conftest import Terminals, World


def last_request(world: World) -> tuple[str, str | None]:
    """The model that was asked, and how hard it should think."""
    request = world.provider.requests[-1]
    body: dict[str, Any] = request["body"]
    return body["model"], body.get("reasoning_effort")


def test_the_next_request_goes_to_the_model_that_was_chosen(terminals: Terminals, world: World) -> None:
    screen = terminals.open()

    screen.say("/model ant/m")
    screen.until("(ant) m")
    screen.say("one")
    screen.until("Fine.")
    screen.press("C-p")
    screen.until("(oai) m")
    screen.say("two")
    screen.until(lambda shown: shown.count("Fine.") == 2)
    screen.press("C-l")
    screen.until("── Model ──")
    screen.type("ant")
    screen.until("→   m  ant")
    screen.press("Enter")
    screen.until("(ant) m")
    screen.say("three")
    screen.until(lambda shown: shown.count("Fine.") == 3)

    assert [request["path"].split("?")[0] for request in world.provider.requests] == [
        "/v1/messages",
        "/v1/chat/completions",
        "/v1/messages",
    ]
    (session,) = world.sessions()
    assert [entry["provider"] for entry in session if entry["type"] == "model_change"] == [
        "oai",
        "ant",
        "oai",
        "ant",
    ]


def test_the_next_request_thinks_as_hard_as_was_chosen(terminals: Terminals, world: World) -> None:
    screen = terminals.open()
    screen.say("one")
    screen.until("Fine.")
    assert last_request(world) == ("m", "medium")

    screen.press("BTab")
    screen.until("m • high")
    screen.say("two")
    screen.until(lambda shown: shown.count("Fine.") == 2)

    assert last_request(world) == ("m", "high")


def test_the_default_model_is_kept_for_the_next_start(terminals: Terminals, world: World) -> None:
    screen = terminals.open()
    screen.press("C-l")
    screen.until("── Model ──")
    screen.type("ant")
    screen.until("→   m  ant")

    screen.press("C-s")
    screen.until("Saved: new sessions begin with it.")

    terminals.open(ready="(ant) m")
    saved = json.loads((world.agent / "settings.json").read_text())
    assert (saved["defaultProvider"], saved["defaultModel"]) == ("ant", "m")


def test_the_models_of_the_scope_are_gone_through(terminals: Terminals, world: World) -> None:
    names = ["a", "b", "c"]
    world.write_models(
        {
            "oai": {
                "baseUrl": f"http://127.0.0.1:{world.provider.port}/v1",
                "api": "openai-completions",
                "apiKey": "k",
                "models": [{"id": name} for name in names],
            }
        }
    )
    screen = terminals.open("--models", "oai/a,oai/c", ready="(oai) a")

    screen.press("C-p")
    screen.until("(oai) c")
    screen.press("C-p")
    screen.until("(oai) a")
    screen.say("hi")
    screen.until("Fine.")

    assert world.provider.requests[-1]["body"]["model"] == "a"

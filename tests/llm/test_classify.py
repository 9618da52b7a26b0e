"""Classifier models: what each service is asked, and how its answers read."""

import asyncio
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pi.harness.other_models import classify as classify_of
from pi.llm.auth import Credentials
from pi.llm.classify import _APIS, Classified, classify
from pi.llm.logins import Login, LoginScreen, Method
from pi.llm.messages import Cost, Image, Usage
from pi.llm.oauth import Client, Tokens, refresh
from pi.llm.other_models import _known
from pi.llm.questions import (
    BoolAnswer,
    BoolQuestion,
    ChoiceAnswer,
    ChoiceQuestion,
    Question,
    ScoreAnswer,
    ScoreQuestion,
)
from pi.llm.registry import ModelRegistry
from pi.platform.clock import now_ms
from pi.platform.errors import PiError
from tests.llm.lists import Lists, reply
from tests.llm.oauth.authority import authority

QUESTIONS: dict[str, Question] = {
    "mood": ChoiceQuestion("How do they feel?", {"good": "Happy", "bad": ""}),
    "haste": ScoreQuestion("How urgent?", ["later", "today"]),
    "done": BoolQuestion("Is it done?", {"true": "All of it", "false": "Not all"}),
}
ANSWERS = {
    "mood": ChoiceAnswer("good", {"good": 0.9, "bad": 0.1}, 0.8),
    "haste": ScoreAnswer(0.25, 1),
    "done": BoolAnswer(0.75),
}
SYSTEM_ONE: dict[str, Any] = {
    "answers": {
        "mood": {
            "type": "choice",
            "choice": "good",
            "probabilities": {"good": 0.9, "bad": 0.1},
            "confidence": 0.8,
        },
        "haste": {"type": "score", "score": 0.25, "confidence": 1},
        "done": {"type": "noul", "noul": 0.75},
    },
    "usage": {"input_tokens": 1_000_000, "output_tokens": 3},
}
DECISIONS: dict[str, Any] = {
    "answers": [
        {
            "type": "choice",
            "name": "mood",
            "choice": "good",
            "probabilities": [{"value": "good", "probability": 0.9}, {"value": "bad", "probability": 0.1}],
            "confidence": 0.8,
        },
        {"type": "score", "name": "haste", "score": 0.25, "confidence": 1},
        {"type": "predicate", "name": "done", "probability": 0.75},
    ],
    "usage": {"input_tokens": 1_000_000, "output_tokens": 3},
}
ASKED = {
    "mood": {
        "type": "choice",
        "instructions": "How do they feel?",
        "criteria": {"good": "Happy", "bad": ""},
    },
    "haste": {"type": "score", "instructions": "How urgent?", "criteria": ["later", "today"]},
    "done": {
        "type": "noul",
        "instructions": "Is it done?",
        "criteria": {"true": "All of it", "false": "Not all"},
    },
}
STATE = {"message": "Works, thanks."}
PNG, GIF = Image("QUJD", "image/png"), Image("R0lG", "image/gif")


@pytest.fixture(scope="module")
def running() -> Iterator[Lists]:
    with Lists().running() as server:
        yield server


@pytest.fixture
def server(running: Lists) -> Lists:
    running.answers.clear()
    running.asked.clear()
    return running


def at(folder: Path, server: Lists, provider: str, env: dict[str, str] | None = None, **entry: Any) -> Any:
    entry = {"baseUrl": server.url, "apiKey": "sk-x", **entry}
    (folder / "models.json").write_text(json.dumps({"providers": {provider: entry}}))
    return ModelRegistry(folder, env=env or {})


def asked(registry: ModelRegistry, model: str, *images: Image) -> Classified:
    return asyncio.run(classify(registry, model, STATE, QUESTIONS, images=images))


def body(server: Lists, at: int = 0) -> Any:
    return json.loads(server.asked[at][2])


@pytest.mark.parametrize(
    ("provider", "id", "path", "price"),
    [
        ("typesafe", "jev-latest", "/systemone", 0),
        ("openrouter", "typesafe/jev-1.14", "/systemone", 0.042),
        ("vercel-ai-gateway", "typesafe-ai/jev", "/systemone", 0.042),
        ("opencode", "jev-1.13", "/systemone", 0.042),
        ("github-copilot", "microsoft-decision-1", "/v1/systemone", 0.042),
    ],
)
def test_services_that_speak_system_one(
    tmp_path: Path, server: Lists, provider: str, id: str, path: str, price: float
) -> None:
    server.answers[f"POST {path}"] = reply(SYSTEM_ONE)
    found = asked(at(tmp_path, server, provider), f"{provider}/{id}")
    usage = Usage(1_000_000, 3, 0, 0, 1_000_003, Cost(price, 0, 0, 0, price))
    assert found == Classified(provider, id, ANSWERS, usage)
    assert body(server) == {"model": id, "state": STATE, "questions": ASKED}
    headers = server.asked[0][1]
    assert headers["authorization"] == "Bearer sk-x"
    assert ("copilot-integration-id" in headers) == (provider == "github-copilot")


@pytest.mark.parametrize("wrapped", [SYSTEM_ONE, {"state": "Completed", "result": SYSTEM_ONE}])
def test_workers_ai_wraps_question_and_answer(tmp_path: Path, server: Lists, wrapped: Any) -> None:
    server.answers["POST /account/ai/run"] = reply({"success": True, "result": wrapped})
    registry = at(
        tmp_path,
        server,
        "cloudflare-workers-ai",
        {"CLOUDFLARE_ACCOUNT_ID": "account"},
        baseUrl=f"{server.url}/account/ai",
    )
    found = asked(registry, "cloudflare-workers-ai/@cf/cloudflare/clef")
    assert found.answers == ANSWERS
    request = {"state": STATE, "questions": ASKED}
    assert body(server) == {"model": "@cf/cloudflare/clef", "input": request}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"success": False, "errors": [{"message": "a"}, {"message": "b"}]}, " error: a; b"),
        ({"success": False}, " request failed"),
        ({"result": {"state": "Failed"}}, " run did not complete (state: Failed)"),
        ({"result": {"state": "Completed"}}, " returned an unexpected response"),
        ({"result": 1}, " returned an unexpected response"),
    ],
)
def test_workers_ai_says_what_went_wrong(tmp_path: Path, server: Lists, answer: Any, said: str) -> None:
    server.answers["POST /run"] = reply(answer)
    registry = at(tmp_path, server, "cloudflare-workers-ai", {"CLOUDFLARE_ACCOUNT_ID": "a"})
    found = asked(registry, "cloudflare-workers-ai/typesafe/jev")
    assert found.error_message == f"Cloudflare Workers AI{said}"


def test_openais_decisions_have_lists_for_objects(tmp_path: Path, server: Lists) -> None:
    server.answers["POST /decisions"] = reply(DECISIONS)
    found = asked(at(tmp_path, server, "openai"), "openai/gpt-6-luna")
    assert found == Classified(
        "openai", "gpt-6-luna", ANSWERS, Usage(1_000_000, 3, 0, 0, 1_000_003, Cost(0.2, 0, 0, 0, 0.2))
    )
    assert body(server) == {
        "model": "gpt-6-luna",
        "input": '{"message":"Works, thanks."}',
        "questions": [
            {
                "type": "choice",
                "name": "mood",
                "instructions": "How do they feel?",
                "choices": [{"value": "good", "description": "Happy"}, {"value": "bad"}],
            },
            {
                "type": "score",
                "name": "haste",
                "instructions": "How urgent?",
                "levels": [{"label": "later"}, {"label": "today"}],
            },
            {
                "type": "predicate",
                "name": "done",
                "instructions": "Is it done?\n\nTrue means: All of it\nFalse means: Not all",
            },
        ],
    }


def test_openai_sees_images_after_the_state(tmp_path: Path, server: Lists) -> None:
    server.answers["POST /decisions"] = reply(DECISIONS)
    asked(at(tmp_path, server, "openai"), "openai/gpt-6-luna", GIF)
    assert body(server)["input"] == [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": '{"message":"Works, thanks."}'},
                {"type": "input_image", "image_url": "data:image/gif;base64,R0lG"},
            ],
        }
    ]


ASSETS = {
    "assets": {"<image-1>": {"type": "image", "format": "png", "data_base64": "QUJD"}},
    "state": ["<image-1>", STATE],
}
PNG_URL = "data:image/png;base64,QUJD"


@pytest.mark.parametrize(
    ("model", "fields", "opts_in"),
    [
        ("typesafe/jev-latest", ASSETS, True),
        ("cloudflare-workers-ai/typesafe/jev", ASSETS, False),
        (
            "cloudflare-workers-ai/@cf/cloudflare/clef-omni",
            {"images": [PNG_URL], "state": STATE},
            False,
        ),
        (
            "openrouter/cloudflare/clef",
            {"state": [{"type": "image_url", "image_url": {"url": PNG_URL}}, STATE]},
            False,
        ),
    ],
)
def test_each_service_gets_images_in_its_own_way(
    tmp_path: Path, server: Lists, model: str, fields: dict[str, Any], opts_in: bool
) -> None:
    registry = at(tmp_path, server, model.partition("/")[0], {"CLOUDFLARE_ACCOUNT_ID": "a"})
    server.answers = {"POST /systemone": reply(SYSTEM_ONE), "POST /run": reply({"result": SYSTEM_ONE})}
    assert asked(registry, model, PNG).answers == ANSWERS
    request = body(server)
    request = request.get("input", request)
    assert {name: request[name] for name in fields} == fields
    assert server.asked[0][1].get("typesafe-danger-zone-images") == ("true" if opts_in else None)


@pytest.mark.parametrize(
    ("model", "images", "said"),
    [
        ("opencode/jev-1.13", [PNG], "System One API does not support image input for jev-1.13"),
        (
            "typesafe/jev-latest",
            [PNG, GIF],
            "System One API accepts PNG and JPEG images for jev-latest, got image/gif",
        ),
        (
            "cloudflare-workers-ai/@cf/cloudflare/clef",
            [PNG] * 5,
            "Cloudflare Workers AI accepts at most 4 images for @cf/cloudflare/clef, got 5",
        ),
        (
            "cloudflare-workers-ai/@cf/cloudflare/clef",
            [GIF],
            "Cloudflare Workers AI accepts PNG, JPEG, and WebP images for @cf/cloudflare/clef, got image/gif",
        ),
        ("openai/gpt-6-luna", [PNG] * 129, "OpenAI Decisions accepts at most 128 images, got 129"),
    ],
)
def test_images_that_a_service_cant_take_are_not_sent(
    tmp_path: Path, server: Lists, model: str, images: list[Image], said: str
) -> None:
    found = asked(at(tmp_path, server, model.partition("/")[0]), model, *images)
    assert (found.answers, found.stop_reason, found.error_message) == ({}, "error", said)
    assert server.asked == []


def test_a_users_proxy_of_a_service_says_how_it_takes_images(tmp_path: Path, server: Lists) -> None:
    server.answers["POST /systemone"] = reply(SYSTEM_ONE)
    registry = at(
        tmp_path,
        server,
        "mine",
        api="typesafe-system-one",
        models=[{"id": "own", "input": ["text", "image"]}],
        compat={"imageInput": "images", "sendImageOptInHeader": False},
    )
    assert asked(registry, "mine/own", PNG).answers == ANSWERS
    assert body(server)["images"] == [PNG_URL]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mood": None}, "did not return an answer for mood"),
        ({"mood": {"type": "score"}}, "did not return a choice answer for mood"),
        ({"mood": {"type": "choice", "choice": 1}}, "did not return a choice answer for mood"),
        ({"mood": {"type": "choice", "choice": "a"}}, "returned invalid probabilities for mood"),
        (
            {"mood": {"type": "choice", "choice": "a", "probabilities": {"a": "x"}}},
            "returned an invalid probability for mood.a",
        ),
        (
            {"mood": {"type": "choice", "choice": "a", "probabilities": {}}},
            "returned an invalid confidence for mood",
        ),
        ({"haste": {"type": "score", "score": True}}, "returned an invalid score for haste"),
        ({"haste": {}}, "did not return a score answer for haste"),
        ({"done": {"type": "noul"}}, "returned an invalid probability for done"),
        ({"done": {"type": "bool"}}, "did not return a bool answer for done"),
    ],
)
def test_an_answer_that_doesnt_fit_its_question_is_an_error_and_is_paid_for(
    tmp_path: Path, server: Lists, change: dict[str, Any], said: str
) -> None:
    server.answers["POST /systemone"] = reply(SYSTEM_ONE | {"answers": SYSTEM_ONE["answers"] | change})
    found = asked(at(tmp_path, server, "opencode"), "opencode/jev-1.13")
    assert (found.answers, found.error_message) == ({}, f"System One API {said}")
    assert found.usage.cost.total == 0.042


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type": "refusal"}, "refused to answer done"),
        ({"type": "bool"}, "did not return a predicate answer for done"),
        ({"type": "predicate"}, "returned an invalid probability for done"),
    ],
)
def test_a_decision_that_doesnt_fit_is_an_error(
    tmp_path: Path, server: Lists, change: dict[str, Any], said: str
) -> None:
    answers = [*DECISIONS["answers"][:2], {"name": "done"} | change]
    server.answers["POST /decisions"] = reply({"answers": answers})
    found = asked(at(tmp_path, server, "openai"), "openai/gpt-6-luna")
    assert (found.answers, found.error_message) == ({}, f"OpenAI Decisions {said}")


@pytest.mark.parametrize("answer", [b"[]", b"{}", b'{"answers": 1}'])
@pytest.mark.parametrize(
    ("model", "label"), [("openai/gpt-6-luna", "OpenAI Decisions"), ("opencode/x", "System One API")]
)
def test_an_answer_of_a_foreign_shape_is_an_error(
    tmp_path: Path, server: Lists, answer: bytes, model: str, label: str
) -> None:
    server.answers = {"POST /decisions": reply(answer), "POST /systemone": reply(answer)}
    found = asked(at(tmp_path, server, model.partition("/")[0]), model)
    assert found.error_message == f"{label} returned an unexpected response"


@pytest.mark.parametrize(
    ("status", "text", "said", "requests"),
    [
        (400, b"Bad state", "System One API error (400): Bad state", 1),
        (400, b"", "System One API error (400): System One API returned 400", 1),
        (400, b"x" * 4001, f"System One API error (400): {'x' * 4000}... [truncated 1 chars]", 1),
        (503, b"Busy", "System One API error (503): Busy", 3),
        (504, b"Late", "System One API error (504): Late", 3),
    ],
)
def test_a_refusal_says_why_and_what_may_pass_is_asked_twice_more(
    tmp_path: Path, server: Lists, status: int, text: bytes, said: str, requests: int
) -> None:
    server.answers["POST /systemone"] = reply(text, status, retry_after_ms="0")
    found = asked(at(tmp_path, server, "opencode"), "opencode/jev-1.13")
    assert (found.stop_reason, found.error_message) == ("error", said)
    assert len(server.asked) == requests


def test_a_decision_that_takes_too_long_is_not_asked_for_again(tmp_path: Path, server: Lists) -> None:
    server.answers["POST /decisions"] = reply(b"Late", 504, retry_after_ms="0")
    found = asked(at(tmp_path, server, "openai"), "openai/gpt-6-luna")
    assert (found.error_message or "").startswith("OpenAI Decisions error (504): the request timed out at")
    assert len(server.asked) == 1


def test_a_chatgpt_login_doesnt_open_the_decisions_api(tmp_path: Path, server: Lists) -> None:
    registry = at(tmp_path, server, "openai")
    login = {"type": "oauth", "access": "a", "refresh": "r", "expires": 9_999_999_999_999}
    (tmp_path / "auth.json").write_text(json.dumps({"openai": login}))
    found = asked(registry, "openai/gpt-6-luna")
    assert "log out of openai" in (found.error_message or "")
    assert server.asked == []


@pytest.mark.parametrize(("env", "asks"), [({"TYPESAFE_API_KEY": "ts"}, True), ({}, False)])
def test_typesafe_has_a_variable_for_its_key(
    tmp_path: Path, server: Lists, env: dict[str, str], asks: bool
) -> None:
    server.answers["POST /systemone"] = reply(SYSTEM_ONE)
    found = asked(at(tmp_path, server, "typesafe", env, apiKey=None), "typesafe/jev-latest")
    assert [headers["authorization"] for _, headers, _ in server.asked] == ["Bearer ts"] * asks
    assert found.error_message == (None if asks else "No API key for provider: typesafe")


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ([(401, {}), (200, SYSTEM_ONE)], None),
        ([(401, {})], "System One API error (401): {}"),
    ],
)
def test_a_login_that_is_refused_is_renewed_once(tmp_path: Path, pages: list[Any], said: str | None) -> None:
    entry = {"type": "oauth", "access": "access-0", "refresh": "refresh-0", "expires": now_ms() + 3_600_000}
    (tmp_path / "auth.json").write_text(json.dumps({"opencode": entry}))
    with authority() as server:
        provider = {"opencode": {"baseUrl": server.url}}
        (tmp_path / "models.json").write_text(json.dumps({"providers": provider}))
        server.pages["/systemone"] = pages
        registry = ModelRegistry(tmp_path, env={})
        renewed = partial(refresh, Client(server.token_url, "me"))
        login = Login(("device",), not_asked, renewed, lambda tokens: Credentials(tokens.access))
        registry.set_added({}, {}, {"opencode": login})
        found = asked(registry, "opencode/jev-1.13")
        tried = [each.headers["authorization"] for each in server.asked if each.path == "/systemone"]
    assert found.error_message == said
    assert tried == ["Bearer access-0", "Bearer access-1"]


async def not_asked(screen: LoginScreen, method: Method) -> Tokens:
    raise NotImplementedError


def test_an_unknown_classifier_is_asked_too_and_has_no_price(tmp_path: Path, server: Lists) -> None:
    server.answers["POST /systemone"] = reply(SYSTEM_ONE)
    found = asked(at(tmp_path, server, "openrouter"), "openrouter/new/judge", PNG)
    assert (found.model, found.answers, found.usage.cost) == ("new/judge", ANSWERS, Cost())


@pytest.mark.parametrize("name", ["groq/x", "openai/", "typesafe"])
def test_a_name_that_cant_be_asked_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PiError, match="Name one as provider/id; providers: cloudflare-workers-ai, "):
        asked(ModelRegistry(tmp_path, env={}), name)


def test_every_known_classifier_has_a_format_and_a_window() -> None:
    models = [model for group in _known("classifiers").values() for model in group]
    assert {model.api for model in models} == set(_APIS)
    assert all(model.context_window >= 4096 for model in models)
    assert len({model.ref for model in models}) == len(models)


def test_questions_read_from_the_json_of_scripts() -> None:
    text = msgspec.json.encode(QUESTIONS)
    assert msgspec.json.decode(text, type=dict[str, Question]) == QUESTIONS


def test_a_program_needs_only_the_agent_directory(tmp_path: Path, server: Lists) -> None:
    server.answers["POST /systemone"] = reply(SYSTEM_ONE)
    at(tmp_path, server, "typesafe")
    found = asyncio.run(classify_of("typesafe/jev-latest", STATE, QUESTIONS, agent_dir=tmp_path))
    assert found.answers == ANSWERS

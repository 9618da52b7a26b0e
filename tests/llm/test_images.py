"""Image models: what is asked of OpenRouter, and what comes of its answer."""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pi.harness.other_models import generate_images as generate_images_of
from pi.llm.images import Images, generate_images
from pi.llm.messages import Cost, Image, Text, Usage
from pi.llm.registry import ModelRegistry
from pi.platform.errors import PiError
from tests.llm.lists import Lists, reply

PATH = "POST /api/v1/chat/completions"
PAINTER = "openrouter/google/gemini-2.5-flash-image"
KEY = {"OPENROUTER_API_KEY": "sk-or"}


@pytest.fixture(scope="module")
def running() -> Iterator[Lists]:
    with Lists().running() as server:
        yield server


@pytest.fixture
def server(running: Lists) -> Lists:
    running.answers.clear()
    running.asked.clear()
    return running


def at(folder: Path, server: Lists, env: dict[str, str] = KEY, **entry: Any) -> ModelRegistry:
    entry = {"baseUrl": f"{server.url}/api/v1", **entry}
    (folder / "models.json").write_text(json.dumps({"providers": {"openrouter": entry}}))
    return ModelRegistry(folder, env=env)


def answer(content: str | None = None, images: Any = (), **more: Any) -> Any:
    return reply({"id": "gen-1", "choices": [{"message": {"content": content, "images": images}}], **more})


def test_a_prompt_becomes_images_and_text_with_their_price(tmp_path: Path, server: Lists) -> None:
    usage = {
        "prompt_tokens": 1_000_000,
        "completion_tokens": 2_000_000,
        "prompt_tokens_details": {"cached_tokens": 300_000, "cache_write_tokens": 100_000},
    }
    server.answers[PATH] = answer(
        "A fox.",
        [
            {"image_url": {"url": "data:image/png;base64,QUJD"}},
            {"image_url": "data:image/webp;base64,REVG"},
            {"image_url": {"url": "https://elsewhere.example/fox.png"}},
            {"image_url": None},
        ],
        usage=usage,
    )

    made = asyncio.run(generate_images(at(tmp_path, server), PAINTER, "A red fox"))

    cost = Cost(0.3 * 0.7, 2.5 * 2, 0.03 * 0.2, 0.083333 * 0.1)
    total = cost.input + cost.output + cost.cache_read + cost.cache_write
    assert made.usage.cost.total == pytest.approx(total)
    assert made == Images(
        "openrouter",
        "google/gemini-2.5-flash-image",
        (Text("A fox."), Image("QUJD", "image/png"), Image("REVG", "image/webp")),
        Usage(700_000, 2_000_000, 200_000, 100_000, 3_000_000, made.usage.cost),
        response_id="gen-1",
    )
    ((path, headers, body),) = server.asked
    assert (path, headers["authorization"]) == (PATH, "Bearer sk-or")
    assert json.loads(body) == {
        "model": "google/gemini-2.5-flash-image",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "A red fox"}]}],
        "stream": False,
        "modalities": ["image", "text"],
    }


def test_images_to_edit_go_along_and_a_model_that_only_paints_is_asked_for_images_only(
    tmp_path: Path, server: Lists
) -> None:
    server.answers[PATH] = answer()
    input = [Text("Make it blue"), "and round", Image("QUJD", "image/png")]
    asyncio.run(generate_images(at(tmp_path, server), "openrouter/openai/gpt-image-1", input))
    asked = json.loads(server.asked[0][2])
    assert asked["modalities"] == ["image"]
    assert asked["messages"][0]["content"] == [
        {"type": "text", "text": "Make it blue"},
        {"type": "text", "text": "and round"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
    ]


def test_an_unknown_model_is_asked_too_and_has_no_price(tmp_path: Path, server: Lists) -> None:
    server.answers[PATH] = answer(usage={"prompt_tokens": 5, "completion_tokens": 7})
    made = asyncio.run(generate_images(at(tmp_path, server), "openrouter/new/brush", "x"))
    assert made == Images("openrouter", "new/brush", (), Usage(5, 7, total_tokens=12), response_id="gen-1")
    assert json.loads(server.asked[0][2])["modalities"] == ["image"]


def test_models_json_may_change_a_models_price_and_modalities(tmp_path: Path, server: Lists) -> None:
    server.answers[PATH] = answer(usage={"prompt_tokens": 1_000_000})
    changes = {"new/brush": {}, "openai/gpt-image-1": {"cost": {"input": 4}}}
    registry = at(tmp_path, server, modelOverrides=changes, compat={"modalities": ["image", "text"]})
    made = asyncio.run(generate_images(registry, "openrouter/openai/gpt-image-1", "x"))
    assert made.usage.cost.total == 4
    assert json.loads(server.asked[0][2])["modalities"] == ["image", "text"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"message": "No credits"}}, '402: {"message":"No credits"}'),
        (b"", "402 status code (no body)"),
    ],
)
def test_a_refusal_is_a_result_that_says_why(tmp_path: Path, server: Lists, body: Any, said: str) -> None:
    server.answers[PATH] = reply(body, 402)
    made = asyncio.run(generate_images(at(tmp_path, server), PAINTER, "x"))
    assert made == Images(
        "openrouter", "google/gemini-2.5-flash-image", stop_reason="error", error_message=said
    )


@pytest.mark.parametrize("body", [b"[]", b"{}", b"<html>", b'{"choices": []}'])
def test_an_answer_of_a_foreign_shape_is_an_error_too(tmp_path: Path, server: Lists, body: bytes) -> None:
    server.answers[PATH] = reply(body)
    made = asyncio.run(generate_images(at(tmp_path, server), PAINTER, "x"))
    assert (made.stop_reason, made.output) == ("error", ())
    assert made.error_message


def test_a_server_that_isnt_there_is_a_result_too(tmp_path: Path, server: Lists) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        registry = at(tmp_path, server, baseUrl=f"http://127.0.0.1:{taken.getsockname()[1]}")
        made = asyncio.run(generate_images(registry, PAINTER, "x"))
    assert (made.error_message or "").startswith("Connection error.")


def test_without_a_key_nothing_is_asked(tmp_path: Path, server: Lists) -> None:
    made = asyncio.run(generate_images(at(tmp_path, server, {}), PAINTER, "x"))
    assert made.error_message == "No API key for provider: openrouter"
    assert server.asked == []


@pytest.mark.parametrize("name", ["groq/x", "openrouter/", "openrouter", ""])
def test_a_name_that_cant_be_asked_is_refused_with_the_providers_that_can(tmp_path: Path, name: str) -> None:
    with pytest.raises(PiError, match="Name one as provider/id; providers: openrouter"):
        asyncio.run(generate_images(ModelRegistry(tmp_path, env=KEY), name, "x"))


def test_a_program_needs_only_the_agent_directory(tmp_path: Path, server: Lists) -> None:
    server.answers[PATH] = answer("ok")
    at(tmp_path, server, apiKey="sk-file")
    made = asyncio.run(generate_images_of(PAINTER, "x", agent_dir=tmp_path))
    assert made.output == (Text("ok"),)
    assert server.asked[0][1]["authorization"] == "Bearer sk-file"

"""Live lists: what providers and local servers tell becomes their models, also without network."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pi.llm.live import Refreshed, refresh_lists
from pi.llm.models import Model, ModelCost
from pi.llm.registry import ModelRegistry
from pi.platform.errors import ConfigError
from tests.llm.lists import Lists, reply


@pytest.fixture
def lists() -> Iterator[Lists]:
    with Lists().running() as server:
        yield server


def configured(folder: Path, provider: str, url: str, **entry: Any) -> ModelRegistry:
    (folder / "models.json").write_text(json.dumps({"providers": {provider: {"baseUrl": url, **entry}}}))
    return ModelRegistry(folder, env={})


def refreshed(registry: ModelRegistry, provider: str) -> Refreshed:
    (found,) = asyncio.run(refresh_lists(registry, [provider]))
    return found


def offline(folder: Path, provider: str) -> dict[str, Model]:
    """The models as another process has them later."""
    return {model.id: model for model in ModelRegistry(folder, env={}).models_of(provider)}


def test_ollama_needs_no_configuration_once_it_has_answered(tmp_path: Path, lists: Lists) -> None:
    lists.answers = {
        "GET /api/tags": reply({"models": [{"name": "qwen3:8b"}, {"name": "embed"}, {"name": "old"}]}),
        'POST /api/show {"model":"qwen3:8b"}': reply(
            {
                "capabilities": ["completion", "tools", "thinking", "vision"],
                "model_info": {"q.context_length": 40960},
            }
        ),
        'POST /api/show {"model":"embed"}': reply({"capabilities": ["embedding"]}),
        'POST /api/show {"model":"old"}': reply(
            {"parameters": "stop x\nnum_ctx    8192", "model_info": {"x.context_length": 1000000}}
        ),
    }
    registry = configured(tmp_path, "ollama", f"{lists.url}/v1")
    assert not registry.has_credentials("ollama")

    assert refreshed(registry, "ollama") == Refreshed("ollama", "fetched", 2)

    (tmp_path / "models.json").unlink()
    models = offline(tmp_path, "ollama")
    assert list(models) == ["qwen3:8b", "old"]
    thinker = models["qwen3:8b"]
    assert (thinker.base_url, thinker.context_window, thinker.max_tokens) == (f"{lists.url}/v1", 40960, 16384)
    assert (thinker.reasoning, thinker.input) == (True, ("text", "image"))
    assert (models["old"].context_window, models["old"].reasoning) == (8192, False)
    later = ModelRegistry(tmp_path, env={})
    credentials = asyncio.run(later.credentials(thinker))
    assert credentials is not None and (credentials.api_key, credentials.headers) == (None, {})


def test_vllm_tells_how_long_a_request_may_be(tmp_path: Path, lists: Lists) -> None:
    lists.answers = {"GET /v1/models": reply({"data": [{"id": "org/m", "max_model_len": 8000}, {"x": 1}, 7]})}
    assert refreshed(configured(tmp_path, "vllm", f"{lists.url}/v1"), "vllm").outcome == "fetched"
    assert [(m.id, m.context_window, m.max_tokens) for m in offline(tmp_path, "vllm").values()] == [
        ("org/m", 8000, 8000)
    ]


@pytest.mark.parametrize("new", [True, False])
def test_lm_studio_is_asked_in_its_own_way_first(tmp_path: Path, lists: Lists, new: bool) -> None:
    rows = [{"id": "a", "type": "vlm", "max_context_length": 9000}, {"id": "e", "type": "embeddings"}]
    if new:
        lists.answers["GET /api/v0/models"] = reply({"data": rows})
    else:
        lists.answers["GET /v1/models"] = reply({"data": [{"id": "a"}]})
    refreshed(configured(tmp_path, "lmstudio", f"{lists.url}/v1"), "lmstudio")
    model = offline(tmp_path, "lmstudio")["a"]
    assert (model.context_window, "image" in model.input) == ((9000, True) if new else (32_768, False))


def test_llama_cpps_router_lists_what_can_be_asked_now(tmp_path: Path, lists: Lists) -> None:
    def row(id: str, status: str, **more: Any) -> dict[str, Any]:
        return {"id": id, "status": {"value": status, "args": ["-c", "4096"]}, **more}

    lists.answers = {
        "GET /models": reply(
            {
                "data": [
                    row("loaded", "loaded", meta={"n_ctx": 2048}),
                    row("sleeping", "sleeping"),
                    row("preset", "unloaded", source="preset"),
                    row("file", "unloaded"),
                    row("judge", "loaded", architecture={"output_modalities": ["decisions"]}),
                ]
            }
        ),
        "GET /props": reply({"models_autoload": True}),
        "GET /props?model=loaded&autoload=false": reply({"chat_template": "{% if enable_thinking %}"}),
    }
    (tmp_path / "auth.json").write_text(
        json.dumps({"llama.cpp": {"type": "api_key", "key": "s", "env": {"LLAMA_BASE_URL": lists.url}}})
    )
    refreshed(ModelRegistry(tmp_path, env={}), "llama.cpp")
    models = offline(tmp_path, "llama.cpp")
    assert {model.id: (model.context_window, model.reasoning) for model in models.values()} == {
        "loaded": (2048, True),
        "sleeping": (4096, False),
        "preset": (4096, False),
    }
    assert {headers.get("authorization") for _, headers, _ in lists.asked} == {"Bearer s"}


def test_openrouter_lists_what_the_key_may_use_with_its_prices(tmp_path: Path, lists: Lists) -> None:
    known = "moonshotai/kimi-k2.7-code"
    prices = {
        "prompt": "0.000001",
        "completion": "0.000002",
        "overrides": [
            {"min_prompt_tokens": 1000, "prompt": "0.000003"},
            {"min_prompt_tokens": 5, "utc_start": 1},
        ],
    }
    row = {
        "id": known,
        "context_length": 5000,
        "top_provider": {"max_completion_tokens": 700},
        "pricing": prices,
    }
    new = {
        "id": "new/one",
        "name": "New",
        "context_length": 9,
        "supported_parameters": ["tools", "reasoning"],
    }
    lists.answers["GET /v1/models/user"] = reply({"data": [row, new, {"id": "new/image"}]})

    found = refreshed(configured(tmp_path, "openrouter", f"{lists.url}/v1", apiKey="k"), "openrouter")

    assert found == Refreshed("openrouter", "fetched", 2)
    models = offline(tmp_path, "openrouter")
    assert set(models) == {known, "new/one"}
    assert (models[known].context_window, models[known].max_tokens) == (5000, 700)
    cost = models[known].cost
    assert (cost.input, cost.output) == (1, 2)
    assert [(tier.input_tokens_above, tier.input, tier.output) for tier in cost.tiers] == [(1000, 3, 2)]
    assert (models["new/one"].reasoning, models["new/one"].cost) == (True, ModelCost())
    assert lists.asked[0][1]["authorization"] == "Bearer k"

    lists.answers["GET /v1/models/user"] = reply({"error": "no such key"}, 401)
    refreshed(ModelRegistry(tmp_path, env={}), "openrouter")
    assert len(offline(tmp_path, "openrouter")) > 100  # the whole catalog again


def test_copilot_lists_what_plan_and_policies_leave(tmp_path: Path, lists: Lists) -> None:
    def row(id: str, **more: Any) -> dict[str, Any]:
        return {
            "id": id,
            "model_picker_enabled": True,
            "capabilities": {"supports": {"tool_calls": True}},
            **more,
        }

    rows = [
        row("gpt-6.1-sol"),
        row("grok-4.7", policy={"state": "disabled"}),
        row("claude-opus-5.5", model_picker_enabled=False),
        row("brand-new", supported_endpoints=["/responses", "/chat/completions"]),
        row("nobody-knows-how"),
    ]
    lists.answers["GET /models"] = reply({"data": rows})
    refreshed(configured(tmp_path, "github-copilot", lists.url, apiKey="k"), "github-copilot")
    models = offline(tmp_path, "github-copilot")
    assert {model.id: model.api for model in models.values()} == {
        "gpt-6.1-sol": "openai-responses",
        "brand-new": "openai-responses",
    }
    sent = lists.asked[0][1]
    assert sent["user-agent"].startswith("pi (") and "editor-version" not in sent


def test_a_radius_gateway_of_ones_own_has_its_own_models(tmp_path: Path, lists: Lists) -> None:
    model = {
        "id": "m",
        "name": "M",
        "reasoning": False,
        "input": ["text"],
        "contextWindow": 9,
        "maxTokens": 3,
    }
    lists.answers["GET /v1/config"] = reply({"baseUrl": f"{lists.url}/v1", "models": [model | {"lab": "?"}]})
    registry = configured(tmp_path, "mine", lists.url, oauth="radius", apiKey="k")
    assert refreshed(registry, "mine") == Refreshed("mine", "fetched", 1)
    (found,) = ModelRegistry(tmp_path, env={}).models_of("mine")
    assert (found.api, found.name, found.context_window) == ("pi-messages", "M", 9)


def test_a_failure_leaves_the_last_list(tmp_path: Path, lists: Lists) -> None:
    lists.answers["GET /v1/models"] = reply({"data": [{"id": "m"}]})
    registry = configured(tmp_path, "vllm", f"{lists.url}/v1")
    refreshed(registry, "vllm")
    for answer in (reply(b"<html>"), reply({"data": 7}), reply({}, 500)):
        lists.answers["GET /v1/models"] = answer
        assert refreshed(registry, "vllm").outcome == "failed"
        assert set(offline(tmp_path, "vllm")) == {"m"}
    nobody = configured(tmp_path, "vllm", "http://127.0.0.1:9/v1")
    assert refreshed(nobody, "vllm").outcome == "absent"
    assert set(offline(tmp_path, "vllm")) == {"m"}


def test_offline_nobody_is_asked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Offline"):
        asyncio.run(refresh_lists(ModelRegistry(tmp_path, env={"PI_OFFLINE": "1"})))

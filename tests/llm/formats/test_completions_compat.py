"""Which flags a model of Chat Completions gets, from its host and from its own `compat`."""

import msgspec
import pytest

from pi.llm.formats.completions_compat import CompletionsCompat, completions_compat
from pi.llm.models import Model
from pi.platform.errors import ConfigError

STANDARD = CompletionsCompat()


def model(provider="local", url="http://127.0.0.1:8000/v1", id="m", compat=None):
    return Model(id, provider, "openai-completions", url, compat=compat)


def changed(found):
    """The flags that differ from the standard."""
    return {
        name: value
        for name, value in msgspec.to_builtins(found).items()
        if value != msgspec.to_builtins(STANDARD)[name]
    }


def test_an_unknown_host_is_taken_for_the_standard():
    assert completions_compat(model()) == STANDARD


BASIC = {"supportsStore": False, "supportsDeveloperRole": False}
SMALL = BASIC | {"maxTokensField": "max_tokens", "supportsReasoningEffort": False}
SHORT = {"supportsLongCacheRetention": False}
OPENROUTER = {
    "supportsDeveloperRole": False,
    "thinkingFormat": "openrouter",
    "sendSessionAffinityHeaders": True,
    "sessionAffinityFormat": "openrouter",
}
DEEPSEEK = BASIC | {
    "maxTokensField": "max_tokens",
    "thinkingFormat": "deepseek",
    "requiresReasoningContentOnAssistantMessages": True,
}


@pytest.mark.parametrize(
    ("provider", "url", "flags"),
    [
        ("openai", "https://api.openai.com/v1", {}),
        ("groq", "https://api.groq.com/openai/v1", {}),
        ("deepseek", "https://api.deepseek.com", DEEPSEEK),
        ("mine", "https://API.DeepSeek.com/beta", DEEPSEEK),
        ("zai", "https://api.z.ai/api/paas/v4", SMALL | {"thinkingFormat": "zai"}),
        ("mine", "https://open.bigmodel.cn/api", SMALL | {"thinkingFormat": "zai"}),
        ("together", "https://api.together.ai/v1", SMALL | SHORT | {"thinkingFormat": "together"}),
        ("mine", "https://api.together.xyz/v1", SMALL | SHORT | {"thinkingFormat": "together"}),
        ("ant-ling", "https://api.ant-ling.com/v1", SMALL | SHORT | {"thinkingFormat": "ant-ling"}),
        ("nvidia", "https://integrate.api.nvidia.com/v1", SMALL | SHORT),
        ("cloudflare-ai-gateway", "https://gateway.ai.cloudflare.com/v1/a/b/compat", SMALL | SHORT),
        ("cloudflare-workers-ai", "https://api.cloudflare.com/client/v4/accounts/a/ai/v1", BASIC | SHORT),
        ("moonshotai", "https://api.moonshot.ai/v1", SMALL),
        ("mine", "https://api.moonshot.cn/v1", SMALL),
        ("mine", "https://llm.chutes.ai/v1", BASIC | {"maxTokensField": "max_tokens"}),
        ("xai", "https://api.x.ai/v1", BASIC | {"supportsReasoningEffort": False}),
        ("cerebras", "https://api.cerebras.ai/v1", BASIC),
        ("opencode", "https://opencode.ai/zen/v1", BASIC),
        (
            "opencode-go",
            "https://opencode.ai/zen/go/v1",
            BASIC | {"renamedReasoningField": "reasoning_content"},
        ),
        ("openrouter", "https://openrouter.ai/api/v1", OPENROUTER),
        ("mine", "https://openrouter.ai/api/v1", OPENROUTER),
    ],
)
def test_a_host_is_known_by_its_provider_or_its_url(provider, url, flags):
    assert changed(completions_compat(model(provider, url))) == flags


def test_openrouter_gives_the_developer_role_to_two_vendors_and_cache_markers_to_one():
    without_role = {name: value for name, value in OPENROUTER.items() if name != "supportsDeveloperRole"}
    url = "https://openrouter.ai/api/v1"
    anthropic = completions_compat(model("openrouter", url, "anthropic/claude"))
    assert changed(anthropic) == without_role | {"cacheControlFormat": "anthropic"}
    assert changed(completions_compat(model("openrouter", url, "openai/gpt"))) == without_role
    assert changed(completions_compat(model("mine", url, "anthropic/claude"))) == without_role


def test_where_two_hosts_fit_the_one_behind_the_router_wins():
    both = completions_compat(model("openrouter", "https://api.deepseek.com"))
    assert both.thinking_format == "deepseek"
    assert both.send_session_affinity_headers


def test_a_models_own_flags_win_field_by_field():
    found = completions_compat(
        model("deepseek", compat={"supportsStore": True, "thinkingFormat": None, "unknownFlag": 1})
    )
    assert changed(found) == {name: value for name, value in DEEPSEEK.items() if name != "supportsStore"}


def test_every_documented_flag_is_read():
    flags = {
        "supportsStore": False,
        "supportsDeveloperRole": False,
        "supportsReasoningEffort": False,
        "supportsUsageInStreaming": False,
        "supportsFinishReason": False,
        "supportsStrictMode": True,
        "supportsLongCacheRetention": False,
        "supportsThinkingTokenBudget": True,
        "maxTokensField": "max_tokens",
        "requiresToolResultName": True,
        "requiresAssistantAfterToolResult": True,
        "requiresNonNullAssistantContent": True,
        "requiresToolsWithToolHistory": True,
        "requiresThinkingAsText": True,
        "requiresReasoningContentOnAssistantMessages": True,
        "thinkingFormat": "qwen",
        "thinkingTokenBudgetField": "thinking_budget",
        "chatTemplateKwargs": {"a": 1},
        "chatTemplateArgs": {"b": 1},
        "openRouterRouting": {"only": ["x"]},
        "vercelGatewayRouting": {"order": ["y"]},
        "zaiToolStream": True,
        "vllmPriority": -1,
        "cacheControlFormat": "anthropic",
        "promptCacheKeyMode": "enabled",
        "sendSessionAffinityHeaders": True,
        "sessionAffinityFormat": "openai-nosession",
    }
    assert changed(completions_compat(model(compat=flags))) == flags


def test_a_flag_of_the_wrong_type_is_an_error_that_names_model_and_flag():
    with pytest.raises(ConfigError) as caught:
        completions_compat(model(compat={"supportsStore": "maybe"}))
    assert str(caught.value) == (
        "compat of model local/m can't be used: Expected `bool`, got `str` - at `$.supportsStore`. "
        "Mend it in models.json."
    )

"""How hosts of Chat Completions differ from OpenAI's: the flags, and what is known of each host."""

from typing import Any, Literal

from msgspec import Struct, field

from pi.llm.formats.hosts import Host, flags_of
from pi.llm.models import Model


class CompletionsCompat(Struct, frozen=True, rename="camel"):
    """What a host of `openai-completions` takes and needs; the defaults are OpenAI's own API."""

    supports_store: bool = True
    supports_developer_role: bool = True
    supports_reasoning_effort: bool = True
    supports_usage_in_streaming: bool = True
    supports_finish_reason: bool = True  # without it the end of the stream is a normal end
    supports_strict_mode: bool = False  # speaking the protocol does not mean taking strict schemas
    supports_openai_grammar_tools: bool = field(default=False, name="supportsOpenAIGrammarTools")
    supports_mid_convo_system_messages: bool = False  # what it means is seen to in `transcript.prepare`
    supports_mid_convo_tool_additions: bool = False
    supports_long_cache_retention: bool = True
    supports_thinking_token_budget: bool = False  # means thinkingTokenBudgetField "thinking_token_budget"
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    requires_tool_result_name: bool = False
    requires_assistant_after_tool_result: bool = False
    requires_non_null_assistant_content: bool = False
    requires_tools_with_tool_history: bool = False
    requires_thinking_as_text: bool = False
    requires_reasoning_content_on_assistant_messages: bool = False
    thinking_format: str = "openai"
    thinking_token_budget_field: str | None = None
    chat_template_kwargs: dict[str, Any] = {}
    chat_template_args: dict[str, Any] = {}
    open_router_routing: dict[str, Any] = {}
    vercel_gateway_routing: dict[str, Any] = {}
    zai_tool_stream: bool = False
    vllm_priority: int | float | None = None
    cache_control_format: str | None = None
    prompt_cache_key_mode: str = "auto"
    send_session_affinity_headers: bool = False
    session_affinity_format: str = "openai"
    renamed_reasoning_field: str | None = None  # ours: the host streams `reasoning` and wants this one back


_BASIC = {"supportsStore": False, "supportsDeveloperRole": False}
_MAX_TOKENS = {"maxTokensField": "max_tokens"}
_NO_EFFORT = {"supportsReasoningEffort": False}
_SHORT_CACHE = {"supportsLongCacheRetention": False}

# Every row that fits is applied in this order, so a later row wins where two speak of the same flag.
HOSTS = (
    Host(
        ("openrouter",),
        ("openrouter.ai",),
        {
            "supportsDeveloperRole": False,
            "thinkingFormat": "openrouter",
            "sendSessionAffinityHeaders": True,
            "sessionAffinityFormat": "openrouter",
        },
    ),
    Host(
        ("ant-ling",),
        ("api.ant-ling.com",),
        _BASIC | _MAX_TOKENS | _NO_EFFORT | _SHORT_CACHE | {"thinkingFormat": "ant-ling"},
    ),
    Host(
        ("together",),
        ("api.together.ai", "api.together.xyz"),
        _BASIC | _MAX_TOKENS | _NO_EFFORT | _SHORT_CACHE | {"thinkingFormat": "together"},
    ),
    Host(
        ("zai", "zai-coding-cn"),
        ("api.z.ai", "open.bigmodel.cn"),
        _BASIC | _MAX_TOKENS | _NO_EFFORT | {"thinkingFormat": "zai"},
    ),
    Host(
        ("deepseek",),
        ("deepseek.com",),
        _BASIC
        | _MAX_TOKENS
        | {"thinkingFormat": "deepseek", "requiresReasoningContentOnAssistantMessages": True},
    ),
    Host(("moonshotai", "moonshotai-cn"), ("api.moonshot.",), _BASIC | _MAX_TOKENS | _NO_EFFORT),
    Host(("nvidia",), ("integrate.api.nvidia.com",), _BASIC | _MAX_TOKENS | _NO_EFFORT | _SHORT_CACHE),
    Host(
        ("cloudflare-ai-gateway",),
        ("gateway.ai.cloudflare.com",),
        _BASIC | _MAX_TOKENS | _NO_EFFORT | _SHORT_CACHE,
    ),
    Host(("cloudflare-workers-ai",), ("api.cloudflare.com",), _BASIC | _SHORT_CACHE),
    Host((), ("chutes.ai",), _BASIC | _MAX_TOKENS),
    Host(("xai",), ("api.x.ai",), _BASIC | _NO_EFFORT),
    Host(("cerebras",), ("cerebras.ai",), _BASIC),
    Host(("opencode",), ("opencode.ai",), _BASIC),
    Host(("opencode-go",), (), {"renamedReasoningField": "reasoning_content"}),
    Host(("openrouter",), ("openrouter.ai",), {"supportsDeveloperRole": True}, ("anthropic/", "openai/")),
    Host(("openrouter",), (), {"cacheControlFormat": "anthropic"}, ("anthropic/",)),
)


def completions_compat(model: Model) -> CompletionsCompat:
    """The flags for a model; raises ConfigError when one of its `compat` has the wrong type."""
    return flags_of(model, CompletionsCompat, HOSTS)

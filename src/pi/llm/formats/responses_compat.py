"""How hosts of the Responses protocol differ from OpenAI's: the flags, and what is known of each host."""

from msgspec import Struct, field

from pi.llm.formats.hosts import Host, flags_of
from pi.llm.models import Model


class ResponsesCompat(Struct, frozen=True, rename="camel"):
    """What a host of `openai-responses` takes and needs; the defaults are OpenAI's own API."""

    supports_developer_role: bool = True
    supports_strict_mode: bool = False  # speaking the protocol does not mean taking strict schemas
    supports_openai_grammar_tools: bool = field(default=False, name="supportsOpenAIGrammarTools")
    supports_mid_convo_system_messages: bool = False  # what it means is seen to in `transcript.prepare`
    supports_mid_convo_effort: bool = False
    supports_additional_tools: bool = False
    supports_tool_search: bool = False
    supports_long_cache_retention: bool = True
    supports_explicit_prompt_cache_mode: bool = False  # takes `prompt_cache_options`, older models refuse it
    supports_max_output_tokens: bool = True
    session_affinity_format: str = "openai"
    supports_effort_none: bool = True  # ours: can be told that it shall not reason
    always_includes_reasoning: bool = False  # ours: reasons, and must hand it out, also while thinking is off


# Every row that fits is applied in this order, so a later row wins where two speak of the same flag.
HOSTS = (
    Host(
        (),
        (),
        {"supportsStrictMode": True, "supportsLongCacheRetention": False},
        apis=("azure-openai-responses",),
    ),
    Host((), (), {"supportsStrictMode": True}, apis=("openai-codex-responses",)),
    Host(("openrouter",), ("openrouter.ai",), {"sessionAffinityFormat": "openrouter"}),
    Host(("opencode", "opencode-go"), (), {"sessionAffinityFormat": "openai-nosession"}),
    Host(("github-copilot",), (), {"supportsEffortNone": False}),
    Host(("xai",), (), {"supportsLongCacheRetention": False, "alwaysIncludesReasoning": True}),
)


def responses_compat(model: Model) -> ResponsesCompat:
    """The flags for a model; raises ConfigError when one of its `compat` has the wrong type."""
    return flags_of(model, ResponsesCompat, HOSTS)

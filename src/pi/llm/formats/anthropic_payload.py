"""What an Anthropic Messages request carries: its body and its headers."""

from typing import Any

from pi.llm.errors import ProviderError
from pi.llm.formats.anthropic_blocks import Block, to_blocks
from pi.llm.formats.anthropic_compat import Compat, compat_of
from pi.llm.formats.anthropic_tools import request_tools, tells_tool_changes
from pi.llm.messages import Context, ThinkingLevel
from pi.llm.models import Model, clamp_level
from pi.llm.options import StreamOptions
from pi.llm.tokens import output_cap, thinking_caps
from pi.llm.transcript import current_tools

VERSION = "2023-06-01"
OAUTH_MARK = "sk-ant-oat"
OAUTH_BETA = "oauth-2025-04-20"
EAGER_TOOLS_BETA = "fine-grained-tool-streaming-2025-05-14"
INTERLEAVED_BETA = "interleaved-thinking-2025-05-14"
FALLBACK_BETA = "server-side-fallback-2026-07-01"
EFFORT_BETAS = ("mid-conversation-output-config-2026-07-01", "thinking-binding-controls-2026-08-01")
TOOL_CHANGES_BETA = "mid-conversation-tool-changes-2026-07-01"
THREADS_BETA = "message-threads-2026-08-12"
MIN_BUDGET = 1_024

# At the head of requests whose messages tell the effort: what is cached stays the same when that changes, and
# the lowest is what every organization allows.
STEADY_EFFORT = "low"

_BEARER_PROVIDERS = frozenset(("github-copilot",))
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium"}  # all above: high


def build_payload(
    model: Model, context: Context, options: StreamOptions, *, loose: bool = False
) -> dict[str, Any]:
    """The body of the request; the context is prepared for this model.

    With `loose` only those tools are held to their schema that must be. Raises ConfigError when one can't.
    """
    compat = compat_of(model)
    cache = _cache_control(compat, options)
    max_tokens, thinking = _thinking(model, compat, context, options)
    messages = to_blocks(
        model,
        context.messages,
        compat,
        cache,
        tool_changes=tells_tool_changes(context, compat),
        effort=told_effort(model, options),
    )
    payload: dict[str, Any] = {
        "model": model.id,
        "messages": messages,
        "max_tokens": max_tokens,
        "stream": True,
        **thinking,
    }
    if context.system:
        payload["system"] = [{"type": "text", "text": context.system, **cache}]
    if tools := request_tools(context, compat, cache, loose=loose):
        payload["tools"] = tools
    if options.temperature is not None and _takes_temperature(model, compat, options):
        payload["temperature"] = options.temperature
    if options.tool_choice:
        payload["tool_choice"] = {"type": options.tool_choice}
    if compat.allowed_fallback_models:
        payload["fallbacks"] = [{"model": fallback.model} for fallback in compat.allowed_fallback_models]
    return payload


def build_headers(
    model: Model, context: Context, options: StreamOptions, *, threads: bool = False
) -> dict[str, str]:
    """The protocol's headers and the model's own, lower-case; raises ProviderError when there is no key.

    `options.headers` are not in it: they are applied when the request is sent.
    """
    compat = compat_of(model)
    own = {name.lower(): value for name, value in (model.headers or {}).items()}
    headers = {"anthropic-version": VERSION, "anthropic-dangerous-direct-browser-access": "true"}
    headers |= _credentials(model, options, own) | _affinity(model, compat, options)
    betas = _betas(model, compat, context, options)
    if threads:
        betas.append(THREADS_BETA)
    if betas:
        headers["anthropic-beta"] = ",".join(betas)
    return headers | own


def told_effort(model: Model, options: StreamOptions) -> str | None:
    """The effort, where messages tell it so that a change keeps the cache; the answer has to keep it."""
    compat = compat_of(model)
    level = _level(model, options)
    can_be_off = (model.thinking_level_map or {}).get("off", "") is not None
    if not (compat.supports_mid_convo_effort and model.reasoning) or (level == "off" and can_be_off):
        return None
    return _effort(model, level)


def is_oauth(options: StreamOptions) -> bool:
    """Whether the key is the token of a Claude subscription."""
    return OAUTH_MARK in (options.api_key or "")


def _credentials(model: Model, options: StreamOptions, own: dict[str, str]) -> dict[str, str]:
    if options.api_key:
        if is_oauth(options) or model.provider in _BEARER_PROVIDERS:
            return {"authorization": f"Bearer {options.api_key}"}
        return {"x-api-key": options.api_key}
    given = own.keys() | {name.lower() for name in options.headers or ()}
    if given.isdisjoint(("authorization", "x-api-key", "cf-aig-authorization")):
        raise ProviderError(f"No API key for provider: {model.provider}")
    return {}


def _affinity(model: Model, compat: Compat, options: StreamOptions) -> dict[str, str]:
    """Requests of one session go to the server that holds its cache."""
    open_router = model.provider == "openrouter" or "openrouter.ai" in model.base_url
    wanted = compat.send_session_affinity_headers
    if (
        not options.session_id
        or options.cache_retention == "none"
        or not (open_router if wanted is None else wanted)
    ):
        return {}
    style = compat.session_affinity_format or ("openrouter" if open_router else "")
    return {"x-session-id" if style == "openrouter" else "x-session-affinity": options.session_id}


def _betas(model: Model, compat: Compat, context: Context, options: StreamOptions) -> list[str]:
    betas: list[str] = []
    if is_oauth(options):
        betas.append(OAUTH_BETA)
    if not compat.supports_eager_tool_input_streaming and current_tools(context):
        betas.append(EAGER_TOOLS_BETA)
    if _thinks(model, options) and not compat.force_adaptive_thinking:
        betas.append(INTERLEAVED_BETA)
    if compat.allowed_fallback_models:
        betas.append(FALLBACK_BETA)
    if compat.supports_mid_convo_effort:
        betas += EFFORT_BETAS
    if tells_tool_changes(context, compat):
        betas.append(TOOL_CHANGES_BETA)
    return betas


def _level(model: Model, options: StreamOptions) -> ThinkingLevel:
    """Off stays off, also on a model that lists no such level: it then gets no thinking field at all."""
    return "off" if options.thinking == "off" else clamp_level(model, options.thinking)


def _thinks(model: Model, options: StreamOptions) -> bool:
    return _level(model, options) != "off"


def _takes_temperature(model: Model, compat: Compat, options: StreamOptions) -> bool:
    managed = compat.supports_mid_convo_effort
    return compat.supports_temperature and not managed and not _thinks(model, options)


def _effort(model: Model, level: ThinkingLevel) -> str:
    return (model.thinking_level_map or {}).get(level) or _EFFORTS.get(level, "high")


def _thinking(
    model: Model, compat: Compat, context: Context, options: StreamOptions
) -> tuple[int, dict[str, Any]]:
    """The output limit and the fields about thinking."""
    level = _level(model, options)
    if told_effort(model, options) is not None:
        # Signed thinking may come back behind messages that have changed: it is left out then, not refused.
        binding = {"prefix_mismatch_behavior": "drop_block"}
        return output_cap(model, context, options.max_tokens), {
            "thinking": {"type": "adaptive", "display": "summarized", "block_binding": binding},
            "output_config": {"effort": STEADY_EFFORT},
        }
    if level == "off":
        mapped = (model.thinking_level_map or {}).get(level, "")
        fields = {"thinking": {"type": "disabled"}} if model.reasoning and mapped is not None else {}
        return output_cap(model, context, options.max_tokens), fields
    if compat.force_adaptive_thinking:
        return output_cap(model, context, options.max_tokens), {
            "thinking": {"type": "adaptive", "display": "summarized"},
            "output_config": {"effort": _effort(model, level)},
        }
    max_tokens, budget = thinking_caps(
        model, context, level, wanted=options.max_tokens, budgets=options.thinking_budgets
    )
    budget = budget or MIN_BUDGET
    return max_tokens, {"thinking": {"type": "enabled", "budget_tokens": budget, "display": "summarized"}}


def _cache_control(compat: Compat, options: StreamOptions) -> Block:
    """The marker as fields to merge into a block: everything up to it is cached."""
    if options.cache_retention == "none":
        return {}
    if options.cache_retention == "long" and compat.supports_long_cache_retention:
        return {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    return {"cache_control": {"type": "ephemeral"}}

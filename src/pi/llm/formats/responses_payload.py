"""The body of a Responses request: what all hosts of the protocol are asked in."""

from typing import Any

from pi.llm.formats.responses_compat import ResponsesCompat, responses_compat
from pi.llm.formats.responses_items import request_tools, to_input, to_tools
from pi.llm.formats.sampling import sampling_fields
from pi.llm.messages import Context, ThinkingLevel
from pi.llm.models import Model, clamp_level
from pi.llm.options import StreamOptions
from pi.llm.tokens import output_cap

CACHE_KEY_LENGTH = 64  # characters of `prompt_cache_key`
MIN_OUTPUT_TOKENS = 16  # a smaller `max_output_tokens` is refused
STEADY_EFFORT = (
    "medium"  # at the head of requests whose input tells the effort: what is cached stays the same
)


def build_payload(model: Model, context: Context, options: StreamOptions) -> dict[str, Any]:
    """The body of a request."""
    compat = responses_compat(model)
    told = told_effort(model, options)
    by_login = _is_chatgpt_login(model, options)
    payload: dict[str, Any] = {
        "model": model.id,
        "input": to_input(model, context, compat, told),
        "stream": True,
        "store": False,
        **_cache_key(options),
    }
    if not by_login:
        payload |= _cache_fields(compat, options) | _limits(model, context, compat, options)
    if tools := request_tools(context, compat):
        payload["tools"] = to_tools(tools, compat)
    if options.tool_choice:
        payload["tool_choice"] = options.tool_choice
    payload |= _reasoning_fields(model, compat, _level(model, options), told)
    return payload | sampling_fields(model, options)


def told_effort(model: Model, options: StreamOptions) -> str | None:
    """The effort, where the input tells it so that a change keeps the cache; the answer has to keep it."""
    level = _level(model, options)
    if model.api != "openai-responses" or not model.reasoning or level == "off":
        return None
    if not responses_compat(model).supports_mid_convo_effort or _is_chatgpt_login(model, options):
        return None
    return (model.thinking_level_map or {}).get(level) or level


def _level(model: Model, options: StreamOptions) -> ThinkingLevel:
    return options.thinking if options.thinking == "off" else clamp_level(model, options.thinking)


def _is_chatgpt_login(model: Model, options: StreamOptions) -> bool:
    """A ChatGPT login speaks to OpenAI's own API with a JWT, and is refused several fields."""
    key = options.api_key or ""
    ours = model.provider == "openai" and model.base_url.rstrip("/") == "https://api.openai.com/v1"
    return ours and key.startswith("eyJ") and key.count(".") == 2


def _limits(
    model: Model, context: Context, compat: ResponsesCompat, options: StreamOptions
) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if compat.supports_max_output_tokens:
        cap = output_cap(model, context, options.max_tokens)
        fields["max_output_tokens"] = max(cap, MIN_OUTPUT_TOKENS)
    if options.temperature is not None:
        fields["temperature"] = options.temperature
    return fields


def _cache_key(options: StreamOptions) -> dict[str, Any]:
    if options.cache_retention == "none" or options.session_id is None:
        return {}
    return {"prompt_cache_key": options.session_id[:CACHE_KEY_LENGTH]}


def _cache_fields(compat: ResponsesCompat, options: StreamOptions) -> dict[str, Any]:
    long = options.cache_retention == "long" and compat.supports_long_cache_retention
    if not compat.supports_explicit_prompt_cache_mode:
        return {"prompt_cache_retention": "24h"} if long else {}
    if options.cache_retention == "none":
        return {"prompt_cache_options": {"mode": "explicit"}}
    return {"prompt_cache_options": {"ttl": "30m"}} if long else {}


def _reasoning_fields(
    model: Model, compat: ResponsesCompat, level: ThinkingLevel, told: str | None
) -> dict[str, Any]:
    if not model.reasoning:
        return {}
    mapped = model.thinking_level_map or {}
    # Nothing is stored on the server, so the encrypted reasoning has to travel with the conversation.
    include = {"include": ["reasoning.encrypted_content"]}
    if level != "off":
        effort = STEADY_EFFORT if told else mapped.get(level) or level
        return {"reasoning": {"effort": effort, "summary": "auto"}, **include}
    fields: dict[str, Any] = include if compat.always_includes_reasoning else {}
    effort = mapped.get("off", "none")
    if effort is None or not compat.supports_effort_none:
        return fields
    return {"reasoning": {"effort": effort}, **fields}

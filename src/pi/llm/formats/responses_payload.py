"""The body of a Responses request: what all hosts of the protocol are asked in."""

from typing import Any

from pi.llm.formats.responses_compat import ResponsesCompat, responses_compat
from pi.llm.formats.responses_items import to_input, to_tools
from pi.llm.messages import Context, ThinkingLevel
from pi.llm.models import Model, clamp_level
from pi.llm.options import StreamOptions
from pi.llm.tokens import output_cap

CACHE_KEY_LENGTH = 64  # characters of `prompt_cache_key`
MIN_OUTPUT_TOKENS = 16  # a smaller `max_output_tokens` is refused


def build_payload(model: Model, context: Context, options: StreamOptions) -> dict[str, Any]:
    """The body of a request."""
    compat = responses_compat(model)
    level = options.thinking if options.thinking == "off" else clamp_level(model, options.thinking)
    payload: dict[str, Any] = {
        "model": model.id,
        "input": to_input(model, context, compat),
        "stream": True,
        "store": False,
        **_cache_fields(compat, options),
    }
    if compat.supports_max_output_tokens:
        cap = output_cap(model, context, options.max_tokens)
        payload["max_output_tokens"] = max(cap, MIN_OUTPUT_TOKENS)
    if options.temperature is not None:
        payload["temperature"] = options.temperature
    if context.tools:
        payload["tools"] = to_tools(context.tools, compat)
    if options.tool_choice:
        payload["tool_choice"] = options.tool_choice
    payload |= _reasoning_fields(model, compat, level)
    for_level = (model.sampling_params_by_thinking_level or {}).get(level, {})
    return payload | (model.sampling_params or {}) | for_level | (options.sampling_params or {})


def _cache_fields(compat: ResponsesCompat, options: StreamOptions) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    cached = options.cache_retention != "none"
    long = options.cache_retention == "long" and compat.supports_long_cache_retention
    if cached and options.session_id is not None:
        fields["prompt_cache_key"] = options.session_id[:CACHE_KEY_LENGTH]
    if compat.supports_explicit_prompt_cache_mode:
        if not cached:
            fields["prompt_cache_options"] = {"mode": "explicit"}
        elif long:
            fields["prompt_cache_options"] = {"ttl": "30m"}
    elif long:
        fields["prompt_cache_retention"] = "24h"
    return fields


def _reasoning_fields(model: Model, compat: ResponsesCompat, level: ThinkingLevel) -> dict[str, Any]:
    if not model.reasoning:
        return {}
    mapped = model.thinking_level_map or {}
    # Nothing is stored on the server, so the encrypted reasoning has to travel with the conversation.
    include = {"include": ["reasoning.encrypted_content"]}
    if level != "off":
        return {"reasoning": {"effort": mapped.get(level) or level, "summary": "auto"}, **include}
    fields: dict[str, Any] = include if compat.always_includes_reasoning else {}
    effort = mapped.get("off", "none")
    if effort is None or not compat.supports_effort_none:
        return fields
    return {"reasoning": {"effort": effort}, **fields}

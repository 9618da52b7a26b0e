"""What an Anthropic Messages request carries: its body and its headers."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from pi.llm.errors import ProviderError
from pi.llm.formats.hosts import flags_of
from pi.llm.formats.strict_schema import strict_schema
from pi.llm.messages import (
    AssistantMessage,
    Context,
    Image,
    Message,
    Text,
    Thinking,
    ThinkingLevel,
    ToolCall,
    ToolDeclaration,
    ToolResultMessage,
    UserMessage,
)
from pi.llm.models import Model, ModelCost, clamp_level
from pi.llm.options import StreamOptions
from pi.llm.tokens import output_cap, thinking_caps

VERSION = "2023-06-01"
OAUTH_MARK = "sk-ant-oat"
OAUTH_BETA = "oauth-2025-04-20"
EAGER_TOOLS_BETA = "fine-grained-tool-streaming-2025-05-14"
INTERLEAVED_BETA = "interleaved-thinking-2025-05-14"
FALLBACK_BETA = "server-side-fallback-2026-07-01"
MIN_BUDGET = 1_024

_BEARER_PROVIDERS = frozenset(("github-copilot",))
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium"}  # all above: high
_STRICT_REFUSED = frozenset(
    (
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "maxItems",
        "uniqueItems",
        "minContains",
        "maxContains",
        "minProperties",
        "maxProperties",
    )
)
_STRICT_FORMATS = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
)

Block = dict[str, Any]


class FallbackModel(Struct, frozen=True, rename="camel"):
    """A model that the server may answer with instead, and its prices."""

    model: str
    provider: str = ""
    cost: ModelCost = ModelCost()


class Compat(Struct, frozen=True, rename="camel"):
    """What an endpoint of this protocol can do (`compat` in models.json); unknown flags are passed over."""

    supports_eager_tool_input_streaming: bool = True
    supports_long_cache_retention: bool = True
    supports_cache_control_on_tools: bool = True
    supports_temperature: bool = True
    supports_strict_tools: bool = False
    force_adaptive_thinking: bool = False
    allow_empty_signature: bool = False
    send_session_affinity_headers: bool | None = None  # None: only to OpenRouter
    session_affinity_format: str | None = None
    allowed_fallback_models: tuple[FallbackModel, ...] = ()


def compat_of(model: Model) -> Compat:
    """The model's flags; raises ConfigError for a value of the wrong type."""
    return flags_of(model, Compat)


def build_payload(model: Model, context: Context, options: StreamOptions) -> dict[str, Any]:
    """The body of the request; the context is prepared for this model."""
    compat = compat_of(model)
    cache = _cache_control(compat, options)
    max_tokens, thinking = _thinking(model, compat, context, options)
    payload: dict[str, Any] = {
        "model": model.id,
        "messages": _marked(_messages(context.messages, compat), cache),
        "max_tokens": max_tokens,
        "stream": True,
        **thinking,
    }
    if context.system:
        payload["system"] = [{"type": "text", "text": context.system, **cache}]
    if context.tools:
        payload["tools"] = _tools(context.tools, compat, cache)
    if options.temperature is not None and compat.supports_temperature and not _thinks(model, options):
        payload["temperature"] = options.temperature
    if options.tool_choice:
        payload["tool_choice"] = {"type": options.tool_choice}
    if compat.allowed_fallback_models:
        payload["fallbacks"] = [{"model": fallback.model} for fallback in compat.allowed_fallback_models]
    return payload


def build_headers(model: Model, context: Context, options: StreamOptions) -> dict[str, str]:
    """The protocol's headers and the model's own, lower-case; raises ProviderError when there is no key.

    `options.headers` are not in it: they are applied when the request is sent.
    """
    compat = compat_of(model)
    own = {name.lower(): value for name, value in (model.headers or {}).items()}
    headers = {"anthropic-version": VERSION, "anthropic-dangerous-direct-browser-access": "true"}
    headers |= _credentials(model, options, own) | _affinity(model, compat, options)
    if betas := _betas(model, compat, context, options):
        headers["anthropic-beta"] = ",".join(betas)
    return headers | own


def _is_oauth(options: StreamOptions) -> bool:
    return OAUTH_MARK in (options.api_key or "")


def _credentials(model: Model, options: StreamOptions, own: dict[str, str]) -> dict[str, str]:
    if options.api_key:
        if _is_oauth(options) or model.provider in _BEARER_PROVIDERS:
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
    if _is_oauth(options):
        betas.append(OAUTH_BETA)
    if context.tools and not compat.supports_eager_tool_input_streaming:
        betas.append(EAGER_TOOLS_BETA)
    if _thinks(model, options) and not compat.force_adaptive_thinking:
        betas.append(INTERLEAVED_BETA)
    if compat.allowed_fallback_models:
        betas.append(FALLBACK_BETA)
    return betas


def _level(model: Model, options: StreamOptions) -> ThinkingLevel:
    """Off stays off, also on a model that lists no such level: it then gets no thinking field at all."""
    return "off" if options.thinking == "off" else clamp_level(model, options.thinking)


def _thinks(model: Model, options: StreamOptions) -> bool:
    return _level(model, options) != "off"


def _thinking(
    model: Model, compat: Compat, context: Context, options: StreamOptions
) -> tuple[int, dict[str, Any]]:
    """The output limit and the fields about thinking."""
    level = _level(model, options)
    mapped = (model.thinking_level_map or {}).get(level, "")
    if level == "off":
        fields = {"thinking": {"type": "disabled"}} if model.reasoning and mapped is not None else {}
        return output_cap(model, context, options.max_tokens), fields
    if compat.force_adaptive_thinking:
        return output_cap(model, context, options.max_tokens), {
            "thinking": {"type": "adaptive", "display": "summarized"},
            "output_config": {"effort": mapped or _EFFORTS.get(level, "high")},
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


def _tools(tools: tuple[ToolDeclaration, ...], compat: Compat, cache: Block) -> list[Block]:
    eager = {"eager_input_streaming": True} if compat.supports_eager_tool_input_streaming else {}
    converted = [
        {"name": tool.name, "description": tool.description, **eager, **_schema(tool, compat)}
        for tool in tools
    ]
    if compat.supports_cache_control_on_tools:
        converted[-1] |= cache
    return converted


def _schema(tool: ToolDeclaration, compat: Compat) -> Block:
    wanted = compat.supports_strict_tools and tool.constrained_sampling
    strict = strict_schema(tool.parameters, _strict_refuses) if wanted else None
    if strict is not None:
        return {"strict": True, "input_schema": strict}
    given = tool.parameters
    properties, required = given.get("properties", {}), given.get("required", [])
    schema = {"type": "object", "properties": properties, "required": required}
    definitions = {key: given[key] for key in ("$defs", "definitions") if key in given}
    return {"input_schema": schema | definitions}


def _strict_refuses(key: str, value: Any) -> bool:
    match key:
        case "minItems":
            return value not in (0, 1)
        case "format":
            return value not in _STRICT_FORMATS
        case _:
            return key in _STRICT_REFUSED


def _messages(messages: Iterable[Message], compat: Compat) -> list[Block]:
    converted: list[Block] = []
    results: list[Block] | None = None  # neighbouring tool results share one user message
    for message in messages:
        if isinstance(message, ToolResultMessage):
            if results is None:
                results = []
                converted.append({"role": "user", "content": results})
            results.append(_result(message))
            continue
        results = None
        match message:
            case UserMessage():
                role, content = "user", _user_content(message.content)
            case AssistantMessage():
                role, content = "assistant", _answer(message, compat)
            case _:
                continue  # system messages are in the prompt
        if content:
            converted.append({"role": role, "content": content})
    return converted


def _user_content(content: str | tuple[Text | Image, ...]) -> str | list[Block]:
    if isinstance(content, str):
        return content if content.strip() else ""
    return [_piece(block) for block in content if not _is_blank(block)]


def _is_blank(block: Text | Image) -> bool:
    return isinstance(block, Text) and not block.text.strip()


def _piece(block: Text | Image) -> Block:
    if isinstance(block, Text):
        return {"type": "text", "text": block.text}
    return {
        "type": "image",
        "source": {"type": "base64", "media_type": block.mime_type, "data": block.data},
    }


def _answer(message: AssistantMessage, compat: Compat) -> list[Block]:
    converted: list[Block] = []
    for block in message.content:
        match block:
            case Text():
                if block.text.strip():
                    converted.append({"type": "text", "text": block.text})
            case Thinking():
                converted += _thought(block, compat)
            case ToolCall():
                converted.append(
                    {"type": "tool_use", "id": block.id, "name": block.name, "input": block.arguments}
                )
    return converted


def _thought(block: Thinking, compat: Compat) -> list[Block]:
    """Signed thinking goes back as it came; unsigned as text, unless the endpoint takes it unsigned."""
    signature = block.thinking_signature or ""
    if block.redacted:
        return [{"type": "redacted_thinking", "data": signature}]
    if signature.strip():
        return [{"type": "thinking", "thinking": block.thinking, "signature": signature}]
    if not block.thinking.strip():
        return []
    if compat.allow_empty_signature:
        return [{"type": "thinking", "thinking": block.thinking, "signature": ""}]
    return [{"type": "text", "text": block.thinking}]


def _result(message: ToolResultMessage) -> Block:
    content: str | list[Block]
    if any(isinstance(block, Image) for block in message.content):
        content = [_piece(block) for block in message.content if not _is_blank(block)]
        if not any(block["type"] == "text" for block in content):
            content.insert(0, {"type": "text", "text": "(see attached image)"})
    else:
        content = "\n".join(block.text for block in message.content if isinstance(block, Text))
    return {
        "type": "tool_result",
        "tool_use_id": message.tool_call_id,
        "content": content,
        "is_error": message.is_error,
    }


def _marked(messages: list[Block], cache: Block) -> list[Block]:
    """The conversation with the cache marker on its last block, when that is the user's."""
    if not cache or not messages or messages[-1]["role"] != "user":
        return messages
    last = messages[-1]
    if isinstance(last["content"], str):
        last["content"] = [{"type": "text", "text": last["content"]}]
    last["content"][-1] |= cache
    return messages

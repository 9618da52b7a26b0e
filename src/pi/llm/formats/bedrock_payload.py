"""What a Bedrock ConverseStream request carries: conversation, tools, limits, thinking and cache points."""

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import Any, cast

from msgspec import Struct

from pi.llm.errors import ProviderError
from pi.llm.formats.hosts import flags_of
from pi.llm.formats.strict_schema import held_schema
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
from pi.llm.models import Model, clamp_level
from pi.llm.options import StreamOptions
from pi.llm.tokens import output_cap, thinking_caps

INTERLEAVED_BETA = "interleaved-thinking-2025-05-14"
BINDING_BETA = "thinking-binding-controls-2026-08-01"
EMPTY_TEXT = "<empty>"  # where Bedrock wants a text and there is none
IMAGE_BELOW = "(image attached after the tool results)"

# Families, by a part of a model's id or name.
_BINDING = ("opus-4-7", "opus-4-8", "opus-5", "sonnet-5", "haiku-5", "fable-5")
_ADAPTIVE = (*_BINDING, "opus-4-6", "sonnet-4-6")
_CACHING = ("fable-5", "opus-5", "sonnet-5", "haiku-5", "-4-", "claude-3-7-sonnet", "claude-3-5-haiku")
_CLAUDE = ("anthropic.claude", "anthropic/claude")

_CLAUDE_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium"}  # all above: high
_GPT_EFFORTS = {"minimal": "low"}  # all others: their own name
_GPT_OSS_EFFORTS = {"minimal": "low", "xhigh": "high", "max": "high"}
_IMAGE_FORMATS = {
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
}

Block = dict[str, Any]


class Compat(Struct, frozen=True, rename="camel"):
    """What a model on Bedrock can do (`compat` in models.json); unknown flags are passed over."""

    supports_strict_mode: bool = False


def build_payload(
    model: Model, context: Context, options: StreamOptions, env: Mapping[str, str]
) -> dict[str, Any]:
    """The input of ConverseStream, for a context that is prepared for this model.

    `modelId` is in it as in Amazon's SDKs; on the wire it is a part of the address. Raises ConfigError for a
    tool that must be held to its schema but can't be, ProviderError for an image of an unknown kind.
    """
    cache = _cache_point(model, options, env)
    max_tokens, thinking = _thinking(model, context, options, env)
    inference: Block = {"maxTokens": max_tokens}
    if options.temperature is not None:
        inference["temperature"] = options.temperature
    payload: dict[str, Any] = {
        "modelId": model.id,
        "messages": _messages(model, context.messages, cache),
        "inferenceConfig": inference,
    }
    if context.system:
        payload["system"] = [{"text": context.system}, *cache]
    if context.tools and options.tool_choice != "none":
        payload["toolConfig"] = _tool_config(model, context.tools, options)
    if thinking:
        payload["additionalModelRequestFields"] = thinking
    return payload


def _is_one_of(model: Model, families: Iterable[str]) -> bool:
    """By id or name: the ids of application inference profiles say nothing about their model."""
    told = (model.id.lower(), model.name.lower())
    told += tuple(re.sub(r"[\s_.:]+", "-", name) for name in told)
    return any(family in name for name in told for family in families)


def _is_claude(model: Model) -> bool:
    return "claude" in model.name.lower() or any(part in model.id.lower() for part in _CLAUDE)


def _cache_point(model: Model, options: StreamOptions, env: Mapping[str, str]) -> list[Block]:
    """The block up to which Bedrock caches, or none. Amazon's own models cache by themselves."""
    if options.cache_retention == "none":
        return []
    if _is_one_of(model, ("claude",)):
        able = _is_one_of(model, _CACHING)
    else:
        able = env.get("AWS_BEDROCK_FORCE_CACHE") == "1"
    point = {"type": "default"} | ({"ttl": "1h"} if options.cache_retention == "long" else {})
    return [{"cachePoint": point}] if able else []


def _thinking(
    model: Model, context: Context, options: StreamOptions, env: Mapping[str, str]
) -> tuple[int, Block]:
    """The output limit, and the fields about thinking that go to the model as they are."""
    level = "off" if options.thinking == "off" else clamp_level(model, options.thinking)
    claude = _is_claude(model)
    if level != "off" and claude and not _is_one_of(model, _ADAPTIVE):
        max_tokens, budget = thinking_caps(
            model, context, level, wanted=options.max_tokens, budgets=options.thinking_budgets
        )
        thinking = {"type": "enabled", "budget_tokens": budget, **_display(model, env)}
        return max_tokens, {"thinking": thinking, "anthropic_beta": [INTERLEAVED_BETA]}
    if level == "off":
        fields: Block = {}
    elif claude:
        fields = _adaptive(model, level, env)
    else:
        fields = _effort(model, level)
    return output_cap(model, context, options.max_tokens), fields


def _adaptive(model: Model, level: ThinkingLevel, env: Mapping[str, str]) -> Block:
    newest = _is_one_of(model, _BINDING)
    mapped = (model.thinking_level_map or {}).get(level)
    effort = "xhigh" if level == "xhigh" and newest else mapped or _CLAUDE_EFFORTS.get(level, "high")
    thinking: Block = {"type": "adaptive", **_display(model, env)}
    fields: Block = {"thinking": thinking, "output_config": {"effort": effort}}
    if newest and not _in_gov_cloud(model, env):
        # Thoughts are signed for what stood before them: without this, a changed prompt makes them an error.
        thinking["block_binding"] = {"prefix_mismatch_behavior": "drop_block"}
        fields["anthropic_beta"] = [BINDING_BETA]
    return fields


def _effort(model: Model, level: ThinkingLevel) -> Block:
    if _is_one_of(model, ("gpt-oss",)):
        return {"reasoning_effort": _GPT_OSS_EFFORTS.get(level, level)}
    if _is_one_of(model, ("gpt-",)):
        mapped = (model.thinking_level_map or {}).get(level)
        return {"reasoning": {"effort": mapped or _GPT_EFFORTS.get(level, level)}}
    return {}


def _display(model: Model, env: Mapping[str, str]) -> Block:
    return {} if _in_gov_cloud(model, env) else {"display": "summarized"}  # refused there


def _in_gov_cloud(model: Model, env: Mapping[str, str]) -> bool:
    region = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or ""
    return region.lower().startswith("us-gov-") or model.id.lower().startswith(("us-gov.", "arn:aws-us-gov:"))


def _tool_config(model: Model, tools: tuple[ToolDeclaration, ...], options: StreamOptions) -> Block:
    able = flags_of(model, Compat).supports_strict_mode
    config: Block = {"tools": [{"toolSpec": _tool(tool, able)} for tool in tools]}
    if options.tool_choice == "auto":
        config["toolChoice"] = {"auto": {}}
    return config


def _tool(tool: ToolDeclaration, able: bool) -> Block:
    held = held_schema(tool, able=able)
    schema = {"inputSchema": {"json": tool.parameters if held is None else held}}
    strict = {} if held is None else {"strict": True}
    return {"name": tool.name, "description": tool.description, **schema, **strict}


def _messages(model: Model, messages: Iterable[Message], cache: list[Block]) -> list[Block]:
    converted: list[Block] = []
    results: list[ToolResultMessage] = []  # neighbouring tool results share one user message
    for message in messages:
        if isinstance(message, ToolResultMessage):
            results.append(message)
            continue
        converted += _results(model, results)
        results = []
        match message:
            case UserMessage(content=content):
                blocks = (Text(content),) if isinstance(content, str) else content
                converted.append({"role": "user", "content": _pieces(blocks)})
            case AssistantMessage(content=content):
                if said := [piece for block in content for piece in _said(model, block)]:
                    converted.append({"role": "assistant", "content": said})
            case _:
                pass  # system messages are in the prompt
    converted += _results(model, results)
    if converted and converted[-1]["role"] == "user":
        converted[-1]["content"] += cache
    return converted


def _pieces(blocks: Iterable[Text | Image]) -> list[Block]:
    """Texts and images; blank texts go, and Bedrock refuses content of nothing."""
    pieces = [_piece(block) for block in blocks if isinstance(block, Image) or block.text.strip()]
    return pieces or [{"text": EMPTY_TEXT}]


def _piece(block: Text | Image) -> Block:
    if isinstance(block, Text):
        return {"text": block.text}
    if block.mime_type not in _IMAGE_FORMATS:
        raise ProviderError(
            f"Unknown image type: {block.mime_type}. Bedrock takes {', '.join(_IMAGE_FORMATS)}."
        )
    return {"image": {"source": {"bytes": block.data}, "format": _IMAGE_FORMATS[block.mime_type]}}


def _said(model: Model, block: Text | Thinking | ToolCall) -> list[Block]:
    match block:
        case Text(text=text):
            return [{"text": text}] if text.strip() else []
        case Thinking():
            return _thought(model, block)
        case ToolCall():
            use = {"toolUseId": block.id, "name": block.name, "input": _without_empty_keys(block.arguments)}
            return [{"toolUse": use}]


def _thought(model: Model, block: Thinking) -> list[Block]:
    """Thinking goes back as it came; only Claude signs it, and refuses it unsigned."""
    if block.redacted:
        sealed = block.thinking_signature or ""
        return [{"reasoningContent": {"redactedContent": sealed}}] if _is_base64(sealed) else []
    if not block.thinking.strip():
        return []
    reasoning: Block = {"text": block.thinking}
    if _is_claude(model):
        if not (block.thinking_signature or "").strip():
            return [reasoning]
        reasoning["signature"] = block.thinking_signature
    return [{"reasoningContent": {"reasoningText": reasoning}}]


def _is_base64(text: str) -> bool:
    try:
        return bool(b64decode(text, validate=True))
    except ValueError:
        return False


def _without_empty_keys(value: Any) -> Any:
    """A document as Bedrock takes it: it refuses keys of no characters."""
    if isinstance(value, dict):
        pairs = cast("Block", value).items()
        return {key: _without_empty_keys(item) for key, item in pairs if key}
    if isinstance(value, list):
        return [_without_empty_keys(item) for item in cast("list[Any]", value)]
    return value


def _results(model: Model, messages: list[ToolResultMessage]) -> list[Block]:
    """The results of one turn as one message. Claude refuses images in failed ones: they come after all."""
    content: list[Block] = []
    below: list[Block] = []
    for message in messages:
        blocks = message.content
        if message.is_error and _is_claude(model) and any(isinstance(block, Image) for block in blocks):
            caption = (
                f"Images from the error result of tool call {message.tool_call_id} ({message.tool_name}):"
            )
            below += [{"text": caption}, *(_piece(block) for block in blocks if isinstance(block, Image))]
            blocks = _noted(blocks)
        status = "error" if message.is_error else "success"
        result = {"toolUseId": message.tool_call_id, "content": _pieces(blocks), "status": status}
        content.append({"toolResult": result})
    return [{"role": "user", "content": content + below}] if content else []


def _noted(blocks: Iterable[Text | Image]) -> list[Text]:
    """The texts, with a note in the place of each run of images."""
    noted: list[Text] = []
    for block in blocks:
        if isinstance(block, Text):
            noted.append(block)
        elif not noted or noted[-1].text != IMAGE_BELOW:
            noted.append(Text(IMAGE_BELOW))
    return noted

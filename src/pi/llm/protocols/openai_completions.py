"""Chat Completions, the protocol of OpenAI and of all who copied it."""

from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from msgspec.structs import replace

from pi.llm.cost import priced
from pi.llm.draft import Draft, DraftBlock
from pi.llm.errors import ProtocolError, ProviderError
from pi.llm.events import BlockEvent, StreamStart
from pi.llm.formats.completions_compat import CompletionsCompat, completions_compat
from pi.llm.formats.grammar import UNKNOWN, Inputs, RawInput
from pi.llm.formats.lenient import as_dict
from pi.llm.formats.openai_chunks import CallPiece, Choice, Chunk, ChunkReader, Delta
from pi.llm.formats.openai_errors import error_text, refusal_text
from pi.llm.formats.openai_messages import mark_cache, raw_inputs, request_tools, to_messages, to_tools
from pi.llm.formats.openai_thinking import add_detail, is_detail, thinking_fields
from pi.llm.formats.sampling import sampling_fields
from pi.llm.http import Response, post_json
from pi.llm.messages import AssistantMessage, Context, StopReason, ToolResultMessage, Usage
from pi.llm.models import Model, clamp_level
from pi.llm.options import StreamOptions
from pi.llm.retry import retry_after_ms
from pi.llm.sse import sse_events, watched
from pi.llm.tokens import leave_answer_room, output_cap, thinking_budget

STOP_REASONS: dict[str, StopReason] = {
    "stop": "stop",
    "end": "stop",
    "length": "length",
    "tool_calls": "toolUse",
    "function_call": "toolUse",
}
CACHE_KEY_LENGTH = 64  # characters of `prompt_cache_key`


async def stream(
    draft: Draft, context: Context, options: StreamOptions
) -> AsyncGenerator[StreamStart | BlockEvent]:
    """Ask the draft's model and feed its answer to the draft; raises ProviderError."""
    model, own = _at_host(draft.model, options)
    compat = completions_compat(model)
    url = model.base_url.rstrip("/") + "/chat/completions"
    payload = build_payload(model, context, options) | own
    answer = _Answer(draft, compat, raw_inputs(context, compat))
    chunks = ChunkReader()
    done = False
    async with post_json(url, payload, build_headers(model, options), options) as response:
        if response.status >= 300:
            raise await _refusal(response)
        yield StreamStart()
        try:
            async for _, data in watched(sse_events(response.chunks()), options.on_stream_event):
                done = done or data.startswith(b"[DONE]")
                if done or not data:  # read on to the end all the same: the connection is used again
                    continue
                for event in answer.read(chunks.read(data)):
                    yield event
        finally:
            answer.sign()
    for event in [*answer.close_raw(), *draft.close_all()]:
        yield event
    answer.end()


def build_payload(model: Model, context: Context, options: StreamOptions) -> dict[str, Any]:
    """The body of a request."""
    compat = completions_compat(model)
    level = options.thinking if options.thinking == "off" else clamp_level(model, options.thinking)
    cap = output_cap(model, context, options.max_tokens)
    budget = leave_answer_room(thinking_budget(level, options.thinking_budgets), cap)
    messages = to_messages(model, context, compat)
    tools = to_tools(request_tools(context, compat), compat)
    if compat.cache_control_format == "anthropic" and options.cache_retention != "none":
        long = options.cache_retention == "long" and compat.supports_long_cache_retention
        mark_cache(messages, tools, {"type": "ephemeral", "ttl": "1h"} if long else {"type": "ephemeral"})
    payload: dict[str, Any] = {
        "model": model.id,
        "messages": messages,
        "stream": True,
        compat.max_tokens_field: cap,
        **_cache_fields(model, compat, options),
    }
    if compat.supports_usage_in_streaming:
        payload["stream_options"] = {"include_usage": True}
    if compat.supports_store:
        payload["store"] = False
    if options.temperature is not None:
        payload["temperature"] = options.temperature
    payload |= _tool_fields(context, compat, tools)
    if options.tool_choice:
        payload["tool_choice"] = options.tool_choice
    if compat.vllm_priority is not None:
        payload["priority"] = compat.vllm_priority
    payload |= thinking_fields(model, compat, level, budget)
    payload |= _routing_fields(compat)
    return payload | sampling_fields(model, options)


def build_headers(model: Model, options: StreamOptions) -> dict[str, str]:
    """The headers of a request, names in lower case; raises ProviderError when there is no key."""
    compat = completions_compat(model)
    headers = {"authorization": f"Bearer {options.api_key}"} if options.api_key else {}
    headers |= {name.lower(): value for name, value in (model.headers or {}).items()}
    session = options.session_id if options.cache_retention != "none" else None
    if session and compat.send_session_affinity_headers:
        headers |= dict.fromkeys(_AFFINITY.get(compat.session_affinity_format, _AFFINITY_BASE), session)
    headers |= {name.lower(): value for name, value in (options.headers or {}).items()}
    if not any(headers.get(name, "").strip() for name in ("authorization", "cf-aig-authorization")):
        raise ProviderError(f"No API key for provider: {model.provider}")
    return headers


def _at_host(model: Model, options: StreamOptions) -> tuple[Model, dict[str, Any]]:
    """The model at the address where it is asked, and what its host wants said otherwise."""
    if model.provider != "azure":
        return model, {}
    from pi.llm.formats import azure

    at = replace(model, base_url=azure.base_url(model, options))
    return at, {"model": azure.deployment(model, options)}


_NO_CHOICE = Choice()
_AFFINITY_BASE = ("x-client-request-id", "x-session-affinity")
_AFFINITY = {"openai": ("session_id", *_AFFINITY_BASE), "openrouter": ("x-session-id",)}


def _cache_fields(model: Model, compat: CompletionsCompat, options: StreamOptions) -> dict[str, Any]:
    long = options.cache_retention == "long" and compat.supports_long_cache_retention
    match compat.prompt_cache_key_mode:
        case "enabled":
            keyed = options.cache_retention != "none"
        case "disabled":
            keyed = False
        case _:
            keyed = long or ("api.openai.com" in model.base_url and options.cache_retention != "none")
    fields: dict[str, Any] = {"prompt_cache_retention": "24h"} if long else {}
    if keyed and options.session_id is not None:
        fields["prompt_cache_key"] = options.session_id[:CACHE_KEY_LENGTH]
    return fields


def _tool_fields(context: Context, compat: CompletionsCompat, tools: list[dict[str, Any]]) -> dict[str, Any]:
    if tools:
        return {"tools": tools, "tool_stream": True} if compat.zai_tool_stream else {"tools": tools}
    if compat.requires_tools_with_tool_history and any(map(_is_tool_history, context.messages)):
        return {"tools": []}
    return {}


def _is_tool_history(message: object) -> bool:
    return isinstance(message, ToolResultMessage) or (
        isinstance(message, AssistantMessage) and bool(message.tool_calls)
    )


def _routing_fields(compat: CompletionsCompat) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if compat.open_router_routing:
        fields["provider"] = compat.open_router_routing
    gateway = {key: compat.vercel_gateway_routing.get(key) for key in ("only", "order")}
    if gateway := {key: value for key, value in gateway.items() if value is not None}:
        fields["providerOptions"] = {"gateway": gateway}
    return fields


class _Answer:
    """Turns deltas into blocks: one of text, one of thinking and the calls, in the order they begin."""

    def __init__(self, draft: Draft, compat: CompletionsCompat, inputs: Inputs):
        self._draft = draft
        self._compat = compat
        self._inputs = inputs
        self._raw: dict[int, RawInput] = {}  # calls of custom tools, by the index of their blocks
        self._text: DraftBlock | None = None
        self._thinking: DraftBlock | None = None
        self._calls: dict[int | str, DraftBlock] = {}  # by index and by id: hosts leave out one or the other
        self._details: list[dict[str, Any]] = []
        self._stopped = False

    def read(self, chunk: Chunk) -> list[BlockEvent]:
        """Take a chunk in; raises ProviderError when it tells of a failure."""
        if chunk.error:
            raise ProviderError(error_text(chunk.error))
        draft = self._draft
        draft.response_id = draft.response_id or chunk.id
        if chunk.model and chunk.model != draft.model.id:
            draft.response_model = draft.response_model or chunk.model
        choice = chunk.choices[0] if chunk.choices else _NO_CHOICE
        if usage := chunk.usage or choice.usage:
            draft.usage = priced(draft.model, _usage(usage))
        if choice.finish_reason:
            self._stop(choice.finish_reason)
        return self._add(choice.delta) if choice.delta else []

    def _stop(self, reason: str) -> None:
        self._stopped = True
        self._draft.raw_stop_reason = reason
        self._draft.stop_reason = STOP_REASONS.get(reason, "error")
        self._draft.error_message = None if reason in STOP_REASONS else f"Provider finish_reason: {reason}"

    def _add(self, delta: Delta) -> list[BlockEvent]:
        events: list[BlockEvent] = []
        if delta.content:
            if self._text is None:
                self._text, opened = self._draft.open("text")
                events.append(opened)
            events.append(self._draft.grow(self._text, delta.content))
        if delta.reasoning_content or delta.reasoning or delta.reasoning_text:
            self._add_thinking(delta, events)
        for call in delta.tool_calls or ():
            self._add_call(call, events)
        for detail in filter(is_detail, delta.reasoning_details or ()):
            self._open_thinking("", events)
            add_detail(self._details, detail)
        return events

    def _add_thinking(self, delta: Delta, events: list[BlockEvent]) -> None:
        # the first that holds anything: some hosts fill two fields with the same words
        if delta.reasoning_content:
            field, text = "reasoning_content", delta.reasoning_content
        elif delta.reasoning:
            field, text = self._compat.renamed_reasoning_field or "reasoning", delta.reasoning
        else:
            field, text = "reasoning_text", delta.reasoning_text or ""
        events.append(self._draft.grow(self._open_thinking(field, events), text))

    def _open_thinking(self, signature: str, events: list[BlockEvent]) -> DraftBlock:
        if self._thinking is None:
            self._thinking, opened = self._draft.open("thinking")
            self._thinking.signature = signature  # the field in which it goes back
            events.append(opened)
        return self._thinking

    def _add_call(self, call: CallPiece, events: list[BlockEvent]) -> None:
        name = (call.function and call.function.name) or (call.custom and call.custom.name) or ""
        keys = [key for key in (call.index, call.id) if key is not None and key != ""]
        block = next((self._calls[key] for key in keys if key in self._calls), None)
        if block is None:
            block, opened = self._draft.open("toolcall", id=call.id or "", name=name)
            events.append(opened)
        for key in keys:
            self._calls[key] = block
        block.id = block.id or call.id or ""
        block.name = block.name or name
        if call.custom and not call.function:
            raw = self._raw.setdefault(block.index, RawInput(self._inputs.get(block.name, UNKNOWN)))
            arguments = raw.grow(call.custom.input or "")
        else:
            arguments = (call.function and call.function.arguments) or ""
        events.append(self._draft.grow(block, arguments))

    def close_raw(self) -> list[BlockEvent]:
        """Raw text has no end of its own in a stream: the arguments that it became get theirs."""
        blocks = self._draft.blocks
        return [self._draft.grow(blocks[index], raw.close()) for index, raw in self._raw.items()]

    def sign(self) -> None:
        """Keep the host's own record of its reasoning, also when the stream broke."""
        if self._thinking and self._details:
            self._thinking.signature = msgspec.json.encode(self._details).decode()

    def end(self) -> None:
        """Settle the stop reason; raises ProtocolError when the host had to give one and did not."""
        if self._stopped:
            return
        if self._compat.supports_finish_reason:
            raise ProtocolError("Stream ended without finish_reason")
        self._draft.stop_reason = "toolUse" if self._calls else "stop"


def _usage(raw: dict[str, Any]) -> Usage:
    """Tokens as hosts report them; of cache hits OpenAI, DeepSeek and Moonshot tell in three places."""
    details = as_dict(raw.get("prompt_tokens_details"))
    hits = (details.get("cached_tokens"), raw.get("prompt_cache_hit_tokens"), raw.get("cached_tokens"))
    read = _count(next((value for value in hits if value is not None), 0))
    write = _count(details.get("cache_write_tokens"))
    fresh = max(0, _count(raw.get("prompt_tokens")) - read - write)
    output = _count(raw.get("completion_tokens"))
    return Usage(
        input=fresh,
        output=output,
        cache_read=read,
        cache_write=write,
        total_tokens=fresh + output + read + write,
        reasoning=_count(as_dict(raw.get("completion_tokens_details")).get("reasoning_tokens")),
    )


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0


async def _refusal(response: Response) -> ProviderError:
    body = (await response.read()).decode("utf-8", "replace")
    return ProviderError(
        refusal_text(response.status, body),
        status=response.status,
        retry_after_ms=retry_after_ms(response.headers),
    )

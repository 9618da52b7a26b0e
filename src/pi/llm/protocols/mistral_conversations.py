"""Mistral's chat completions: thinking comes and goes back as chunks of the content."""

from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from msgspec import Struct

from pi.llm.call_ids import mistral_id
from pi.llm.cost import priced
from pi.llm.draft import Draft, DraftBlock, Kind
from pi.llm.errors import ProtocolError, ProviderError
from pi.llm.events import BlockEvent, StreamStart
from pi.llm.formats.lenient import Reader, as_dict, as_list, as_text
from pi.llm.formats.mistral_messages import to_messages, to_tools
from pi.llm.http import Response, post_json
from pi.llm.messages import Context, StopReason, Usage
from pi.llm.models import Model, clamp_level
from pi.llm.options import StreamOptions
from pi.llm.retry import retry_after_ms
from pi.llm.sse import sse_events, watched
from pi.llm.tokens import output_cap

ERROR_LENGTH = 4000  # characters of an error's body that are shown
STOP_REASONS: dict[str, StopReason] = {
    "stop": "stop",
    "length": "length",
    "model_length": "length",
    "tool_calls": "toolUse",
}
# Of models without a map of thinking levels these take an effort; the others are told to think in one mode.
_TAKE_EFFORT = ("mistral-small-2603", "mistral-small-latest", "mistral-medium-", "zai-glm-5-2")


async def stream(
    draft: Draft, context: Context, options: StreamOptions
) -> AsyncGenerator[StreamStart | BlockEvent]:
    """Ask the draft's model and feed its answer to the draft; raises ProviderError."""
    model = draft.model
    url = model.base_url.rstrip("/") + "/v1/chat/completions"
    payload = build_payload(model, context, options)
    answer = _Answer(draft)
    read = Reader(Chunk).read
    done = False
    async with post_json(url, payload, build_headers(model, options), options) as response:
        if response.status >= 300:
            raise await _refusal(response)
        yield StreamStart()
        async for _, data in watched(sse_events(response.chunks()), options.on_stream_event):
            done = done or data.startswith(b"[DONE]")
            if done or not data:  # read on to the end all the same: the connection is used again
                continue
            for event in answer.read(read(data)):
                yield event
    for event in answer.close():
        yield event
    answer.end()


def build_payload(model: Model, context: Context, options: StreamOptions) -> dict[str, Any]:
    """The body of a request."""
    payload: dict[str, Any] = {"model": model.id, "stream": True, "messages": to_messages(context)}
    if tools := to_tools(context):
        payload["tools"] = tools
    if options.temperature is not None:
        payload["temperature"] = options.temperature
    payload["max_tokens"] = output_cap(model, context, options.max_tokens)
    if options.tool_choice:
        payload["tool_choice"] = options.tool_choice
    payload |= _thinking_fields(model, options)
    if session := _cached_session(options):
        payload["prompt_cache_key"] = session
    return payload


def build_headers(model: Model, options: StreamOptions) -> dict[str, str]:
    """The headers of a request, names in lower case; raises ProviderError when there is no key."""
    headers = {"accept": "text/event-stream"}
    if options.api_key:
        headers["authorization"] = f"Bearer {options.api_key}"
    if session := _cached_session(options):
        headers["x-affinity"] = session
    for group in (model.headers or {}, options.headers or {}):
        headers |= {name.lower(): value for name, value in group.items()}
    if not headers.get("authorization", "").strip():
        raise ProviderError(f"No API key for provider: {model.provider}")
    return headers


def _cached_session(options: StreamOptions) -> str | None:
    return options.session_id if options.cache_retention != "none" else None


def _thinking_fields(model: Model, options: StreamOptions) -> dict[str, Any]:
    if not model.reasoning:
        return {}
    level = options.thinking if options.thinking == "off" else clamp_level(model, options.thinking)
    if mapped := model.thinking_level_map:
        effort = mapped.get("off") if level == "off" else mapped.get(level) or "high"
        return {"reasoning_effort": effort} if effort else {}
    if level == "off":
        return {}
    if model.id.startswith(_TAKE_EFFORT):
        return {"reasoning_effort": "high"}
    return {"prompt_mode": "reasoning"}


class FunctionPiece(Struct, gc=False):
    """A piece of a call; the arguments come as text in pieces, or whole as an object."""

    name: str | None = None
    arguments: Any = None


class CallPiece(Struct, gc=False):
    """A piece of one of the calls of a turn."""

    index: int | None = None
    id: str | None = None
    function: FunctionPiece | None = None


class Delta(Struct, gc=False):
    """What is new; `content` is text, or a list of texts and chunks of text and thinking."""

    content: Any = None
    tool_calls: list[CallPiece] | None = None


class Choice(Struct, gc=False):
    """The one choice that is asked for."""

    delta: Delta | None = None
    finish_reason: str | None = None


class Chunk(Struct, gc=False):
    """One event of the stream."""

    id: str | None = None
    choices: list[Choice] | None = None
    usage: dict[str, Any] | None = None
    message: Any = None  # of a failure
    error: Any = None


class _Answer:
    """Turns deltas into blocks: text and thinking as they take turns, and the calls."""

    def __init__(self, draft: Draft):
        self._draft = draft
        self._current: DraftBlock | None = None  # of text or of thinking
        self._calls: dict[int | str, DraftBlock] = {}
        self._stopped = False

    def read(self, chunk: Chunk) -> list[BlockEvent]:
        """Take a chunk in; raises ProtocolError for an event that is none, which may tell of a failure."""
        if chunk.choices is None:
            said = (chunk.message, as_dict(chunk.error).get("message"), chunk.error)
            told = next((f": {text}" for text in map(as_text, said) if text), "")
            raise ProtocolError(f"Invalid Mistral streaming event{told}")
        draft = self._draft
        draft.response_id = draft.response_id or chunk.id or None
        if chunk.usage:
            draft.usage = priced(draft.model, _usage(chunk.usage))
        if not chunk.choices:
            return []
        choice = chunk.choices[0]
        if choice.finish_reason:
            self._stop(choice.finish_reason)
        return self._add(choice.delta) if choice.delta else []

    def close(self) -> list[BlockEvent]:
        """End the blocks that are still open: text or thinking, then the calls."""
        return [*self._leave(), *self._draft.close_all()]

    def end(self) -> None:
        """Raises ProtocolError when the server has not said why the answer ends."""
        if not self._stopped:
            raise ProtocolError("Mistral stream ended without a finish reason")

    def _stop(self, reason: str) -> None:
        self._stopped = True
        self._draft.raw_stop_reason = reason
        self._draft.stop_reason = STOP_REASONS.get(reason, "error")
        self._draft.error_message = None if reason in STOP_REASONS else f"Provider stopped with: {reason}"

    def _add(self, delta: Delta) -> list[BlockEvent]:
        events: list[BlockEvent] = []
        content = delta.content
        for item in [content] if isinstance(content, str) else as_list(content):
            kind, text = _words(item)
            if text:
                self._grow(kind, text, events)
        for call in delta.tool_calls or ():
            self._add_call(call, events)
        return events

    def _grow(self, kind: Kind, text: str, events: list[BlockEvent]) -> None:
        block = self._current
        if block is None or block.kind != kind:
            events += self._leave()
            block, opened = self._draft.open(kind)
            self._current = block
            events.append(opened)
        events.append(self._draft.grow(block, text))

    def _leave(self) -> list[BlockEvent]:
        block, self._current = self._current, None
        return [self._draft.close(block)] if block else []

    def _add_call(self, call: CallPiece, events: list[BlockEvent]) -> None:
        events += self._leave()
        id = call.id if call.id and call.id != "null" else mistral_id(f"toolcall{call.index or 0}")
        key = id if call.index is None else call.index
        function = call.function or FunctionPiece()
        block = self._calls.get(key)
        if block is None:
            block, opened = self._draft.open("toolcall", id=id, name=function.name or "")
            self._calls[key] = block
            events.append(opened)
        arguments = function.arguments
        if not isinstance(arguments, str):
            arguments = msgspec.json.encode(arguments).decode() if arguments else ""
        events.append(self._draft.grow(block, arguments))


def _words(item: Any) -> tuple[Kind, str]:
    """What a piece of content says; nothing where it is of an unknown kind."""
    match item:
        case str():
            return "text", item
        case {"type": "thinking", "thinking": parts}:
            return "thinking", "".join(as_text(as_dict(part).get("text")) for part in as_list(parts))
        case {"type": "text", "text": str(text)}:
            return "text", text
        case _:
            return "text", ""


def _usage(raw: dict[str, Any]) -> Usage:
    """Tokens; what the cache gave is inside `prompt_tokens`."""
    prompt, output = _count(raw.get("prompt_tokens")), _count(raw.get("completion_tokens"))
    details = as_dict(raw.get("prompt_tokens_details") or raw.get("prompt_token_details"))
    cached = details.get("cached_tokens", raw.get("num_cached_tokens"))
    read = min(prompt, max(0, _count(cached)))
    return Usage(
        input=prompt - read,
        output=output,
        cache_read=read,
        total_tokens=_count(raw.get("total_tokens")) or prompt + output,
    )


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0


async def _refusal(response: Response) -> ProviderError:
    text = (await response.read()).decode("utf-8", "replace").strip()
    if len(text) > ERROR_LENGTH:
        text = f"{text[:ERROR_LENGTH]}... [truncated {len(text) - ERROR_LENGTH} chars]"
    return ProviderError(
        f"Mistral API error ({response.status}): {text or response.reason}",
        status=response.status,
        retry_after_ms=retry_after_ms(response.headers),
    )

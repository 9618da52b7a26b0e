"""The Anthropic Messages protocol: one streamed request to `/v1/messages`."""

import json
from collections.abc import AsyncGenerator
from typing import Any, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pi.llm.cost import priced
from pi.llm.draft import Draft, DraftBlock
from pi.llm.errors import ProtocolError, ProviderError
from pi.llm.events import BlockEvent, StreamStart
from pi.llm.formats.anthropic_compat import compat_of
from pi.llm.formats.anthropic_payload import is_oauth
from pi.llm.formats.anthropic_request import Request
from pi.llm.formats.lenient import as_dict, as_list
from pi.llm.http import Response, post_json
from pi.llm.messages import Context, StopReason, Usage
from pi.llm.options import StreamOptions
from pi.llm.retry import retry_after_ms
from pi.llm.sse import sse_events, watched
from pi.llm.unicode import well_formed_json

_REDACTED = "[Reasoning redacted]"
_REFUSED = "The model refused to complete the request"
_NOT_HERE = (
    "\nAnthropic keeps its subscriptions for its own clients. An API key works: set ANTHROPIC_API_KEY, "
    "or store one with /login."
)
_STOP_REASONS: dict[str, StopReason] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "tool_use": "toolUse",
    "pause_turn": "stop",  # the next request goes on from here
    "stop_sequence": "stop",
    "refusal": "error",
    "sensitive": "error",
}

_TOLD = ("type", "path", "reason")  # of what the server left out

Number = int | float | None  # compatible servers send null, and floats for counts


class _Usage(Struct):
    input_tokens: Number = None
    output_tokens: Number = None
    cache_read_input_tokens: Number = None
    cache_creation_input_tokens: Number = None
    cache_creation: dict[str, Any] | None = None
    output_tokens_details: dict[str, Any] | None = None


class _Message(Struct):
    id: str | None = None
    model: str | None = None
    usage: _Usage | None = None
    input_transformations: Any = None


class _MessageStart(Struct):
    message: _Message


class _Block(Struct):
    type: str
    id: str | None = None
    name: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    input: Any = None


class _BlockStart(Struct):
    content_block: _Block
    index: int | float = 0


class _Delta(Struct):
    type: str
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None


class _BlockDelta(Struct):
    delta: _Delta
    index: int | float = 0


class _BlockStop(Struct):
    index: int | float = 0


class _Stop(Struct):
    stop_reason: str | None = None
    stop_details: dict[str, Any] | None = None


class _MessageDelta(Struct):
    delta: _Stop = msgspec.field(default_factory=_Stop)
    usage: _Usage | None = None
    input_transformations: Any = None


class _MessageStop(Struct):
    pass


_WireEvent = _MessageStart | _BlockStart | _BlockDelta | _BlockStop | _MessageDelta | _MessageStop

# The name of an SSE event says what its data is: one decoder each is faster than a union by tag.
_EVENTS: dict[str, msgspec.json.Decoder[_WireEvent]] = {
    "message_start": msgspec.json.Decoder(_MessageStart),
    "content_block_start": msgspec.json.Decoder(_BlockStart),
    "content_block_delta": msgspec.json.Decoder(_BlockDelta),
    "content_block_stop": msgspec.json.Decoder(_BlockStop),
    "message_delta": msgspec.json.Decoder(_MessageDelta),
    "message_stop": msgspec.json.Decoder(_MessageStop),
}


async def stream(
    draft: Draft, context: Context, options: StreamOptions
) -> AsyncGenerator[StreamStart | BlockEvent]:
    """Ask once, and feed the draft with what comes back; a failure is a ProviderError."""
    model = draft.model
    url = f"{model.base_url.removesuffix('/')}/v1/messages?beta=true"
    request = Request(draft, context, options)
    while True:
        async with post_json(url, await request.body(), request.headers(), request.options) as response:
            if 200 <= response.status < 300:
                yield StreamStart()
                reader = _Reader(draft)
                async for name, data in watched(sse_events(response.chunks()), options.on_stream_event):
                    event = reader.take(name, data)
                    if event is not None:
                        yield event
                reader.finish()
                request.keep()
                return
            refusal = await _refusal(response, options)
        if not request.mend(refusal):
            raise refusal


class _Reader:
    """Turns the server's events into the draft's."""

    def __init__(self, draft: Draft):
        self._draft = draft
        self._priced_as = draft.model
        self._open: dict[int | float, DraftBlock] = {}  # by the server's index
        self._inputs: dict[int, Any] = {}  # arguments that came whole with a call's start
        self._transformed: Any = None  # what the server left out of the conversation
        self._begun = False
        self._ended = False

    def take(self, name: str, data: bytes) -> BlockEvent | None:
        if name == "error":
            raise ProviderError(data.decode("utf-8", "replace"))
        if name not in _EVENTS:  # `ping`, events of later versions, lines without a name
            return None
        match _decoded(name, data):
            case _BlockDelta(delta=delta, index=index):
                return self._grow(delta, self._open.get(index))
            case _BlockStart(content_block=block, index=index):
                return self._start(block, index)
            case _BlockStop(index=index):
                return self._close(self._open.pop(index, None))
            case _MessageStart(message=message):
                self._begin(message)
            case _MessageDelta(delta=stop, usage=usage, input_transformations=transformed):
                self._transformed = transformed or self._transformed
                self._stop(stop, usage)
            case _MessageStop():
                self._ended = True
        return None

    def finish(self) -> None:
        """The connection is at its end: was the answer?"""
        if self._begun and not self._ended:
            raise ProtocolError("Anthropic stream ended before message_stop")
        if self._draft.raw_stop_reason is None:
            raise ProtocolError("Anthropic stream ended without a stop reason")
        if left_out := list(map(as_dict, as_list(self._transformed))):
            told = [{name: each[name] for name in _TOLD if name in each} for each in left_out]
            self._draft.note("anthropic_input_transformations", {"transformations": told})

    def _begin(self, message: _Message) -> None:
        draft, self._begun = self._draft, True
        draft.response_id = message.id
        self._transformed = message.input_transformations
        if message.model != draft.model.id:
            draft.response_model = message.model
            self._price_as(message.model)
        usage = message.usage or _Usage()
        for_an_hour = _int((usage.cache_creation or {}).get("ephemeral_1h_input_tokens"))
        self._count(usage, Usage(cache_write_1h=for_an_hour))

    def _price_as(self, name: str | None) -> None:
        """A fallback model answered: its prices hold."""
        model = self._draft.model
        for fallback in compat_of(model).allowed_fallback_models:
            if fallback.model == name and fallback.provider == model.provider:
                self._priced_as = replace(model, cost=fallback.cost)
                return

    def _count(self, wire: _Usage, before: Usage) -> None:
        """Usage is a running total: what is given replaces, what isn't stays."""
        given = _int(wire.input_tokens, before.input)
        output = _int(wire.output_tokens, before.output)
        read = _int(wire.cache_read_input_tokens, before.cache_read)
        write = _int(wire.cache_creation_input_tokens, before.cache_write)
        thought = (wire.output_tokens_details or {}).get("thinking_tokens")
        self._draft.usage = priced(
            self._priced_as,
            Usage(
                input=given,
                output=output,
                cache_read=read,
                cache_write=write,
                total_tokens=given + output + read + write,
                reasoning=before.reasoning if thought is None else _int(thought),
                cache_write_1h=before.cache_write_1h,
            ),
        )

    def _start(self, wire: _Block, index: int | float) -> BlockEvent | None:
        draft = self._draft
        match wire.type:
            case "text":
                block, event = draft.open("text")
                _prefill(block, wire.text)
            case "thinking":
                block, event = draft.open("thinking")
                block.signature = wire.signature or ""
                _prefill(block, wire.thinking)
            case "redacted_thinking":
                block, event = draft.open("thinking")
                block.signature, block.redacted = wire.data, True
                _prefill(block, _REDACTED)
            case "tool_use":
                block, event = draft.open("toolcall", id=wire.id or "", name=wire.name or "")
                if wire.input:
                    self._inputs[block.index] = wire.input
            case "fallback" if draft.blocks:
                raise ProtocolError("Anthropic performed an unsupported mid-output model fallback")
            case _:
                return None
        self._open[index] = block
        return event

    def _grow(self, delta: _Delta, block: DraftBlock | None) -> BlockEvent | None:
        if block is None:
            return None
        match delta.type, block.kind:
            case "text_delta", "text":
                return self._draft.grow(block, delta.text or "")
            case "thinking_delta", "thinking":
                return self._draft.grow(block, delta.thinking or "")
            case "input_json_delta", "toolcall":
                return self._draft.grow(block, delta.partial_json or "")
            case "signature_delta", "thinking":
                block.signature = (block.signature or "") + (delta.signature or "")
            case _:
                pass
        return None

    def _close(self, block: DraftBlock | None) -> BlockEvent | None:
        if block is None:
            return None
        if not any(block.pieces) and block.index in self._inputs:
            block.pieces.append(json.dumps(self._inputs[block.index]))
        return self._draft.close(block)

    def _stop(self, stop: _Stop, usage: _Usage | None) -> None:
        draft = self._draft
        if stop.stop_reason:
            draft.raw_stop_reason = stop.stop_reason
            if stop.stop_reason not in _STOP_REASONS:
                raise ProtocolError(f"Unhandled stop reason: {stop.stop_reason}")
            draft.stop_reason = _STOP_REASONS[stop.stop_reason]
            if draft.stop_reason == "error":
                draft.error_message = _why_stopped(stop)
        self._count(usage or _Usage(), draft.usage)


def _why_stopped(stop: _Stop) -> str:
    if stop.stop_reason == "refusal":
        return (stop.stop_details or {}).get("explanation") or _REFUSED
    return f"Provider stopped with: {stop.stop_reason}"


def _prefill(block: DraftBlock, text: str | None) -> None:
    if text:
        block.pieces.append(text)


def _int(value: Any, default: int = 0) -> int:
    return int(value) if isinstance(value, int | float) else default


def _decoded(name: str, data: bytes) -> _WireEvent:
    decoder = _EVENTS[name]
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError):
        return _decoded_leniently(name, decoder.type, data.decode("utf-8", "replace"))


def _decoded_leniently(name: str, kind: Any, text: str) -> _WireEvent:
    """Half a surrogate pair, a raw control character: the standard library reads them, msgspec doesn't."""
    try:
        return msgspec.convert(well_formed_json(json.loads(text, strict=False)), kind)
    except (ValueError, msgspec.ValidationError) as error:
        raise ProtocolError(f"Could not parse Anthropic SSE event {name}: {error}; data={text}") from None


async def _refusal(response: Response, options: StreamOptions) -> ProviderError:
    body = (await response.read()).decode("utf-8", "replace")
    refused = is_oauth(options) and response.status in (400, 401, 403)
    return ProviderError(
        f"{response.status} {_error_text(body)}{_NOT_HERE if refused else ''}",
        status=response.status,
        retry_after_ms=retry_after_ms(response.headers),
    )


def _error_text(body: str) -> str:
    """The body in one line: its `message` if it has one, JSON without spaces, or the text as it is."""
    try:
        error: Any = json.loads(body)
    except ValueError:
        return body or "status code (no body)"
    message = cast("dict[str, Any]", error).get("message") if isinstance(error, dict) else None
    if isinstance(message, str) and message:
        return message
    return json.dumps(message or error, ensure_ascii=False, separators=(",", ":"))

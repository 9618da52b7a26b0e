"""Amazon Bedrock's Converse API: one streamed request to `converse-stream`, signed or with a token."""

import json
import os
import re
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from msgspec import UNSET, Struct

from pi.llm.auth.aws import bedrock_endpoint, bedrock_region, is_reserved, signed
from pi.llm.cost import priced
from pi.llm.draft import Draft, DraftBlock
from pi.llm.errors import ProtocolError, ProviderError
from pi.llm.events import BlockEvent, StreamStart
from pi.llm.formats.bedrock_payload import build_payload
from pi.llm.formats.event_stream import framed_messages
from pi.llm.formats.lenient import Reader, as_dict, as_text, foreign_json
from pi.llm.http import Response, encode_body, request
from pi.llm.messages import Context, StopReason, Usage
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.retry import retry_after_ms
from pi.platform.clock import now_ms

_REDACTED = "[Reasoning redacted]"
_STOP_REASONS: dict[str, StopReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "toolUse",
}
# How the texts of errors begin, by Amazon's names: by them retries and overflows are told apart.
_PREFIXES = {
    "InternalServerException": "Internal server error",
    "ModelStreamErrorException": "Model stream error",
    "ValidationException": "Validation error",
    "ThrottlingException": "Throttling error",
    "ServiceUnavailableException": "Service unavailable",
}
_STATUSES = {  # that an error in mid-stream would have had before it
    "InternalServerException": 500,
    "ModelStreamErrorException": 424,
    "ValidationException": 400,
    "ThrottlingException": 429,
    "ServiceUnavailableException": 503,
}
_RETENTION_PAGE = "https://docs.aws.amazon.com/bedrock/latest/userguide/data-retention.html"
_BODY_LIMIT = 4_000  # characters of an answer that isn't Bedrock's
_PLACEHOLDER = r"<[^>]+>"  # stands for a key where there is none

Number = int | float | None


class _ToolUse(Struct, rename="camel", gc=False):
    tool_use_id: str | None = None
    name: str | None = None
    input: str | None = None


class _Reasoning(Struct, rename="camel", gc=False):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class _Piece(Struct, rename="camel", gc=False):
    text: str | None = None
    tool_use: _ToolUse | None = None
    reasoning_content: _Reasoning | None = None


class _CacheDetail(Struct, rename="camel", gc=False):
    ttl: str | None = None
    input_tokens: Number = None


class _Usage(Struct, rename="camel", gc=False):
    input_tokens: Number = None
    output_tokens: Number = None
    total_tokens: Number = None
    cache_read_input_tokens: Number = None
    cache_write_input_tokens: Number = None
    cache_details: list[_CacheDetail] | None = None


class _Event(Struct, rename="camel", gc=False):
    """The fields of all kinds of events; the name of an event says which of them it has."""

    content_block_index: Number = 0
    start: _Piece | None = None
    delta: _Piece | None = None
    role: str | None = None
    stop_reason: str | None = None
    usage: _Usage | None = None


_read_event = Reader(_Event).read


async def stream(
    draft: Draft, context: Context, options: StreamOptions
) -> AsyncGenerator[StreamStart | BlockEvent]:
    """Ask once, and feed the draft with what comes back; raises ProviderError."""
    env = os.environ if options.env is None else options.env
    payload = build_payload(draft.model, context, options, env)
    async with _post(draft.model, payload, options, env) as response:
        failures = _Failures(draft, response)
        if not 200 <= response.status < 300:
            raise await failures.refusal()
        answer = _Answer(draft, failures)
        async for headers, data in framed_messages(response.chunks()):
            if options.on_stream_event:
                await options.on_stream_event({_name(headers): foreign_json(data or b"{}")})
            for event in answer.take(headers, data):
                yield event
        answer.end()


@asynccontextmanager
async def _post(
    model: Model, payload: dict[str, Any], options: StreamOptions, env: Mapping[str, str]
) -> AsyncGenerator[Response]:
    """Send: hooks first, and then the signature, which covers what they changed."""
    if options.on_payload and (replaced := await options.on_payload(payload)) is not None:
        payload = replaced
    body = dict(payload)
    id = body.pop("modelId", model.id)
    region = await bedrock_region(id, model.base_url, env)
    url = f"{bedrock_endpoint(model.base_url, region, env)}/model/{quote(id, safe='')}/converse-stream"
    is_open = env.get("AWS_BEDROCK_SKIP_AUTH") == "1"  # a proxy that has the credentials
    token = None if is_open else _bearer_token(options, env)
    fields = {"content-type": "application/json", "accept": "application/vnd.amazon.eventstream"}
    for own in (model.headers, options.headers):
        named = {name.lower(): value for name, value in (own or {}).items()}
        fields |= {name: value for name, value in named.items() if is_open or not is_reserved(name)}
    if token:
        fields["authorization"] = f"Bearer {token}"
    if options.on_headers:
        fields = await options.on_headers(fields)
    encoded = encode_body(body)
    if not is_open and not token:
        fields = await signed(url, fields, encoded, region=region, env=env)
    idle = options.idle_timeout_ms
    async with request(
        "POST", url, headers=fields, body=encoded, idle_timeout_ms=idle, proxy=options.proxy
    ) as response:
        if options.on_response:
            await options.on_response(response.status, response.headers)
        yield response


def _bearer_token(options: StreamOptions, env: Mapping[str, str]) -> str | None:
    given = options.api_key
    if given and not re.fullmatch(_PLACEHOLDER, given):
        return given
    return env.get("AWS_BEARER_TOKEN_BEDROCK") or None


class _Failures:
    """Makes errors of what Bedrock says, and notes in the message what support asks for."""

    def __init__(self, draft: Draft, response: Response):
        self._draft = draft
        self._response = response

    async def refusal(self) -> ProviderError:
        """The error in an answer that isn't a stream."""
        response = self._response
        text = (await response.read()).decode("utf-8", "replace").strip()
        try:
            said = as_dict(json.loads(text))
        except ValueError:
            said = {}
        kind = response.headers.get("x-amzn-errortype") or as_text(said.get("__type"))
        name = kind.partition(":")[0].rpartition("#")[2]
        message = as_text(said.get("message")) or as_text(said.get("Message"))
        if not name:  # a gateway's
            message = f"{response.status}: {message or text[:_BODY_LIMIT] or 'no body'}"
        return self._error(name, message, response.status)

    def exception(self, name: str, data: bytes) -> ProviderError:
        """The error that a stream breaks off with."""
        said = as_dict(foreign_json(data or b"{}"))
        name = name[:1].upper() + name[1:]
        return self._error(name, as_text(said.get("message")), None)

    def _error(self, name: str, message: str, status: int | None) -> ProviderError:
        headers = self._response.headers
        known = {
            "status": status,
            "errorCode": name if name.endswith("Exception") else None,
            "requestId": headers.get("x-amzn-requestid"),
        }
        details = {key: value for key, value in known.items() if value}
        self._draft.diagnostics.append(
            {"type": "bedrock_response_failure", "timestamp": now_ms(), "details": details}
        )
        text = f"{_PREFIXES.get(name, name or 'Unknown')}: {message or 'Unknown'}"
        if "data retention mode" in message.lower():
            text += f" See {_RETENTION_PAGE} for supported data retention modes."
        return ProviderError(
            text, status=status or _STATUSES.get(name), retry_after_ms=retry_after_ms(headers)
        )


class _Answer:
    """Turns Bedrock's events into the draft's."""

    def __init__(self, draft: Draft, failures: _Failures):
        self._draft = draft
        self._failures = failures
        self._open: dict[Number, DraftBlock] = {}  # by Bedrock's index
        self._sealed: dict[int, bytes] = {}  # encrypted reasoning as it comes, by the draft's index

    def take(self, headers: dict[str, str], data: bytes) -> Iterator[StreamStart | BlockEvent]:
        """One message of the stream; raises ProviderError for those that tell of failures."""
        match headers.get(":message-type"):
            case "exception":
                raise self._failures.exception(headers.get(":exception-type", ""), data)
            case "error":
                told = headers.get(":error-message") or headers.get(":error-code")
                raise ProviderError(told or "Bedrock broke off without a reason. Try again.")
            case _:
                yield from self._read(headers.get(":event-type", ""), data)

    def end(self) -> None:
        """The connection is at its end: was the answer?"""
        if self._draft.raw_stop_reason is None:
            raise ProtocolError("Bedrock stream ended without a stop reason")

    def _read(self, name: str, data: bytes) -> Iterator[StreamStart | BlockEvent]:
        event = _read_event(data)
        index = event.content_block_index
        match name:
            case "contentBlockDelta" if event.delta:
                yield from self._grow(index, event.delta)
            case "contentBlockStart" if event.start and (use := event.start.tool_use):
                block, opened = self._draft.open("toolcall", id=use.tool_use_id or "", name=use.name or "")
                self._open[index] = block
                yield opened
            case "contentBlockStop" if block := self._open.pop(index, None):
                yield self._draft.close(block)
            case "messageStart":
                if event.role != "assistant":
                    raise ProtocolError(
                        "Unexpected assistant message start but got user message start instead"
                    )
                yield StreamStart()
            case "messageStop" if event.stop_reason:
                self._stop(event.stop_reason)
            case "metadata" if event.usage:
                self._draft.usage = priced(self._draft.model, _usage(event.usage))
            case _:
                pass  # of later versions

    def _grow(self, index: Number, piece: _Piece) -> Iterator[BlockEvent]:
        draft, block = self._draft, self._open.get(index)
        if piece.text is not None:
            if block is None:
                block, opened = draft.open("text")
                self._open[index] = block
                yield opened
            if block.kind == "text":
                yield draft.grow(block, piece.text)
        elif piece.tool_use and block and block.kind == "toolcall":
            yield draft.grow(block, piece.tool_use.input or "")
        elif reasoning := piece.reasoning_content:
            if block is None:
                block, opened = draft.open("thinking")
                self._open[index] = block
                block.signature = ""
                yield opened
            if block.kind == "thinking":
                yield from self._think(block, reasoning)

    def _think(self, block: DraftBlock, piece: _Reasoning) -> Iterator[BlockEvent]:
        if piece.text:
            yield self._draft.grow(block, piece.text)
        if piece.signature and not block.redacted:
            block.signature = (block.signature or "") + piece.signature
        if piece.redacted_content:
            if not block.redacted:
                block.redacted = True
                yield self._draft.grow(block, _REDACTED)
            sealed = self._sealed.get(block.index, b"") + _bytes(piece.redacted_content)
            self._sealed[block.index] = sealed
            block.signature = b64encode(sealed).decode()

    def _stop(self, reason: str) -> None:
        draft = self._draft
        draft.raw_stop_reason = reason
        draft.stop_reason = _STOP_REASONS.get(reason, "error")
        if draft.stop_reason == "error":
            draft.error_message = f"Provider stopped with: {reason}"


def _name(headers: dict[str, str]) -> str:
    return headers.get(":event-type") or headers.get(":exception-type") or headers.get(":error-code", "")


def _bytes(text: str) -> bytes:
    try:
        return b64decode(text)
    except ValueError:
        raise ProtocolError("Bedrock sent reasoning that is not base64. Try again.") from None


def _usage(raw: _Usage) -> Usage:
    given, output = _count(raw.input_tokens), _count(raw.output_tokens)
    details = raw.cache_details
    for_an_hour = sum(_count(each.input_tokens) for each in details or () if each.ttl == "1h")
    return Usage(
        input=given,
        output=output,
        cache_read=_count(raw.cache_read_input_tokens),
        cache_write=_count(raw.cache_write_input_tokens),
        total_tokens=_count(raw.total_tokens) or given + output,
        cache_write_1h=UNSET if details is None else for_an_hour,
    )


def _count(value: Number) -> int:
    return int(value or 0)

"""What Gemini answers, at Google AI Studio or on Vertex AI: a stream of parts, made into blocks."""

import json
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from itertools import count
from typing import Any

import msgspec

from pi.llm.cost import priced
from pi.llm.draft import Draft, DraftBlock
from pi.llm.errors import ProtocolError, ProviderError
from pi.llm.events import BlockEvent
from pi.llm.formats.google_chunks import Chunk, FunctionCall, Number, UsageMetadata, read_chunk
from pi.llm.http import Response
from pi.llm.messages import StopReason, Usage
from pi.llm.options import StreamOptions
from pi.llm.retry import retry_after_ms
from pi.llm.sse import sse_events, watched
from pi.platform.clock import now_ms

STOP_REASONS: dict[str, StopReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "BLOCKLIST": "error",
    "FINISH_REASON_UNSPECIFIED": "error",
    "IMAGE_OTHER": "error",
    "IMAGE_PROHIBITED_CONTENT": "error",
    "IMAGE_RECITATION": "error",
    "IMAGE_SAFETY": "error",
    "LANGUAGE": "error",
    "MALFORMED_FUNCTION_CALL": "error",
    "NO_IMAGE": "error",
    "OTHER": "error",
    "PROHIBITED_CONTENT": "error",
    "RECITATION": "error",
    "SAFETY": "error",
    "SPII": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "UNEXPECTED_TOOL_CALL": "error",
}


async def read_chunks(response: Response, options: StreamOptions) -> AsyncIterator[Chunk]:
    """The pieces of an answer as they come; raises ProviderError where the server breaks off."""
    async for _, data in watched(sse_events(_checked(response.chunks())), options.on_stream_event):
        yield read_chunk(data)


class Answer:
    """Turns parts into blocks: text and thoughts grow until the other kind or a call begins."""

    def __init__(self, draft: Draft, service: str):
        self._draft = draft
        self._service = service  # as errors name it
        self._growing: DraftBlock | None = None

    def read(self, chunk: Chunk) -> Iterator[BlockEvent]:
        """Take a chunk in; raises ProtocolError for a way to stop that nobody knows."""
        draft = self._draft
        draft.response_id = draft.response_id or chunk.response_id
        if chunk.usage_metadata:
            draft.usage = priced(draft.model, _usage(chunk.usage_metadata))
        if chunk.prompt_feedback and chunk.prompt_feedback.block_reason:
            self._fail(chunk.prompt_feedback.block_reason)
        for candidate in (chunk.candidates or ())[:1]:
            for part in (candidate.content and candidate.content.parts) or ():
                if part.text is not None:
                    yield from self._say(part.text, part.thought is True, part.thought_signature)
                if part.function_call:
                    yield from self._call(part.function_call, part.thought_signature)
            if candidate.finish_reason:
                self._stop(candidate.finish_reason)

    def end(self) -> Iterator[BlockEvent]:
        """The connection is at its end: was the answer?"""
        yield from self._draft.close_all()
        if self._draft.raw_stop_reason is None:
            raise ProtocolError(f"{self._service} stream ended without a finish reason")

    def _say(self, text: str, thought: bool, signature: str | None) -> Iterator[BlockEvent]:
        kind = "thinking" if thought else "text"
        block = self._growing
        if block is None or block.kind != kind:
            yield from self._close()
            block, opened = self._draft.open(kind)
            self._growing = block
            yield opened
        block.signature = signature or block.signature  # comes with one of the pieces, mostly the last
        yield self._draft.grow(block, text)

    def _call(self, call: FunctionCall, signature: str | None) -> Iterator[BlockEvent]:
        yield from self._close()
        name = call.name or ""
        id = call.id
        if not id or any(block.id == id for block in self._draft.blocks):
            id = f"{name}_{now_ms()}_{next(_serial)}"
        block, opened = self._draft.open("toolcall", id=id, name=name)
        block.signature = signature or None
        yield opened
        yield self._draft.grow(block, msgspec.json.encode(call.args or {}).decode())
        yield self._draft.close(block)

    def _close(self) -> Iterator[BlockEvent]:
        if self._growing:
            yield self._draft.close(self._growing)
            self._growing = None

    def _stop(self, reason: str) -> None:
        draft = self._draft
        draft.raw_stop_reason = reason
        if reason not in STOP_REASONS:
            raise ProtocolError(f"Unhandled stop reason: {reason}")
        draft.stop_reason = STOP_REASONS[reason]
        if draft.stop_reason == "error":
            self._fail(reason)
        elif draft.stop_reason == "stop" and any(block.kind == "toolcall" for block in draft.blocks):
            draft.stop_reason = "toolUse"  # Gemini has no reason of its own for calls

    def _fail(self, reason: str) -> None:
        draft = self._draft
        draft.raw_stop_reason, draft.stop_reason = reason, "error"
        draft.error_message = f"Provider stopped with: {reason}"


_serial = count(1)  # makes the ids that the server leaves out


def _usage(raw: UsageMetadata) -> Usage:
    cached, thoughts = _count(raw.cached_content_token_count), _count(raw.thoughts_token_count)
    return Usage(
        input=max(0, _count(raw.prompt_token_count) - cached),
        output=_count(raw.candidates_token_count) + thoughts,
        cache_read=cached,
        total_tokens=_count(raw.total_token_count),
        reasoning=thoughts,
    )


def _count(value: Number) -> int:
    return int(value or 0)


async def _checked(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The body's pieces; raises the error that a server writes after the last event when it breaks off.

    Such an error is bare JSON on lines of its own. An error inside an event is passed over, as the original
    does: the stream then ends without a finish reason.
    """
    before = b"\n"
    async for chunk in chunks:
        at = (before + chunk).find(b"\n{")
        if at >= 0:
            yield chunk[:at]
            _raise_error(chunk[at:] + b"".join([rest async for rest in chunks]))
            return
        yield chunk
        before = chunk[-1:]


def _raise_error(data: bytes) -> None:
    try:
        body: Any = json.loads(data)
    except ValueError:
        return
    match body:
        case {"error": {"code": int(code), **error}}:
            raise ProviderError(f"got status: {error.get('status') or code}. {_compact(body)}", status=code)
        case _:
            pass


async def refusal(response: Response) -> ProviderError:
    """The error in an answer that isn't a stream."""
    text = (await response.read()).decode("utf-8", "replace")
    return ProviderError(
        _refusal_text(response, text), status=response.status, retry_after_ms=retry_after_ms(response.headers)
    )


def _refusal_text(response: Response, text: str) -> str:
    """The body as JSON in one line; what is no JSON, in the shape of Google's errors."""
    if "application/json" in response.headers.get("content-type", ""):
        try:
            return _compact(json.loads(text))
        except ValueError:
            pass
    return _compact({"error": {"message": text, "code": response.status, "status": _phrase(response.status)}})


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # a gateway's own
        return ""


def _compact(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()  # half an emoji stays the escape that it was

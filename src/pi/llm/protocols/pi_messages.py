"""Pi's own messages over HTTP: the transcript goes as it is to a gateway, which chooses how it is asked."""

from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from msgspec.structs import astuple, replace

from pi.llm.draft import Draft, DraftBlock, Kind
from pi.llm.errors import ProtocolError, ProviderError
from pi.llm.events import BlockEvent, StreamStart
from pi.llm.formats.lenient import as_dict, as_text, foreign_json
from pi.llm.http import Response, post_json
from pi.llm.messages import Context, Cost, StopReason, SystemMessage, Usage
from pi.llm.models import Model, clamp_level
from pi.llm.options import StreamOptions
from pi.llm.retry import retry_after_ms
from pi.llm.sse import sse_events, watched
from pi.llm.unicode import well_formed_json
from pi.platform.clock import now_ms

Event = dict[str, Any]


async def stream(
    draft: Draft, context: Context, options: StreamOptions
) -> AsyncGenerator[StreamStart | BlockEvent]:
    """Ask the draft's model and feed its answer to the draft; raises ProviderError."""
    model = draft.model
    url = model.base_url.rstrip("/") + "/messages"
    payload = build_payload(model, context, options)
    answer = _Answer(draft)
    async with post_json(url, payload, build_headers(model, options), options) as response:
        if response.status >= 300:
            raise await _refusal(response)
        yield StreamStart()
        async for _, data in watched(sse_events(response.chunks()), options.on_stream_event):
            # after the last event, read on to the end all the same: the connection is used again
            if not answer.ended and data and data != b"[DONE]":
                for event in answer.read(_decoded(data)):
                    yield event
    if not answer.ended:
        raise ProtocolError(f"{model.provider} stream ended without a terminal event")
    for event in draft.close_all():
        yield event


def build_payload(model: Model, context: Context, options: StreamOptions) -> dict[str, Any]:
    """The body of a request: what isn't said, the server decides."""
    level = clamp_level(model, options.thinking)
    said = {
        "temperature": options.temperature,
        "maxTokens": options.max_tokens,
        "reasoning": None if level == "off" else level,
        "cacheRetention": None if options.cache_retention == "short" else options.cache_retention,
        "sessionId": options.session_id,
        "toolChoice": options.tool_choice,
    }
    return {
        "model": model.id,
        "context": {"messages": _plain(_transcript(context))},
        "options": {name: value for name, value in said.items() if value is not None},
    }


def build_headers(model: Model, options: StreamOptions) -> dict[str, str]:
    """The headers of a request, names in lower case; raises ProviderError when there is no key."""
    headers = {"accept": "text/event-stream"}
    if options.api_key:
        headers["authorization"] = f"Bearer {options.api_key}"
    for group in (model.headers or {}, options.headers or {}):
        headers |= {name.lower(): value for name, value in group.items()}
    if not headers.get("authorization", "").strip():
        raise ProviderError(f'No API key provided for provider "{model.provider}"')
    return headers


def _transcript(context: Context) -> list[Any]:
    """The messages, opened by what the context holds beside them."""
    if not context.system and not context.tools:
        return list(context.messages)
    at_ms = context.messages[0].timestamp if context.messages else now_ms()
    opening = SystemMessage(context.system, at_ms, tools_added=context.tools or None)
    return [opening, *context.messages]


def _plain(messages: list[Any]) -> Any:
    """As they will be read again, so that hooks see plain JSON."""
    try:
        return msgspec.json.decode(msgspec.json.encode(messages))
    except UnicodeEncodeError:  # half of a surrogate pair, which sessions may hold
        import json

        return well_formed_json(json.loads(json.dumps(msgspec.to_builtins(messages))))


def _decoded(data: bytes) -> Event:
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = foreign_json(data)
    return as_dict(value)


_KINDS: dict[str, Kind] = {"text": "text", "thinking": "thinking", "toolcall": "toolcall"}
_DONE: dict[str, StopReason] = {"stop": "stop", "length": "length", "toolUse": "toolUse"}


class _Answer:
    """Turns the server's events into the same ones of our draft."""

    def __init__(self, draft: Draft):
        self.ended = False
        self._draft = draft

    def read(self, event: Event) -> list[BlockEvent]:
        """Take an event in; raises ProtocolError for one that doesn't fit."""
        name = as_text(event.get("type"))
        if name in ("done", "error"):
            self._end(name, event)
            return []
        what, _, step = name.partition("_")
        kind = _KINDS.get(what)
        match step:
            case "start" if kind:
                return [self._open(kind, event)]
            case "delta" if kind:
                block = self._block(kind, event)
                return [self._draft.grow(block, as_text(event.get("delta")))]
            case "end" if kind:
                return [self._close(self._block(kind, event), event)]
            case _:
                return []

    def _open(self, kind: Kind, event: Event) -> BlockEvent:
        if event.get("contentIndex") != len(self._draft.blocks):
            raise _misplaced(event)
        id, name = as_text(event.get("id")), as_text(event.get("toolName"))
        return self._draft.open(kind, id=id, name=name)[1]

    def _block(self, kind: Kind, event: Event) -> DraftBlock:
        index, blocks = event.get("contentIndex"), self._draft.blocks
        if isinstance(index, int) and 0 <= index < len(blocks) and blocks[index].kind == kind:
            return blocks[index]
        raise _misplaced(event)

    def _close(self, block: DraftBlock, event: Event) -> BlockEvent:
        """The block as a whole: it replaces what its pieces said."""
        whole, signature = event.get("content"), event.get("contentSignature")
        if block.kind == "toolcall":
            call = as_dict(event.get("toolCall"))
            block.id = as_text(call.get("id")) or block.id
            block.name = as_text(call.get("name")) or block.name
            block.namespace = as_text(call.get("namespace")) or None
            arguments, signature = call.get("arguments"), call.get("thoughtSignature")
            whole = msgspec.json.encode(arguments).decode() if isinstance(arguments, dict) else None
        if isinstance(whole, str):
            block.pieces = [whole]
        block.signature = as_text(signature) or None
        block.redacted = True if event.get("redacted") is True else None
        return self._draft.close(block)

    def _end(self, name: str, event: Event) -> None:
        draft = self._draft
        self.ended = True
        reason = as_text(event.get("reason"))
        draft.usage = _usage(event)
        draft.response_id = as_text(event.get("responseId")) or None
        draft.response_model = as_text(event.get("responseModel")) or None
        draft.provider_thinking_level = as_text(event.get("providerThinkingLevel")) or None
        if name == "done":
            draft.stop_reason = _DONE.get(reason, "stop")
        else:
            draft.stop_reason = "aborted" if reason == "aborted" else "error"
            draft.error_message = as_text(event.get("errorMessage")) or "An unknown error occurred"
        if rewrite := as_dict(event.get("rewrite")):  # the server changed the request
            note = {"type": "pi_messages_rewrite", "timestamp": now_ms(), "details": rewrite}
            draft.diagnostics.append(note)


def _usage(event: Event) -> Usage:
    """Tokens and cost as the server counts them: it knows which model it asked."""
    try:
        usage = msgspec.convert(as_dict(event.get("usage")), Usage, strict=False)
    except msgspec.ValidationError as error:
        raise ProtocolError(f"The provider sent an event of a foreign shape: {error}. Try again.") from None
    costs = (value or 0 for value in astuple(usage.cost))  # a plain 0 in the session, as the server sent it
    return replace(usage, cost=Cost(*costs))


def _misplaced(event: Event) -> ProtocolError:
    index = msgspec.json.encode(event.get("contentIndex")).decode()
    return ProtocolError(f"Invalid contentIndex {index} in pi-messages {event['type']} event")


async def _refusal(response: Response) -> ProviderError:
    body = await response.read()
    try:
        error = as_dict(as_dict(foreign_json(body)).get("error"))
    except ProtocolError:
        error = {}
    told = as_text(error.get("message")) or body.decode("utf-8", "replace")
    code = as_text(error.get("code"))
    return ProviderError(
        f"{response.status} {response.reason}: {told}" + (f" ({code})" if code else ""),
        status=response.status,
        retry_after_ms=retry_after_ms(response.headers),
    )

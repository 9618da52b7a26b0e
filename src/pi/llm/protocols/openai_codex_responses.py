"""Responses as ChatGPT's Codex backend speaks it, for its subscribers: over a WebSocket, or over SSE."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from pi.llm.draft import Draft
from pi.llm.errors import ProviderError, TransportError
from pi.llm.events import BlockEvent, StreamStart
from pi.llm.formats.codex_answer import CodexAnswer, CodexError, limits_in, refusal
from pi.llm.formats.codex_payload import Payload, answered, build_payload, growth, session_key
from pi.llm.formats.lenient import as_dict, as_text
from pi.llm.formats.responses_compat import responses_compat
from pi.llm.formats.responses_items import raw_inputs
from pi.llm.http import encode_body, post_json
from pi.llm.messages import Context
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.sse import sse_events, watched
from pi.platform.clock import now_ms, uuid7

if TYPE_CHECKING:
    from pi.llm.websocket import WebSocket

_HOST = "https://chatgpt.com/backend-api"
_ACCOUNT = "chatgpt-account-id"
_CLAIM = "https://api.openai.com/auth"  # where the login's token names the account
_SOCKET_BETA = "responses_websockets=2026-02-06"

# What another connection may mend, tried once each: an idle connection that the host closes just now, one too
# many of them, and an answer to go on from that the host has forgotten.
_STALE = "stale"
_TOO_MANY = "websocket_connection_limit_reached"
_FORGOTTEN = "previous_response_not_found"

_without_socket: set[str] = set()  # the sessions of this process in which a WebSocket has failed


class _Request(NamedTuple):
    context: Context
    url: str
    payload: Payload
    headers: dict[str, str]  # names in lower case
    options: StreamOptions
    session: str | None


class _UnusableError(Exception):
    """The WebSocket failed before the answer began."""


async def stream(
    draft: Draft, context: Context, options: StreamOptions
) -> AsyncGenerator[StreamStart | BlockEvent]:
    """Ask the draft's model and feed its answer to the draft; raises ProviderError.

    A WebSocket that fails gives way to SSE: for this request if its answer has not begun, and for all later
    ones of the session.
    """
    request = await _request(draft.model, context, options)
    ways = [_over_sse] if options.transport == "sse" else [_over_socket, _over_sse]
    if request.session in _without_socket:
        ways = [_over_sse]
    for way in ways:
        try:
            async with aclosing(way(draft, request)) as events:
                async for event in events:
                    yield event
            break
        except _UnusableError:
            continue
    for event in draft.close_all():
        yield event


async def _over_socket(draft: Draft, request: _Request) -> AsyncGenerator[StreamStart | BlockEvent]:
    """Raises _UnusableError for a failure that SSE may be spared."""
    from pi.llm.websocket_pool import line_pool  # with its library 30 ms, and few use this protocol

    pool = await line_pool()
    key = request.session and (request.session, request.headers[_ACCOUNT], request.url)
    tried: set[str] = set()
    started = False
    while True:
        reused = False
        answer = _answer(draft, request)
        try:
            async with pool.line(key, partial(_connect, request)) as line:
                reused = line.reused
                grown = growth(request.payload, line.memory)
                line.socket.send(encode_body({"type": "response.create", **(grown or request.payload)}))
                messages = _messages(line.socket, answer, request.options.idle_timeout_ms)
                async with aclosing(_read(messages, answer, request.options)) as received:
                    async for events in received:
                        if answer.begun and not started:
                            started = True
                            yield StreamStart()
                        for event in events:
                            yield event
                line.memory = None
                if request.options.transport != "websocket":
                    line.memory = answered(
                        request.payload, draft.model, request.context, draft.freeze(draft.stop_reason)
                    )
            return
        except (CodexError, TransportError) as error:
            cause = error.code if isinstance(error, CodexError) else _STALE if reused else ""
            if cause not in tried and _is_curable(cause, draft, started=started):
                tried.add(cause)
                continue
            if isinstance(error, CodexError) and (started or cause != _TOO_MANY):
                raise
            _give_up_sockets(draft, request, error, started=started)
            if started:
                raise
            raise _UnusableError from error


def _is_curable(cause: str, draft: Draft, *, started: bool) -> bool:
    """Whether the same request on another connection may fare better, and nobody has seen this one."""
    return not draft.blocks if cause == _FORGOTTEN else cause in (_TOO_MANY, _STALE) and not started


def _give_up_sockets(draft: Draft, request: _Request, error: Exception, *, started: bool) -> None:
    """The session goes on over SSE; its message tells why, as the original's does."""
    if request.session:
        _without_socket.add(request.session)
    details = {
        "configuredTransport": request.options.transport,
        **({} if started else {"fallbackTransport": "sse"}),
        "eventsEmitted": started,
        "phase": "after_message_stream_start" if started else "before_message_stream_start",
        "requestBytes": len(encode_body(request.payload)),
    }
    told = {"name": "Error", "message": str(error)}
    kind = "provider_transport_failure"
    draft.diagnostics.append({"type": kind, "timestamp": now_ms(), "error": told, "details": details})


async def _over_sse(draft: Draft, request: _Request) -> AsyncGenerator[StreamStart | BlockEvent]:
    headers = request.headers | {"accept": "text/event-stream", "openai-beta": "responses=experimental"}
    if request.session:
        headers |= _affinity(request.session)
    options = replace(request.options, headers=None, on_payload=None)  # both are in the request
    async with post_json(request.url, request.payload, headers, options) as response:
        if response.status >= 300:
            raise refusal(response.status, response.headers, await response.read())
        yield StreamStart()
        answer = _answer(draft, request)
        async with aclosing(_read(sse_events(response.chunks()), answer, options)) as received:
            async for events in received:
                for event in events:
                    yield event


def _answer(draft: Draft, request: _Request) -> CodexAnswer:
    inputs = raw_inputs(request.context, responses_compat(draft.model))
    return CodexAnswer(draft, inputs, request.payload.get("service_tier"))


async def _read(
    messages: AsyncIterator[tuple[str, bytes]], answer: CodexAnswer, options: StreamOptions
) -> AsyncGenerator[list[BlockEvent]]:
    """What each event becomes, up to the last one of the answer: the stream may stay open after it."""
    async for _, data in watched(messages, options.on_stream_event):
        if not data or data.startswith(b"[DONE]"):
            continue
        if options.on_response and (limits := limits_in(data)):
            await options.on_response(*limits)
        yield answer.read(data)
        if answer.ended:
            return
    answer.finish()


async def _messages(
    socket: "WebSocket", answer: CodexAnswer, idle_timeout_ms: int
) -> AsyncGenerator[tuple[str, bytes]]:
    while not answer.ended:
        yield "", await socket.receive(idle_timeout_ms)


async def _connect(request: _Request) -> "WebSocket":
    from pi.llm.websocket import WebSocketRefused, open_websocket

    options = request.options
    headers = request.headers | _affinity(request.session or uuid7()) | {"openai-beta": _SOCKET_BETA}
    for name in ("accept", "content-type"):
        headers.pop(name, None)
    if options.on_headers:
        headers = await options.on_headers(headers)
    try:
        socket = await open_websocket(
            request.url, headers=headers, timeout_ms=options.connect_timeout_ms, proxy=options.proxy
        )
    except WebSocketRefused as refused:
        if refused.status == 401:  # the login is to be renewed; that is no reason to do without WebSockets
            raise refusal(refused.status, refused.headers, refused.body) from None
        raise
    if options.on_response:
        await options.on_response(101, socket.headers)
    return socket


async def _request(model: Model, context: Context, options: StreamOptions) -> _Request:
    """The request, but for what depends on the way. Raises ProviderError without a key or an account."""
    if not options.api_key:
        raise ProviderError(f"No API key for provider: {model.provider}")
    payload = build_payload(model, context, options)
    if options.on_payload and (replaced := await options.on_payload(payload)) is not None:
        payload = replaced
    headers = {
        name.lower(): value
        for group in (model.headers or {}, options.headers or {})
        for name, value in group.items()
        if name.lower() != "user-agent"  # like `originator` it names Pi, whatever the configuration says
    }
    headers |= {
        "authorization": f"Bearer {options.api_key}",
        _ACCOUNT: headers.get(_ACCOUNT) or _account_of(options.api_key),
        "originator": "pi",
    }
    return _Request(context, _url(model), payload, headers, options, session_key(options))


def _affinity(session: str) -> dict[str, str]:
    return {"session-id": session, "x-client-request-id": session}


def _url(model: Model) -> str:
    base = (model.base_url.strip() or _HOST).rstrip("/")
    if base.endswith("/codex/responses"):
        return base
    return f"{base}/responses" if base.endswith("/codex") else f"{base}/codex/responses"


def _account_of(token: str) -> str:
    """The account that a login's token is for."""
    from base64 import urlsafe_b64decode

    try:
        _, claims, _ = token.split(".")
        told = as_dict(msgspec.json.decode(urlsafe_b64decode(claims + "==")))
    except (ValueError, msgspec.DecodeError):
        told = {}
    if account := as_text(as_dict(told.get(_CLAIM)).get("chatgpt_account_id")):
        return account
    raise ProviderError("Failed to extract accountId from token")

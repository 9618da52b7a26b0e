"""HTTP/1.1 over asyncio: pooled connections, proxies, idle timeouts, bodies piece by piece; httptools frames.

A failure is a `TransportError` whose text begins as the original's does: "terminated" once the answer has
begun, "Connection error." or "Request timed out." before. Redirects are answers like any other.
"""

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import msgspec

from pi.llm.connection import Connection, Exchange, open_connection, public_address, request_head
from pi.llm.errors import TransportError
from pi.llm.options import StreamOptions
from pi.llm.proxy import parse_url, proxy_for, proxy_headers
from pi.llm.unicode import well_formed_json

_KEEP_ALIVE_S = 60  # gateways forget idle connections, the quickest after a little more than this
_INFLATED = 1_000_000  # bytes at a time


class Response:
    """An answer: its head is there, its body comes while you read it. Valid inside its `request` only."""

    def __init__(self, exchange: Exchange):
        self.status = exchange.status
        self.headers = exchange.headers  # names in lower case
        self._exchange = exchange

    @property
    def reason(self) -> str:
        """The status in words, "" for one that no standard names."""
        from http import HTTPStatus  # only failures are told in words

        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return ""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Read it to its end and the connection serves the next request too."""
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        return self._raw() if encoding in ("identity", "") else _inflated(self._raw(), encoding)

    async def read(self, limit: int = 1_000_000) -> bytes:
        """The body, at most `limit` bytes of it; the rest is dropped."""
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            if len(body) >= limit:
                break
        return bytes(body[:limit])

    async def _raw(self) -> AsyncIterator[bytes]:
        while piece := await self._exchange.piece():
            yield piece


@asynccontextmanager
async def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    idle_timeout_ms: int = 300_000,
    connect_timeout_ms: int = 30_000,
    proxy: str | None = None,
    public: bool = False,
) -> AsyncGenerator[Response, None]:
    """Send a request; the answer's head has arrived when this yields.

    Leaving before the body's end closes the connection at once. `proxy` beats HTTP_PROXY, HTTPS_PROXY and
    ALL_PROXY; NO_PROXY beats them all. The idle timeout is for the head and for each piece of the body
    (ms, 0: none). With `public`, hosts that aren't on the internet are refused. Raises TransportError, and
    ConfigError for what can't be sent.
    """
    to = parse_url(url)
    via = proxy_for(to, proxy)
    # "identity": compressed, a stream's pieces would wait in the server for more, and cost CPU here.
    fields = {"host": to.authority, "user-agent": user_agent(), "accept-encoding": "identity"}
    fields |= {name.lower(): value for name, value in headers.items()}
    target = to.target
    if via and to.scheme == "http":
        target = f"http://{to.authority}{target}"
        fields |= proxy_headers(via)
    if body is not None or method not in ("GET", "HEAD"):
        fields["content-length"] = str(len(body or b""))
    message = request_head(method, target, fields) + (body or b"")

    address = await public_address(to) if public else None
    pool = await _pool()
    key = (to.scheme, to.host, to.port, via, public)
    connection = pool.take(key)
    exchange = None
    try:
        if connection:
            exchange = await connection.exchange(method, message, idle_timeout_ms, reused=True)
        if not connection or not exchange:
            connection = await open_connection(to, via, connect_timeout_ms, address=None if via else address)
            exchange = await connection.exchange(method, message, idle_timeout_ms)
        assert exchange
        yield Response(exchange)
    finally:
        if connection:
            pool.give(key, connection)


def encode_body(payload: Any) -> bytes:
    """`payload` as JSON, without unpaired surrogates: an id or a signature of a session may hold some."""
    try:
        return msgspec.json.encode(payload)
    except UnicodeEncodeError:
        return msgspec.json.encode(well_formed_json(payload))


@asynccontextmanager
async def post_json(
    url: str, payload: Any, headers: Mapping[str, str], options: StreamOptions
) -> AsyncGenerator[Response, None]:
    """The one way in which protocols send: `payload` as JSON, hooks called, the options' headers on top."""
    if options.on_payload and (replaced := await options.on_payload(payload)) is not None:
        payload = replaced
    fields = {"content-type": "application/json", "accept": "application/json"}
    for group in (headers, options.headers or {}):
        fields |= {name.lower(): value for name, value in group.items()}
    if options.on_headers:
        fields = await options.on_headers(fields)
    body = encode_body(payload)
    async with request(
        "POST", url, headers=fields, body=body, idle_timeout_ms=options.idle_timeout_ms, proxy=options.proxy
    ) as response:
        if options.on_response:
            await options.on_response(response.status, response.headers)
        yield response


class _Pool:
    """The idle connections of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = loop
        self._idle: defaultdict[tuple[Any, ...], list[Connection]] = defaultdict(list)

    def take(self, key: tuple[Any, ...]) -> Connection | None:
        while self._idle[key]:
            connection = self._idle[key].pop()
            if not connection.lost and self._loop.time() - connection.idle_since < _KEEP_ALIVE_S:
                return connection
            connection.abort()
        return None

    def give(self, key: tuple[Any, ...], connection: Connection) -> None:
        if connection.release():
            self._idle[key].append(connection)

    async def close_with_loop(self) -> AsyncIterator[None]:
        """Once begun, it ends when its loop shuts down: asyncio closes the generators that are still open."""
        try:
            yield
        finally:
            del _pools[self._loop]
            for connections in self._idle.values():
                for connection in connections:
                    connection.abort()


_pools: dict[asyncio.AbstractEventLoop, tuple[_Pool, AsyncIterator[None]]] = {}


async def _pool() -> _Pool:
    loop = asyncio.get_running_loop()
    if loop not in _pools:
        pool = _Pool(loop)
        closer = pool.close_with_loop()
        _pools[loop] = pool, closer
        await anext(closer)
    return _pools[loop][0]


@cache
def user_agent() -> str:
    """How Pi names itself to hosts."""
    if sys.platform == "win32":
        version = sys.getwindowsversion()
        release = f"{version.major}.{version.minor}.{version.build}"
        machine = os.environ.get("PROCESSOR_ARCHITECTURE", "")
    else:
        release, machine = os.uname().release, os.uname().machine
    arch = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(machine.lower(), machine.lower())
    return f"pi ({sys.platform} {release}; {arch})"


async def _inflated(pieces: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """For servers that compress although we ask them not to."""
    import zlib

    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise TransportError(f"terminated: the server compresses with {encoding!r}, which nobody asked for.")
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, as its first bytes say
    try:
        async for piece in pieces:
            while piece:
                yield inflater.decompress(piece, _INFLATED)
                piece = inflater.unconsumed_tail
        yield inflater.flush()
    except zlib.error as error:
        raise TransportError(f"terminated: the body isn't {encoding} ({error}).") from error
    if not inflater.eof:
        raise TransportError("terminated")

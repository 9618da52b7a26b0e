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
from typing import TYPE_CHECKING, Any, NamedTuple

import httptools
import msgspec

from pi.llm.errors import TransportError
from pi.llm.options import StreamOptions
from pi.platform.errors import ConfigError

if TYPE_CHECKING:
    import ssl

_BUFFER = 1_000_000  # bytes that may wait for the reader before the socket is left alone
_HEAD_LIMIT = 1_000_000  # bytes
_KEEP_ALIVE_S = 60  # gateways forget idle connections, the quickest after a little more than this
_PORTS = {"http": 80, "https": 443}


class Response:
    """An answer: its head is there, its body comes while you read it. Valid inside its `request` only."""

    def __init__(self, exchange: "_Exchange"):
        self.status = exchange.status
        self.headers = exchange.headers  # names in lower case
        self._exchange = exchange

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
) -> AsyncGenerator[Response, None]:
    """Send a request; the answer's head has arrived when this yields.

    Leaving before the body's end closes the connection at once. `proxy` beats HTTP_PROXY, HTTPS_PROXY and
    ALL_PROXY; NO_PROXY beats them all. The idle timeout is for the head and for each piece of the body
    (ms, 0: none). Raises TransportError, and ConfigError for what can't be sent.
    """
    to = _parse_url(url)
    via = _proxy_for(to, proxy)
    # "identity": compressed, a stream's pieces would wait in the server for more, and cost CPU here.
    fields = {"host": to.authority, "user-agent": _user_agent(), "accept-encoding": "identity"}
    fields |= {name.lower(): value for name, value in headers.items()}
    target = to.target
    if via and to.scheme == "http":
        target = f"http://{to.authority}{target}"
        fields |= _proxy_headers(via)
    if body is not None or method not in ("GET", "HEAD"):
        fields["content-length"] = str(len(body or b""))
    message = _head(method, target, fields) + (body or b"")

    pool = await _pool()
    key = (to.scheme, to.host, to.port, via)
    connection = pool.take(key)
    exchange = None
    try:
        if connection:
            exchange = await connection.exchange(method, message, idle_timeout_ms, reused=True)
        if not connection or not exchange:
            connection = await _open(to, via, connect_timeout_ms)
            exchange = await connection.exchange(method, message, idle_timeout_ms)
        assert exchange
        yield Response(exchange)
    finally:
        if connection:
            pool.give(key, connection)


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
    body = msgspec.json.encode(payload)
    async with request(
        "POST", url, headers=fields, body=body, idle_timeout_ms=options.idle_timeout_ms, proxy=options.proxy
    ) as response:
        if options.on_response:
            await options.on_response(response.status, response.headers)
        yield response


class _Exchange:
    """One request's answer: what arrives is parsed at once, and a single reader waits for it."""

    def __init__(self, connection: "_Connection", method: str, idle_timeout_ms: int):
        self.status = 0
        self.headers: dict[str, str] = {}
        self.done = False
        self.reusable = False  # the connection, once this is done
        self.dropped = False  # the peer closed before it said anything
        self._connection = connection
        self._parser = httptools.HttpResponseParser(self)
        self._received = 0  # bytes, head included
        self._bodyless = method in ("HEAD", "CONNECT")
        self._error: TransportError | None = None
        self._pieces: list[bytes] = []
        self._buffered = 0
        self._idle_s = idle_timeout_ms / 1000
        self._waiter: asyncio.Future[None] | None = None
        self._waiting_since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def head(self) -> None:
        """Wait for status and headers."""
        while not self.status:
            await self._arrival()

    async def piece(self) -> bytes:
        """All of the body that has arrived since the last call; waits for some; b"" at its end."""
        while not self._pieces:
            if self.done:
                return b""
            await self._arrival()
        pieces, self._pieces = self._pieces, []
        if self._buffered > _BUFFER:
            self._connection.transport.resume_reading()
        self._buffered = 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _arrival(self) -> None:
        if self._error:
            raise self._error
        loop = self._connection.loop
        self._waiter = loop.create_future()
        self._waiting_since = loop.time()
        # One timer that looks at the clock when it fires: one for each piece would cost more than the piece.
        if self._idle_s and self._timer is None:
            self._timer = loop.call_later(self._idle_s, self._check_idle)
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _check_idle(self) -> None:
        self._timer = None
        if self._waiter is None:
            return  # the reader is busy; its next wait sets the timer again
        loop = self._connection.loop
        left = self._waiting_since + self._idle_s - loop.time()
        if left > 0:
            self._timer = loop.call_later(left, self._check_idle)
            return
        what = "terminated:" if self.status else "Request timed out."
        self.fail(
            f"{what} Nothing came from {self._connection.where} for {self._idle_s:g} s. "
            "If its models pause that long, raise httpIdleTimeoutMs (0 turns it off)."
        )

    def fail(self, text: str) -> None:
        """End with an error, unless the answer is complete; the connection is of no more use."""
        self.reusable = False
        if not self.done and not self._error:
            self._error = TransportError(text)
        self.stop()
        self._connection.abort()
        self._wake()

    def stop(self) -> None:
        """Nobody will wait any more."""
        if self._timer:
            self._timer.cancel()

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def feed(self, data: bytes) -> None:
        """Bytes from the socket."""
        where = self._connection.where
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            what = "terminated:" if self.status else "Connection error."
            self.fail(f"{what} {where} doesn't answer in HTTP/1.1 ({error}): is its address right?")
        if not self.status and self._received > _HEAD_LIMIT:
            self.fail(f"Connection error. {where} sends headers without end: is its address right?")
        if self._buffered > _BUFFER:
            self._connection.transport.pause_reading()

    def closed(self, error: Exception | None) -> None:
        """The socket is gone, which is how some bodies end."""
        self.dropped = not self._received and not self._error
        until_close = not {"content-length", "transfer-encoding"} & self.headers.keys()
        if self.status and until_close and error is None:
            self.done = True
        self.fail(
            "terminated"
            if self.status
            else f"Connection error. {self._connection.where} closed the connection without an answer."
        )

    # httptools calls the rest

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.status:  # a trailer
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self.headers = {}  # the real head follows
        elif not self.status:
            self.status = status
            self.done = self._bodyless
            self._wake()

    def on_body(self, data: bytes) -> None:
        if not self.done:
            self._pieces.append(data)
            self._buffered += len(data)
            self._wake()

    def on_message_complete(self) -> None:
        if self.status:
            self.reusable = not self.done and self._parser.should_keep_alive()  # done: a second answer
            self.done = True
            self._wake()


class _Connection(asyncio.Protocol):
    """A socket; at most one exchange runs on it at a time."""

    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop, where: str):
        self.loop = loop
        self.where = where  # host and port, for errors
        self.lost = False
        self.idle_since = 0.0
        self._exchange: _Exchange | None = None

    async def exchange(
        self, method: str, message: bytes, idle_timeout_ms: int, *, reused: bool = False
    ) -> _Exchange | None:
        """Send, and wait for the answer's head; None if a reused connection turns out to be closed."""
        self._exchange = exchange = _Exchange(self, method, idle_timeout_ms)
        self.transport.write(message)
        try:
            await exchange.head()
        except TransportError:
            if reused and exchange.dropped:
                return None
            raise
        return exchange

    def release(self) -> bool:
        """The exchange is over; True if the connection can serve another one, otherwise it is closed."""
        exchange, self._exchange = self._exchange, None
        if exchange:
            exchange.stop()
        if exchange and exchange.done and exchange.reusable and not self.lost:
            self.idle_since = self.loop.time()
            return True
        self.abort()
        return False

    def abort(self) -> None:
        """Close the socket now, whatever is under way."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self._exchange and not self._exchange.done:
            self._exchange.feed(data)
        else:  # nobody asked
            self.lost = True
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._exchange:
            self._exchange.closed(exc)


class _Url(NamedTuple):
    scheme: str
    host: str
    port: int
    target: str  # path and query
    userinfo: str

    @property
    def host_port(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def authority(self) -> str:
        return self.host_port.removesuffix(f":{_PORTS[self.scheme]}")


def _parse_url(url: str) -> _Url:
    try:
        parts = httptools.parse_url(url.encode())
        scheme, host, port = (parts.schema or b"").decode(), (parts.host or b"").decode(), parts.port
        target = (parts.path or b"/").decode() + (f"?{parts.query.decode()}" if parts.query else "")
        return _Url(scheme, host, port or _PORTS[scheme], target, (parts.userinfo or b"").decode())
    except (httptools.HttpParserInvalidURLError, KeyError):
        shown = url.rpartition("@")[2]  # before it there may be a password
        raise ConfigError(
            f"Can't call {shown!r}: a URL begins with http:// or https:// and a host, all in ASCII."
        ) from None


def _proxy_for(url: _Url, given: str | None) -> _Url | None:
    """The proxy on the way to `url`, None for the direct way."""
    proxy = given or _env(f"{url.scheme}_proxy") or _env("all_proxy")
    if not proxy or _direct(url, _env("no_proxy")):
        return None
    scheme, separator, _ = proxy.partition("://")
    if separator and scheme not in _PORTS:
        raise ConfigError(f"A {scheme}:// proxy isn't supported: give the URL of an HTTP or HTTPS proxy.")
    return _parse_url(proxy if separator else f"http://{proxy}")


def _env(name: str) -> str:
    return os.environ.get(name) or os.environ.get(name.upper()) or ""


def _direct(url: _Url, no_proxy: str) -> bool:
    """NO_PROXY: hosts, each with all below it, with or without a port, by commas or blanks; `*` for all."""
    for entry in no_proxy.lower().replace(",", " ").split():
        host = entry.removesuffix(f":{url.port}").strip("[]").removeprefix("*").removeprefix(".")
        if entry == "*" or (host and f".{url.host.lower()}".endswith(f".{host}")):
            return True
    return False


def _proxy_headers(proxy: _Url) -> dict[str, str]:
    if not proxy.userinfo:
        return {}
    from base64 import b64encode
    from urllib.parse import unquote_to_bytes

    return {"proxy-authorization": f"Basic {b64encode(unquote_to_bytes(proxy.userinfo)).decode()}"}


class _Pool:
    """The idle connections of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = loop
        self._idle: defaultdict[tuple[Any, ...], list[_Connection]] = defaultdict(list)

    def take(self, key: tuple[Any, ...]) -> _Connection | None:
        while self._idle[key]:
            connection = self._idle[key].pop()
            if not connection.lost and self._loop.time() - connection.idle_since < _KEEP_ALIVE_S:
                return connection
            connection.abort()
        return None

    def give(self, key: tuple[Any, ...], connection: _Connection) -> None:
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


async def _open(to: _Url, via: _Url | None, timeout_ms: int) -> _Connection:
    """A connection to `to`, or to the proxy on the way."""
    loop = asyncio.get_running_loop()
    peer = via or to
    tls = _tls_of_environment() if "https" in (to.scheme, peer.scheme) else None
    is_address = ":" in peer.host or peer.host.replace(".", "").isdigit()
    try:
        async with asyncio.timeout(timeout_ms / 1000 or None):
            _, connection = await loop.create_connection(
                lambda: _Connection(loop, to.host_port),
                peer.host,
                peer.port,
                ssl=tls if peer.scheme == "https" else None,
                happy_eyeballs_delay=None if is_address else 0.25,  # a broken IPv6 costs no more than that
            )
            if via and tls and to.scheme == "https":
                await _tunnel(connection, to, via, tls)
            return connection
    except TimeoutError:
        text = (
            f"Connection error. {peer.host_port} didn't take the connection: timed out after {timeout_ms} ms."
        )
        raise TransportError(text) from None
    except OSError as error:
        text = f"Connection error. {peer.host_port}: {_reason(error)}."
        raise TransportError(f"{text} Does the server run, and is its address right?") from error


async def _tunnel(connection: _Connection, to: _Url, via: _Url, tls: "ssl.SSLContext") -> None:
    """Have the proxy connect us through, then speak TLS with the far end."""
    try:
        head = _head("CONNECT", to.host_port, {"host": to.host_port, **_proxy_headers(via)})
        answer = await connection.exchange("CONNECT", head, 0)
        if not answer or answer.status >= 300:
            status = answer.status if answer else "nothing"
            raise TransportError(
                f"Connection error. The proxy {via.host_port} answers {status} to a connection to "
                f"{to.host_port}: check the proxy's address and credentials, or name the host in NO_PROXY."
            )
        transport = await connection.loop.start_tls(
            connection.transport, connection, tls, server_hostname=to.host
        )
        assert transport
        connection.transport = transport
    except BaseException:
        connection.abort()
        raise


def _reason(error: OSError) -> str:
    import socket
    import ssl

    match error:
        case socket.gaierror():
            return f"getaddrinfo finds no address ({error.strerror})"
        case ssl.SSLCertVerificationError():
            return (
                f"its certificate isn't trusted ({error.verify_message}); "
                "for a company's own authority, name its file in SSL_CERT_FILE"
            )
        case ssl.SSLError():
            return f"no TLS ({error.reason})"
        case _:
            return os.strerror(error.errno) if error.errno else str(error)


def _tls_of_environment() -> "ssl.SSLContext":
    return _tls(os.environ.get("SSL_CERT_FILE"), os.environ.get("NODE_EXTRA_CA_CERTS"))


@cache
def _tls(_ca_file: str | None, more_cas: str | None) -> "ssl.SSLContext":
    import ssl

    context = ssl.create_default_context()  # OpenSSL reads SSL_CERT_FILE by itself
    context.set_alpn_protocols(["http/1.1"])
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # company proxies' certificates often fail it
    if more_cas:  # set for the original by people behind such a proxy
        context.load_verify_locations(more_cas)
    return context


def _head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in headers.items():
        lines.append(f"{name}: {value.strip()}")
        if not lines[-1].isprintable() or max(lines[-1]) > "\xff":
            raise ConfigError(
                f"The header {name!r} holds a character that HTTP can't carry: correct its value."
            )
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


@cache
def _user_agent() -> str:
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
                yield inflater.decompress(piece, _BUFFER)
                piece = inflater.unconsumed_tail
        yield inflater.flush()
    except zlib.error as error:
        raise TransportError(f"terminated: the body isn't {encoding} ({error}).") from error
    if not inflater.eof:
        raise TransportError("terminated")

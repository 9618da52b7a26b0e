"""A connection that speaks HTTP/1.1: opening it, also through a proxy, and one exchange at a time on it."""

import asyncio
import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

import httptools

from pi.llm.errors import TransportError
from pi.llm.proxy import Url, proxy_headers
from pi.platform.errors import ConfigError

if TYPE_CHECKING:
    import ssl

_BUFFER = 1_000_000  # bytes that may wait for the reader before the socket is left alone
_HEAD_LIMIT = 1_000_000  # bytes


class Exchange:
    """One request's answer: what arrives is parsed at once, and a single reader waits for it."""

    def __init__(self, connection: "Connection", method: str, idle_timeout_ms: int):
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


class Connection(asyncio.Protocol):
    """A socket; at most one exchange runs on it at a time."""

    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop, where: str):
        self.loop = loop
        self.where = where  # host and port, for errors
        self.lost = False
        self.idle_since = 0.0
        self._exchange: Exchange | None = None

    async def exchange(
        self, method: str, message: bytes, idle_timeout_ms: int, *, reused: bool = False
    ) -> Exchange | None:
        """Send, and wait for the answer's head; None if a reused connection turns out to be closed."""
        self._exchange = exchange = Exchange(self, method, idle_timeout_ms)
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
        """Close the socket now, whatever is under way: the server hears it before the loop's next round."""
        if (sock := self.transport.get_extra_info("socket")) is not None:
            try:
                sock.shutdown(2)  # SHUT_RDWR, without the module
            except OSError:
                pass  # it is closed already
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


async def public_address(to: Url) -> str:
    """An address of a host on the internet. Raises TransportError when one of its addresses isn't public.

    Connect to what this gives: the name may mean another address the next time it is asked for.
    """
    import socket
    from ipaddress import ip_address

    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(to.host.strip("[]"), to.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise TransportError(f"Connection error. {to.host}: {_reason(error)}.") from error
    addresses = [str(address[0]) for *_, address in found]
    for address in addresses:
        known = ip_address(address.partition("%")[0])
        mapped = getattr(known, "ipv4_mapped", None)
        if not (mapped or known).is_global or known.is_multicast:
            raise TransportError(
                f"{to.host} isn't on the internet: {address}. Only public hosts are allowed here."
            )
    return addresses[0]


async def open_connection(
    to: Url, via: Url | None, timeout_ms: int, *, address: str | None = None
) -> Connection:
    """A connection to `to`, or to the proxy on the way; to `address` if it is known already."""
    loop = asyncio.get_running_loop()
    peer = via or to
    tls = _tls_of_environment() if "https" in (to.scheme, peer.scheme) else None
    is_address = ":" in peer.host or peer.host.replace(".", "").isdigit()
    try:
        async with asyncio.timeout(timeout_ms / 1000 or None):
            _, connection = await loop.create_connection(
                lambda: Connection(loop, to.host_port),
                address or peer.host,
                peer.port,
                ssl=tls if peer.scheme == "https" else None,
                server_hostname=peer.host if address and peer.scheme == "https" else None,
                happy_eyeballs_delay=None
                if is_address or address
                else 0.25,  # a broken IPv6 costs no more than that
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


async def _tunnel(connection: Connection, to: Url, via: Url, tls: "ssl.SSLContext") -> None:
    """Have the proxy connect us through, then speak TLS with the far end."""
    try:
        head = request_head("CONNECT", to.host_port, {"host": to.host_port, **proxy_headers(via)})
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
    except BaseException:  # also a cancellation: the socket must not leak
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


def request_head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in headers.items():
        lines.append(f"{name}: {value.strip()}")
        if not lines[-1].isprintable() or max(lines[-1]) > "\xff":
            raise ConfigError(
                f"The header {name!r} holds a character that HTTP can't carry: correct its value."
            )
    return "\r\n".join([*lines, "", ""]).encode("latin-1")

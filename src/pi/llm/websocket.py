"""A WebSocket on our own connections: proxies and TLS are theirs, `websockets` frames and keeps the rules."""

import asyncio
from collections import deque
from collections.abc import Mapping

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from pi.llm.connection import Connection, open_connection, request_head
from pi.llm.errors import TransportError
from pi.llm.http import user_agent
from pi.llm.proxy import parse_url, proxy_for, proxy_headers

_BUFFER = 1_000_000  # bytes that may wait for the reader before the socket is left alone
_MESSAGE_LIMIT = 64_000_000  # bytes


class WebSocketRefused(TransportError):
    """The host answers the handshake, but with another status; header names in lower case."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes):
        super().__init__(f"WebSocket error: the host answers {status} to the handshake.", status=status)
        self.headers = headers
        self.body = body


class WebSocket(asyncio.Protocol):
    """An open WebSocket; a single reader waits for its messages. Pings are answered by themselves."""

    def __init__(self, connection: Connection, rules: ClientProtocol):
        self.headers: dict[str, str] = {}  # of the handshake's answer, names in lower case
        self._loop = connection.loop
        self._transport = connection.transport
        self._rules = rules
        self._parts: list[bytes] = []  # of a message whose last frame hasn't come
        self._messages: deque[bytes] = deque()
        self._buffered = 0
        self._end: TransportError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent, as far as is known."""
        return self._end is None and self._rules.state is State.OPEN

    async def shake_hands(self, head: bytes) -> None:
        """Send the head of the handshake's request; raises WebSocketRefused for any answer but a yes."""
        self._transport.write(head)
        while self._rules.state is State.CONNECTING and self._rules.handshake_exc is None and not self._end:
            await self._arrival()
        match self._rules.handshake_exc:
            case None:
                if self._end and self._rules.state is State.CONNECTING:
                    raise self._end
            case InvalidStatus(response=answer):
                headers = {name.lower(): value for name, value in answer.headers.raw_items()}
                raise WebSocketRefused(answer.status_code, headers, bytes(answer.body or b""))
            case error:
                raise TransportError(f"WebSocket error: {error}")

    def send(self, text: bytes) -> None:
        """Send a text message; raises TransportError when the peer has closed."""
        if self._end:
            raise self._end
        self._rules.send_text(text)
        self._flush()

    async def receive(self, idle_timeout_ms: int = 0) -> bytes:
        """The next message as it came, waiting for it at most so long (ms, 0: for ever).

        Raises TransportError once all messages are read and the peer has closed, or on an idle timeout.
        """
        while not self._messages:
            if self._end:
                raise self._end
            try:
                async with asyncio.timeout(idle_timeout_ms / 1000 or None):
                    await self._arrival()
            except TimeoutError:
                self.close("idle_timeout")
                raise TransportError(f"WebSocket idle timeout after {idle_timeout_ms}ms") from None
        message = self._messages.popleft()
        self._release(len(message))
        return message

    def forget(self) -> None:
        """Drop the messages that nobody waited for."""
        self._messages.clear()
        self._release(self._buffered)

    def close(self, reason: str = "done") -> None:
        """Say goodbye and close the socket now, whatever is under way; doing it twice is harmless."""
        if self.is_open:
            self._rules.send_close(CloseCode.NORMAL_CLOSURE, reason)
            self._flush()
        self._finish("WebSocket closed")
        self._transport.abort()  # what the kernel has taken still goes out

    async def _arrival(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _release(self, size: int) -> None:
        if self._buffered > _BUFFER >= self._buffered - size and not self._end:
            self._transport.resume_reading()
        self._buffered -= size

    def _flush(self) -> None:
        for data in self._rules.data_to_send():
            if data:  # nothing stands for the end, which `abort` brings
                self._transport.write(data)

    def _finish(self, text: str) -> None:
        """There will be no more messages; the first reason counts."""
        self._end = self._end or TransportError(text)
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def _take(self, frame: Frame) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        self._parts.append(bytes(frame.data))
        if frame.fin:
            message = b"".join(self._parts)
            self._parts = []
            self._messages.append(message)
            self._buffered += len(message)

    # asyncio calls the rest

    def data_received(self, data: bytes) -> None:
        rules = self._rules
        rules.receive_data(data)
        self._flush()
        for event in rules.events_received():
            if isinstance(event, Frame):
                self._take(event)
            elif rules.handshake_exc is None:
                self.headers = {name.lower(): value for name, value in event.headers.raw_items()}
        if rules.parser_exc:
            self._finish(f"WebSocket error: the host breaks the protocol ({rules.parser_exc}).")
        elif rules.close_rcvd:
            code, reason = rules.close_rcvd.code, rules.close_rcvd.reason
            if code == CloseCode.MESSAGE_TOO_BIG:
                reason = reason or "message too big"
            self._finish(f"WebSocket closed {code} {reason}".rstrip())
        if self._end:
            self._transport.abort()
        elif self._buffered > _BUFFER:
            self._transport.pause_reading()
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def eof_received(self) -> None:
        self._rules.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(f"WebSocket closed {CloseCode.ABNORMAL_CLOSURE.value}")


async def open_websocket(
    url: str, *, headers: Mapping[str, str], timeout_ms: int = 15_000, proxy: str | None = None
) -> WebSocket:
    """A WebSocket to an http: or https: URL, open; `timeout_ms` is for all of it (0: none).

    `proxy` beats HTTP_PROXY, HTTPS_PROXY and ALL_PROXY; NO_PROXY beats them all. Raises WebSocketRefused and
    other TransportErrors, ConfigError for what can't be sent.
    """
    to = parse_url(url)
    via = proxy_for(to, proxy)
    rules = ClientProtocol(parse_uri("ws" + url.removeprefix("http")), max_size=_MESSAGE_LIMIT)
    fields = {"user-agent": user_agent()} | {name.lower(): value for name, value in headers.items()}
    fields |= {name.lower(): value for name, value in rules.connect().headers.raw_items()}
    target = to.target
    if via and to.scheme == "http":
        target = f"http://{to.authority}{target}"
        fields |= proxy_headers(via)
    head = request_head("GET", target, fields)
    try:
        async with asyncio.timeout(timeout_ms / 1000 or None):
            socket = WebSocket(await open_connection(to, via, 0), rules)
            try:
                await socket.shake_hands(head)
            except BaseException:  # also a cancellation: the socket must not leak
                socket.close()
                raise
            return socket
    except TimeoutError:
        raise TransportError(f"WebSocket connect timeout after {timeout_ms}ms") from None

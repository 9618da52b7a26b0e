"""A host on loopback that speaks HTTP and WebSocket on one port; a script says what each connection gets."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.frames import Close, Frame, Opcode
from websockets.server import ServerProtocol

PATIENCE_S = 10


class Peer:
    """One accepted connection, as a script sees it; `number` counts from 1."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.number = number
        self.writer = writer
        self.head = ""
        self.closed: Close | None = None  # how the client ended the WebSocket
        self.pongs: list[bytes] = []
        self._reader = reader
        self._rules = ServerProtocol(max_size=None)
        self._heard: list[bytes] = []
        self._peeked = ""

    async def peek(self) -> str:
        """The head of the next request, which is still to be taken."""
        if not self._peeked:
            self._peeked = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        return self._peeked

    async def request(self) -> Any:
        """The next request over HTTP; its head goes to `head`, its body comes back, read as JSON."""
        self.head, self._peeked = await self.peek(), ""
        length = int(self.headers.get("content-length", 0))
        body = await self._reader.readexactly(length)
        return json.loads(body) if body else None

    @property
    def headers(self) -> dict[str, str]:
        """Those of the last request, names in lower case."""
        lines = (line.partition(": ") for line in self.head.split("\r\n")[1:] if line)
        return {name.lower(): value for name, _, value in lines}

    async def greet(self, **headers: str) -> None:
        """Take the handshake and say yes."""
        await self.request()
        self._rules.receive_data(self.head.encode())
        [asked] = self._rules.events_received()
        answer = self._rules.accept(asked)
        for name, value in headers.items():
            answer.headers[name.replace("_", "-")] = value
        self._rules.send_response(answer)
        await self.flush()

    async def refuse(self, status: int, body: bytes = b"", headers: str = "") -> None:
        """Take a request and answer it, with something else than a WebSocket."""
        await self.request()
        head = f"HTTP/1.1 {status} X\r\n{headers}content-length: {len(body)}\r\n\r\n"
        await self.write(head.encode() + body)

    async def write(self, data: bytes, step: int = 1 << 20) -> None:
        for at in range(0, len(data), step):
            self.writer.write(data[at : at + step])
            await self.writer.drain()

    async def flush(self, step: int = 1 << 20) -> None:
        await self.write(b"".join(self._rules.data_to_send()), step)

    async def say(self, *values: Any, step: int = 1 << 20) -> None:
        """Send messages: bytes as they are, anything else as JSON."""
        for value in values:
            self._rules.send_text(value if isinstance(value, bytes) else json.dumps(value).encode())
        await self.flush(step)

    async def frames(self, *frames: Frame, step: int = 1 << 20) -> None:
        """Send these frames, whatever the rules say."""
        await self.write(b"".join(frame.serialize(mask=False) for frame in frames), step)

    async def goodbye(self, code: int, reason: str = "") -> None:
        await self.frames(Frame(Opcode.CLOSE, Close(code, reason).serialize()))

    async def hear(self) -> Any:
        """The client's next message, read as JSON; None when it has closed."""
        while not self._heard:
            if not await self._listen():
                return None
        return json.loads(self._heard.pop(0))

    async def ponged(self, count: int) -> list[bytes]:
        """What came back of the pings, once it is so many."""
        while len(self.pongs) < count and await self._listen():
            pass
        return self.pongs

    async def gone(self) -> Close | None:
        """Until the client has closed its end of the socket; with which words it did."""
        while await self.hear() is not None:
            pass
        return self.closed

    async def _listen(self) -> bool:
        """Take in what the client sends next; False at its end."""
        try:
            data = await self._reader.read(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            return False
        self._rules.receive_data(data)
        for frame in self._rules.events_received():
            assert isinstance(frame, Frame)
            match frame.opcode:
                case Opcode.TEXT:
                    self._heard.append(bytes(frame.data))
                case Opcode.PONG:
                    self.pongs.append(bytes(frame.data))
                case _:
                    self.closed = self._rules.close_rcvd
        return True


Script = Callable[[Peer], Awaitable[None]]


@asynccontextmanager
async def serving(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The URL of a host that plays the script for each connection, and then closes it."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(peer: Peer) -> None:
        try:
            await script(peer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            peer.writer.transport.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(serve(Peer(len(tasks) + 1, reader, writer))))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        for end in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(end, Exception):
                raise end


def run(main: Callable[[], Awaitable[Any]]) -> Any:
    """What `main` gives, in an event loop of its own."""
    import gc

    async def limited() -> Any:
        return await asyncio.wait_for(main(), PATIENCE_S)

    result = asyncio.run(limited())
    gc.collect()  # a socket that nobody closed would warn now, and warnings are errors
    return result

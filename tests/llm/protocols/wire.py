"""A host on this machine that answers one request with given bytes, and what a protocol makes of them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pi.llm.draft import Draft
from pi.llm.errors import ProviderError
from pi.llm.messages import Context, UserMessage
from pi.llm.models import Model
from pi.llm.options import StreamOptions

KEYED = StreamOptions(api_key="k")
CONTEXT = Context((UserMessage("hi", 1),))
T = TypeVar("T")
Request = tuple[str, Any]  # its head, and its body read as JSON


def data(value: Any) -> bytes:
    """A server-sent event."""
    text = value if isinstance(value, str) else json.dumps(value)
    return f"data: {text}\n\n".encode()


def answer(*parts: bytes, status: int = 200, headers: str = "", cut: bool = False) -> bytes:
    """A response as bytes; a `cut` one promises more than it sends."""
    body = b"".join(parts)
    length = len(body) + (10 if cut else 0)
    return f"HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n".encode() + body


async def serve(raw: bytes, use: Callable[[str], Awaitable[T]]) -> tuple[T, list[Request]]:
    """Answers one request with these bytes; gives what `use(host)` gives, and the request as it came."""
    seen: list[Request] = []

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        seen.append((head.decode(), json.loads(await reader.readexactly(int(length.split(b":")[1])))))
        writer.write(raw)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", 0)
    try:
        return await use(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"), seen
    finally:
        server.close()
        await server.wait_closed()


def read(
    raw: bytes, stream: Callable[..., Any], model_at: Callable[[str], Model]
) -> tuple[list[Any], Draft, ProviderError | None]:
    """Events, draft and error of a request that is answered by these bytes."""
    found: list[Any] = []

    async def use(host: str) -> tuple[Draft, ProviderError | None]:
        draft = Draft(model_at(host))
        try:
            async for event in stream(draft, CONTEXT, KEYED):
                found.append(event)
        except ProviderError as error:
            return draft, error
        return draft, None

    (draft, error), _ = asyncio.run(serve(raw, use))
    return found, draft, error

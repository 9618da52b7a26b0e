"""Amazon's and Google's services on this machine: hosts that answer as a test says, and AWS event streams."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from struct import pack
from typing import Any
from zlib import crc32

Seen = list[tuple[str, bytes]]  # head and body of each request


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """A message of an AWS event stream."""
    packed = b"".join(
        pack(">B", len(name.encode())) + name.encode() + pack(">BH", 7, len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    return sealed(packed, payload)


def sealed(headers: bytes, payload: bytes) -> bytes:
    """Likewise, with headers that are packed already."""
    prelude = pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + pack(">I", crc32(prelude)) + headers + payload
    return message + pack(">I", crc32(message))


def event(name: str, **value: Any) -> bytes:
    """An event, with the padding by which Bedrock hides the lengths of words."""
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps(value | {"p": "abcdef"}).encode())


def exception(name: str, **value: Any) -> bytes:
    """A failure in mid-stream."""
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps(value).encode())


def delta(index: int, **piece: Any) -> bytes:
    return event("contentBlockDelta", contentBlockIndex=index, delta=piece)


START = event("messageStart", role="assistant")
STOP = event("messageStop", stopReason="end_turn")


@asynccontextmanager
async def host(answer: Callable[[str, bytes], bytes]) -> AsyncGenerator[tuple[str, Seen]]:
    """Answers every request with the bytes that `answer(head, body)` gives; yields its URL and what came."""
    seen: Seen = []

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = header(head, "content-length") or "0"
        body = await reader.readexactly(int(length))
        seen.append((head, body))
        writer.write(answer(head, body))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(client, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen


def header(head: str, name: str) -> str | None:
    """The value of a header in a head, None if it isn't there."""
    for line in head.split("\r\n")[1:]:
        given, _, value = line.partition(":")
        if given.lower() == name:
            return value.strip()
    return None


def answered(value: Any, status: int = 200) -> bytes:
    """A whole response with this JSON, or these bytes."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def signature_of(url: str, headers: dict[str, str], body: bytes, secret: str) -> tuple[str, str]:
    """The signature in a request, and the one that Amazon computes when such a request comes in."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    parts = dict(part.strip().split("=", 1) for part in headers["authorization"].split(" ", 1)[1].split(","))
    key, _, region, service, _ = parts["Credential"].split("/")
    covered = {name: headers[name] for name in parts["SignedHeaders"].split(";") if name != "host"}
    request = AWSRequest("POST", url, covered, body)
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials(key, secret), service, region)
    return parts["Signature"], auth.signature(
        auth.string_to_sign(request, auth.canonical_request(request)), request
    )

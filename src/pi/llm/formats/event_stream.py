"""AWS event streams out of the raw bytes of a response body: framed messages with headers of their own."""

from collections.abc import AsyncIterator
from struct import Struct
from zlib import crc32

from pi.llm.errors import ProtocolError

Message = tuple[dict[str, str], bytes]  # its headers, as far as they are text, and its payload

_PRELUDE = Struct(">III")  # bytes of the whole message and of its headers, and their checksum
_CHECKSUM = 4
_LIMIT = 25_000_000  # bytes of a message: AWS allows 24 MB of payload
_WIDTHS = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}  # of a header's value, by its type
_BYTES, _TEXT = 6, 7  # these types say their width


async def framed_messages(chunks: AsyncIterator[bytes]) -> AsyncIterator[Message]:
    """Each message, however the bytes are cut; a last one that isn't complete is dropped.

    Raises ProtocolError for bytes that are no such stream.
    """
    buffer = bytearray()
    async for chunk in chunks:
        buffer += chunk
        while (frame := _take(buffer)) is not None:
            end = _PRELUDE.size + int.from_bytes(frame[4:8])
            yield _headers(frame[_PRELUDE.size : end]), frame[end:-_CHECKSUM]


def _take(buffer: bytearray) -> bytes | None:
    """Cut the first message off; None until it is complete."""
    if len(buffer) < _PRELUDE.size:
        return None
    length, headers, checksum = _PRELUDE.unpack_from(buffer)
    if crc32(buffer[:8]) != checksum or not _PRELUDE.size + headers + _CHECKSUM <= length <= _LIMIT:
        raise _garbled("its frames don't begin as they should")
    if len(buffer) < length:
        return None
    frame = bytes(buffer[:length])
    del buffer[:length]
    if crc32(frame[:-_CHECKSUM]) != int.from_bytes(frame[-_CHECKSUM:]):
        raise _garbled("a checksum is wrong")
    return frame


def _headers(data: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    at = 0
    while at < len(data):
        start = at + 1
        at = start + data[at]
        name, kind = data[start:at].decode("utf-8", "replace"), data[at : at + 1]
        at += 1
        if kind in (bytes((_BYTES,)), bytes((_TEXT,))):
            width = int.from_bytes(data[at : at + 2])
            at += 2
        else:
            width = _WIDTHS.get(int.from_bytes(kind), -1)
        if width < 0 or at + width > len(data):
            raise _garbled("a header is cut")
        if kind[0] == _TEXT:
            headers[name] = data[at : at + width].decode("utf-8", "replace")
        at += width
    return headers


def _garbled(why: str) -> ProtocolError:
    return ProtocolError(f"The answer is no AWS event stream: {why}. Is the address Bedrock's? Try again.")

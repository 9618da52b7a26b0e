"""Server-sent events out of the raw bytes of a response body."""

from collections.abc import AsyncIterator

import msgspec

from pi.llm.options import StreamEventHook


async def sse_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[tuple[str, bytes]]:
    """Event name ("" when there is none) and data of each event, however the bytes are cut.

    A last event without its blank line counts if its data looks whole (ends with `}` or `]`): some servers
    join their events by blank lines and end after the last one. A cut one is dropped.
    """
    pieces: list[bytes] = []  # of an event that isn't complete; joined only when a line ends
    after_cr = False
    async for chunk in chunks:
        if after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            after_cr = False
        if b"\r" in chunk:
            after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        pieces.append(chunk)
        if b"\n" not in chunk:
            continue
        *blocks, rest = b"".join(pieces).split(b"\n\n")
        pieces = [rest]
        for block in blocks:
            if block.startswith(b"data: ") and b"\n" not in block:
                yield "", block[6:]
            elif event := _event(block):
                yield event
    event = _event(b"".join(pieces))
    if event and event[1].endswith((b"}", b"]")):
        yield event


def watched(
    events: AsyncIterator[tuple[str, bytes]], watch: StreamEventHook | None
) -> AsyncIterator[tuple[str, bytes]]:
    """The same events, each shown to `watch` first, decoded; what isn't JSON (`[DONE]`) is left out."""
    return events if watch is None else _watched(events, watch)


async def _watched(
    events: AsyncIterator[tuple[str, bytes]], watch: StreamEventHook
) -> AsyncIterator[tuple[str, bytes]]:
    async for name, data in events:
        try:
            value = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        else:
            await watch(value)
        yield name, data


def _event(block: bytes) -> tuple[str, bytes] | None:
    name = ""
    data: list[bytes] = []
    for line in block.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode(errors="replace")
    return (name, b"\n".join(data)) if data else None

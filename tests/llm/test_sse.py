"""Events come out of the bytes as the standard says, wherever the network cuts them."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.llm.sse import sse_events


def events(*chunks: bytes) -> list[tuple[str, bytes]]:
    async def pieces() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async def main() -> list[tuple[str, bytes]]:
        return [event async for event in sse_events(pieces())]

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b'data: {"a":1}\n\n', [("", b'{"a":1}')]),
        (b"event: ping\ndata: {}\n\ndata: x\n\n", [("ping", b"{}"), ("", b"x")]),
        (b"data: a\ndata: b\n\n", [("", b"a\nb")]),
        (b"data:a\n\ndata:  b\n\n", [("", b"a"), ("", b" b")]),
        (b"data\n\ndata:\n\n", [("", b""), ("", b"")]),
        (b": comment\n\n:\n\nid: 7\nretry: 9\ndata: x\nother: y\n\n", [("", b"x")]),
        (b"event: nothing\n\ndata: x\n\n", [("", b"x")]),
        (b"\n\n\n\ndata: a\n\n\ndata: b\n\n", [("", b"a"), ("", b"b")]),
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\r\n", [("", b"a"), ("", b"b"), ("", b"c")]),
        (b"\xef\xbb\xbfdata: a\n\n", [("", b"a")]),
        (b"data: a\x00\xff\n\n", [("", b"a\x00\xff")]),
        (b"", []),
    ],
)
def test_an_event_is_what_the_standard_says_wherever_it_is_cut(
    stream: bytes, expected: list[tuple[str, bytes]]
) -> None:
    assert events(stream) == expected
    assert events(*(bytes([byte]) for byte in stream)) == expected
    for at in range(len(stream)):
        assert events(stream[:at], b"", stream[at:]) == expected


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_last_event_without_its_blank_line_counts_when_it_is_whole(end: bytes) -> None:
    assert events(b"data: a\n\ndata: [DONE]" + end) == [("", b"a"), ("", b"[DONE]")]
    assert events(b'event: e\ndata: {"a":1}' + end) == [("e", b'{"a":1}')]


def test_a_last_event_that_is_cut_is_dropped() -> None:
    assert events(b'data: {"a":1}\n\ndata: {"a":') == [("", b'{"a":1}')]


name = st.sampled_from(["", "ping", "délta"])
line = st.binary(max_size=20).filter(lambda data: not set(data) & {10, 13})
data_lines = st.lists(line, min_size=1, max_size=3)


@given(
    st.lists(st.tuples(name, data_lines), max_size=5),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.data(),
)
def test_what_was_written_is_read_back_however_it_is_cut(
    written: list[tuple[str, list[bytes]]], end: bytes, data: st.DataObject
) -> None:
    stream = b""
    for event, lines in written:
        head = [b"event: " + event.encode()] if event else []
        stream += end.join([*head, *(b"data: " + line for line in lines), b"", b""])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert events(*pieces) == [(event, b"\n".join(lines)) for event, lines in written]

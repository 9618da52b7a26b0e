"""AWS event streams: what becomes of their bytes, however they are cut; Amazon's own reader agrees."""

import asyncio
from itertools import pairwise
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.llm.errors import ProtocolError
from pi.llm.formats.event_stream import framed_messages
from tests.llm.protocols.cloud import frame, sealed

SHORT = st.text(max_size=20)
HEADERS = st.dictionaries(st.text(min_size=1, max_size=10), SHORT, max_size=4)
MESSAGES = st.lists(st.tuples(HEADERS, st.binary(max_size=60)), max_size=4)
ONE = frame({":event-type": "messageStop"}, b"{}")


def read(*pieces: bytes) -> list[tuple[dict[str, str], bytes]]:
    async def chunks():
        for piece in pieces:
            yield piece

    async def collect():
        return [message async for message in framed_messages(chunks())]

    return asyncio.run(collect())


@given(MESSAGES, st.lists(st.integers(0, 400), max_size=6))
def test_however_the_bytes_are_cut_the_messages_are_the_same(messages, cuts):
    raw = b"".join(frame(headers, payload) for headers, payload in messages)
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    assert read(*(raw[start:end] for start, end in pairwise(edges))) == messages


@given(MESSAGES)
def test_amazons_reader_reads_the_same(messages):
    buffer = pytest.importorskip("botocore.eventstream").EventStreamBuffer()
    raw = b"".join(frame(headers, payload) for headers, payload in messages)
    buffer.add_data(raw)
    assert [(message.headers, message.payload) for message in buffer] == read(raw)


def test_headers_that_are_no_text_are_passed_over():
    kinds = {
        0: b"",
        1: b"",
        2: b"x",
        3: b"xx",
        4: b"xxxx",
        5: b"x" * 8,
        6: b"\0\x03xxx",
        8: b"x" * 8,
        9: b"x" * 16,
    }
    packed = b"".join(b"\x01k" + pack(">B", kind) + value for kind, value in kinds.items())
    assert read(sealed(packed + b"\x01t\x07\0\x02ok", b"{}")) == [({"t": "ok"}, b"{}")]


@pytest.mark.parametrize("at", range(len(ONE)))
def test_a_byte_that_is_wrong_is_never_read_as_a_message(at):
    broken = ONE[:at] + bytes((ONE[at] ^ 1,)) + ONE[at + 1 :]
    with pytest.raises(ProtocolError, match="is no AWS event stream"):
        read(broken)


@pytest.mark.parametrize("size", [1, 11, 12, len(ONE) - 1])
def test_a_message_that_is_cut_at_the_end_is_dropped(size):
    assert read(ONE + ONE[:size]) == [({":event-type": "messageStop"}, b"{}")]


@pytest.mark.parametrize("headers", [b"\x05a", b"\x01k", b"\x01k\x07\0", b"\x01k\x07\0\x09a", b"\x01k\x63"])
def test_headers_that_make_no_sense_are_an_error(headers):
    with pytest.raises(ProtocolError, match="a header is cut"):
        read(sealed(headers, b"{}"))


def test_something_else_is_an_error_at_once():
    with pytest.raises(ProtocolError, match="Is the address Bedrock's"):
        read(b"<html>login page</html>")

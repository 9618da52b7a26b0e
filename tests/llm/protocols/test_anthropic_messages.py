import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from pi.llm.draft import Draft
from pi.llm.errors import ProviderError
from pi.llm.events import BlockDelta, BlockEnd, BlockStart, StreamEnd, StreamEvent, StreamStart
from pi.llm.formats.anthropic_payload import build_payload
from pi.llm.messages import (
    AssistantMessage,
    Context,
    Cost,
    StopReason,
    Text,
    Thinking,
    ToolCall,
    Usage,
    UserMessage,
)
from pi.llm.models import Model, ModelCost
from pi.llm.options import StreamOptions
from pi.llm.protocols.anthropic_messages import stream
from pi.llm.stream import ask

MODEL = Model(
    "claude",
    "anthropic",
    "anthropic-messages",
    "http://127.0.0.1",
    reasoning=True,
    input=("text", "image"),
    cost=ModelCost(1_000_000, 1_000_000, 1_000_000, 1_000_000),
    max_tokens=32_000,
)
HI = UserMessage("hi", 1)
KEY = StreamOptions(api_key="sk-test")
START = {"type": "message_start", "message": {"id": "msg_1", "model": "claude", "usage": {"input_tokens": 3}}}
STOP = {"type": "message_stop"}

Wire = dict[str, Any]


def start(index: int, **block: Any) -> Wire:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, **piece: Any) -> Wire:
    return {"type": "content_block_delta", "index": index, "delta": piece}


def end(index: int) -> Wire:
    return {"type": "content_block_stop", "index": index}


def stop(reason: str | None, usage: Wire | None = None, **details: Any) -> Wire:
    return {"type": "message_delta", "delta": {"stop_reason": reason, **details}, "usage": usage}


def sse(*events: Wire | bytes) -> bytes:
    """Events as the server writes them; bytes go out as they are."""
    return b"".join(
        event
        if isinstance(event, bytes)
        else f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        for event in events
    )


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    fields = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status}\r\n{fields}connection: close\r\n\r\n".encode() + body


def run(
    response: bytes, model: Model = MODEL, options: StreamOptions = KEY, context: Context | None = None
) -> tuple[list[StreamEvent], bytes]:
    """Ask a server on loopback that gives this response; the events, and the request as it arrived."""

    async def talk() -> tuple[list[StreamEvent], bytes]:
        arrived = bytearray()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            arrived.extend(head + await reader.readexactly(length))
            writer.write(response)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            there = replace(model, base_url=f"http://127.0.0.1:{port}")
            events = [event async for event in ask(there, context or Context((HI,)), options)]
        return events, bytes(arrived)

    return asyncio.run(talk())


def finished(response: bytes, model: Model = MODEL) -> AssistantMessage:
    last = run(response, model)[0][-1]
    assert isinstance(last, StreamEnd)
    return last.message


def test_an_answer_streams_in_order_and_ends_whole() -> None:
    events, request = run(
        answer(
            sse(
                START,
                {"type": "ping"},
                start(0, type="thinking", thinking="", signature=""),
                delta(0, type="thinking_delta", thinking="hm"),
                delta(0, type="signature_delta", signature="c2"),
                delta(0, type="signature_delta", signature="ln"),
                end(0),
                start(1, type="redacted_thinking", data="enc"),
                end(1),
                start(2, type="text", text=""),
                delta(2, type="text_delta", text="Hel"),
                delta(2, type="text_delta", text="lo"),
                end(2),
                start(3, type="tool_use", id="t1", name="read", input={}),
                delta(3, type="input_json_delta", partial_json='{"path"'),
                delta(3, type="input_json_delta", partial_json=':"a"}'),
                end(3),
                stop("tool_use", {"output_tokens": 7}),
                STOP,
            )
        )
    )

    call = ToolCall("t1", "read", {"path": "a"})
    end_event = events.pop()
    assert events == [
        StreamStart(),
        BlockStart("thinking_start", 0),
        BlockDelta("thinking_delta", 0, "hm"),
        BlockEnd("thinking_end", 0, "hm"),
        BlockStart("thinking_start", 1),
        BlockEnd("thinking_end", 1, "[Reasoning redacted]"),
        BlockStart("text_start", 2),
        BlockDelta("text_delta", 2, "Hel"),
        BlockDelta("text_delta", 2, "lo"),
        BlockEnd("text_end", 2, "Hello"),
        BlockStart("toolcall_start", 3, "t1", "read"),
        BlockDelta("toolcall_delta", 3, '{"path"'),
        BlockDelta("toolcall_delta", 3, ':"a"}'),
        BlockEnd("toolcall_end", 3, tool_call=call),
    ]
    assert isinstance(end_event, StreamEnd)
    assert replace(end_event.message, timestamp=0) == AssistantMessage(
        (Thinking("hm", "c2ln"), Thinking("[Reasoning redacted]", "enc", redacted=True), Text("Hello"), call),
        "anthropic-messages",
        "anthropic",
        "claude",
        Usage(3, 7, 0, 0, 10, Cost(3, 7, 0, 0, 10), cache_write_1h=0),
        "toolUse",
        0,
        response_id="msg_1",
        raw_stop_reason="tool_use",
    )
    head, _, sent = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/messages?beta=true HTTP/1.1\r\n")
    assert json.loads(sent) == build_payload(MODEL, Context((HI,)), KEY)


def test_usage_is_live_and_later_counts_replace_earlier_ones() -> None:
    first: Wire = {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 5}
    first |= {"cache_creation_input_tokens": 4, "cache_creation": {"ephemeral_1h_input_tokens": 3}}
    last = {"input_tokens": None, "output_tokens": 8.0, "output_tokens_details": {"thinking_tokens": 2}}
    begun = START | {"message": START["message"] | {"usage": first}}

    usage = finished(answer(sse(begun, stop("end_turn", last), STOP))).usage
    cut = finished(answer(sse(begun))).usage

    assert usage == Usage(10, 8, 5, 4, 27, Cost(10, 8, 5, 7, 30), reasoning=2, cache_write_1h=3)
    assert cut == Usage(10, 1, 5, 4, 20, Cost(10, 1, 5, 7, 23), cache_write_1h=3)


@pytest.mark.parametrize(
    ("reason", "stop_reason", "error"),
    [
        ("end_turn", "stop", None),
        ("stop_sequence", "stop", None),
        ("pause_turn", "stop", None),
        ("max_tokens", "length", None),
        ("tool_use", "toolUse", None),
        ("refusal", "error", "The model refused to complete the request"),
        ("sensitive", "error", "Provider stopped with: sensitive"),
        ("novel", "error", "Unhandled stop reason: novel"),
    ],
)
def test_every_stop_reason_has_its_meaning(reason: str, stop_reason: StopReason, error: str | None) -> None:
    message = finished(answer(sse(START, stop(reason), STOP)))

    assert (message.stop_reason, message.raw_stop_reason, message.error_message) == (
        stop_reason,
        reason,
        error,
    )


def test_a_refusal_gives_its_explanation() -> None:
    refused = stop("refusal", stop_details={"explanation": "Not this one."})

    assert finished(answer(sse(START, refused, STOP))).error_message == "Not this one."


UNENDED = "Anthropic stream ended before message_stop"
UNREASONED = "Anthropic stream ended without a stop reason"
OVERLOADED = '{"type":"error","error":{"type":"overloaded_error"}}'
FELL_BACK = "Anthropic performed an unsupported mid-output model fallback"
HALF = (start(0, type="text"), delta(0, type="text_delta", text="half"))


@pytest.mark.parametrize(
    ("events", "error"),
    [
        ((START, *HALF), UNENDED),
        ((START, *HALF, end(0), stop("end_turn")), UNENDED),
        ((START, *HALF, STOP), UNREASONED),
        ((*HALF,), UNREASONED),
        ((START, *HALF, f"event: error\ndata: {OVERLOADED}\n\n".encode()), OVERLOADED),
        ((START, *HALF, start(1, type="fallback")), FELL_BACK),
    ],
)
def test_a_stream_that_breaks_off_says_how_and_keeps_what_came(
    events: Sequence[Wire | bytes], error: str
) -> None:
    message = finished(answer(sse(*events)))

    assert (message.stop_reason, message.error_message) == ("error", error)
    assert message.text == "half"


def test_an_event_that_cannot_be_read_is_named() -> None:
    message = finished(answer(sse(START, b'event: content_block_delta\ndata: {"broken": \n\n')))

    assert message.stop_reason == "error"
    assert (message.error_message or "").startswith(
        "Could not parse Anthropic SSE event content_block_delta: "
    )
    assert (message.error_message or "").endswith('; data={"broken": ')


def test_an_empty_answer_is_a_failure() -> None:
    assert finished(answer(b"")).error_message == UNREASONED


def test_lines_without_a_name_and_unknown_events_are_passed_over() -> None:
    strange = (
        b'data: {"broken": \n\n',
        b"event: novelty\ndata: nothing\n\n",
        start(7, type="novelty"),
        delta(7, type="text_delta", text="lost"),
        delta(0, type="citations_delta", citation={}),
        delta(0, type="thinking_delta", thinking="wrong kind"),
        end(9),
    )
    events = sse(
        START, start(0, type="text", text="a"), *strange, delta(0, type="text_delta", text="b"), end(0)
    )

    assert finished(answer(events + sse(stop("end_turn"), STOP))).content == (Text("ab"),)


def test_what_servers_write_loosely_is_read_as_it_was_meant() -> None:
    odd_text = b'{"index":0.0,"delta":{"type":"text_delta","text":"a\tb \\ud83d!"}}'
    loose = (
        START | {"message": {"id": None, "model": "claude", "usage": None, "extra": [1]}},
        start(0, type="text", text=None),
        b"event: content_block_delta\ndata: " + odd_text + b"\n\n",
        start(1, type="tool_use", id="t", name="read", input={"path": "whole"}),
        end(1),
        stop("end_turn", {"output_tokens": None}),
        STOP,
    )

    message = finished(answer(sse(*loose)))

    assert message.content == (Text("a\tb !"), ToolCall("t", "read", {"path": "whole"}))
    assert message.stop_reason == "stop"


def test_another_model_that_answered_is_named_and_a_fallbacks_prices_hold() -> None:
    fallback = {"provider": "anthropic", "model": "small", "cost": {"input": 2_000_000}}
    model = replace(MODEL, compat={"allowedFallbackModels": [fallback]})
    begun = START | {"message": START["message"] | {"model": "small"}}

    message = finished(answer(sse(begun, start(0, type="fallback"), stop("end_turn"), STOP)), model)

    assert (message.model, message.response_model) == ("claude", "small")
    assert message.usage.cost == Cost(6, 0, 0, 0, 6)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            '{"type": "error",\n "error": {"type": "rate_limit_error", "message": "Slow dôwn"}}',
            '429 {"type":"error","error":{"type":"rate_limit_error","message":"Slow dôwn"}}',
        ),
        ('{"message": "plain"}', "429 plain"),
        ('{"message": {"a": 1}}', '429 {"a":1}'),
        ("<html>busy</html>", "429 <html>busy</html>"),
        ("", "429 status code (no body)"),
    ],
)
def test_an_http_error_gives_status_and_body_and_no_start(text: str, error: str) -> None:
    events, _ = run(answer(text.encode(), "429 Too Many Requests"))

    assert [type(event) for event in events] == [StreamEnd]
    last = events[0]
    assert isinstance(last, StreamEnd)
    assert (last.message.stop_reason, last.message.error_message) == ("error", error)


def test_what_a_server_asks_to_wait_is_handed_on() -> None:
    async def talk() -> ProviderError:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer(b"{}", "529 Overloaded", "retry-after: 7"))
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            draft = Draft(replace(MODEL, base_url=f"http://127.0.0.1:{port}/"))
            with pytest.raises(ProviderError) as caught:
                async for _ in stream(draft, Context((HI,)), KEY):
                    pass
        return caught.value

    error = asyncio.run(talk())
    assert (error.status, error.retry_after_ms) == (529, 7_000)

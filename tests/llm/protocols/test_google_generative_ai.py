"""Gemini: what becomes of the bytes that the server answers with."""

import asyncio
import json
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.llm.draft import Draft
from pi.llm.errors import ProtocolError, TransportError
from pi.llm.events import BlockDelta, BlockEnd, BlockStart, StreamStart
from pi.llm.formats.google_chunks import Chunk, read_chunk
from pi.llm.formats.google_payload import build_payload
from pi.llm.messages import Cost, Text, Thinking, ToolCall, Usage
from pi.llm.models import Model, ModelCost
from pi.llm.protocols.google_generative_ai import stream
from tests.llm.protocols.wire import CONTEXT, KEYED, answer, data, read, serve

NO_REASON = "Google stream ended without a finish reason"
OVERLOADED = {"error": {"code": 503, "message": "Overloaded.", "status": "UNAVAILABLE"}}


def a_model(url="http://127.0.0.1:1/v1beta", **fields):
    known = {"id": "m", "provider": "local", "api": "google-generative-ai", "base_url": url}
    return Model(**(known | fields))


def chunk(*parts, finish=None, **fields):
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    return data({"candidates": [candidate | ({"finishReason": finish} if finish else {})]} | fields)


def calls(*functions, finish="STOP"):
    return chunk(*({"functionCall": function} for function in functions), finish=finish)


def run(raw, **fields):
    return read(raw, stream, lambda host: a_model(f"{host}/v1beta", **fields))


@pytest.mark.parametrize(
    ("id", "path"),
    [
        ("gemini-4-argon", "models/gemini-4-argon"),
        ("models/m", "models/m"),
        ("tunedModels/m", "tunedModels/m"),
        ("a?b c", "models/a%3Fb%20c"),
    ],
)
def test_a_request_is_posted_with_key_and_body(id, path):
    async def use(host):
        draft = Draft(a_model(host + "/v1beta/", id=id))
        return [event async for event in stream(draft, CONTEXT, KEYED)]

    events, [(head, body)] = asyncio.run(serve(answer(chunk(finish="STOP")), use))
    assert events == [StreamStart()]
    assert head.startswith(f"POST /v1beta/{path}:streamGenerateContent?alt=sse HTTP/1.1\r\n")
    assert "x-goog-api-key: k\r\n" in head
    assert "accept: */*\r\n" in head
    assert body == build_payload(a_model(id=id), CONTEXT, KEYED)


def test_parts_become_blocks_that_end_when_another_kind_begins():
    events, draft, error = run(
        answer(
            chunk({"text": "I ", "thought": True}, responseId="r1"),
            chunk({"text": "see", "thought": True, "thoughtSignature": "c2ln"}, responseId="r2"),
            chunk({"text": "Loo"}),
            chunk({"text": "k", "thoughtSignature": "YWJj"}, {"text": ".", "thoughtSignature": ""}),
            chunk(
                {"functionCall": {"id": "c1", "name": "read", "args": {"a": "é"}}, "thoughtSignature": "eHl6"}
            ),
            chunk({"text": ""}, finish="STOP"),
        )
    )
    call = ToolCall("c1", "read", {"a": "é"}, "eHl6")
    assert error is None
    assert events == [
        StreamStart(),
        BlockStart("thinking_start", 0),
        BlockDelta("thinking_delta", 0, "I "),
        BlockDelta("thinking_delta", 0, "see"),
        BlockEnd("thinking_end", 0, "I see"),
        BlockStart("text_start", 1),
        BlockDelta("text_delta", 1, "Loo"),
        BlockDelta("text_delta", 1, "k"),
        BlockDelta("text_delta", 1, "."),
        BlockEnd("text_end", 1, "Look."),
        BlockStart("toolcall_start", 2, "c1", "read"),
        BlockDelta("toolcall_delta", 2, '{"a":"é"}'),
        BlockEnd("toolcall_end", 2, tool_call=call),
        BlockStart("text_start", 3),
        BlockDelta("text_delta", 3, ""),
        BlockEnd("text_end", 3, ""),
    ]
    message = draft.freeze(draft.stop_reason)
    assert message.content == (Thinking("I see", "c2ln"), Text("Look.", "YWJj"), call, Text(""))
    assert (message.stop_reason, message.raw_stop_reason) == ("toolUse", "STOP")
    assert (message.response_id, message.response_model) == ("r1", None)


def test_calls_without_an_id_of_their_own_get_one():
    _, draft, error = run(
        answer(
            calls(
                {"name": "ls"},
                {"name": "ls", "id": "x", "args": {}},
                {"id": "x"},
                {"name": "ls", "args": None},
            )
        )
    )
    assert error is None
    made = draft.freeze(draft.stop_reason).tool_calls
    assert [(call.name, call.arguments) for call in made] == [("ls", {}), ("ls", {}), ("", {}), ("ls", {})]
    assert [re.sub(r"_\d+_\d+$", "_", call.id) for call in made] == ["ls_", "x", "_", "ls_"]
    assert len({call.id for call in made}) == 4


def test_a_limit_that_cut_off_a_call_stays_a_limit():
    _, draft, error = run(answer(calls({"name": "ls"}, finish="MAX_TOKENS")))
    assert error is None
    assert (draft.stop_reason, draft.raw_stop_reason) == ("length", "MAX_TOKENS")


@pytest.mark.parametrize("reason", ["SAFETY", "MALFORMED_FUNCTION_CALL", "FINISH_REASON_UNSPECIFIED"])
def test_a_refusal_is_an_error_with_all_that_was_said(reason):
    events, draft, error = run(answer(chunk({"text": "a"}, finish=reason)))
    assert error is None
    assert events[-1] == BlockEnd("text_end", 0, "a")
    assert (draft.stop_reason, draft.raw_stop_reason) == ("error", reason)
    assert draft.error_message == f"Provider stopped with: {reason}"


def test_a_blocked_prompt_says_why():
    _, draft, error = run(answer(data({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})))
    assert error is None
    assert draft.stop_reason == "error"
    assert draft.error_message == "Provider stopped with: PROHIBITED_CONTENT"


def test_a_reason_that_nobody_knows_is_an_error_after_its_text():
    events, draft, error = run(answer(chunk({"text": "a"}, finish="BRAND_NEW")))
    assert isinstance(error, ProtocolError)
    assert str(error) == "Unhandled stop reason: BRAND_NEW"
    assert events[-1] == BlockDelta("text_delta", 0, "a")
    assert draft.raw_stop_reason == "BRAND_NEW"


def test_usage_tells_fresh_and_cached_input_and_counts_thoughts_as_output():
    usage = {
        "promptTokenCount": 1_500,
        "cachedContentTokenCount": 1_000.0,
        "candidatesTokenCount": 30,
        "thoughtsTokenCount": 12,
        "totalTokenCount": 1_542,
    }
    cost = ModelCost(1_000_000, 1_000_000, 1_000_000)
    last = chunk(finish="STOP", usageMetadata=usage)
    _, draft, _ = run(answer(chunk(usageMetadata={"promptTokenCount": 7}), last), cost=cost)
    assert draft.usage == Usage(
        input=500,
        output=42,
        cache_read=1_000,
        total_tokens=1_542,
        reasoning=12,
        cost=Cost(500, 42, 1_000, 0, 1_542),
    )
    _, draft, _ = run(answer(chunk(finish="STOP", usageMetadata={"cachedContentTokenCount": 5})))
    assert draft.usage == Usage(cache_read=5, reasoning=0)


def test_an_answer_without_a_reason_to_stop_is_an_error_with_its_blocks_closed():
    events, _, error = run(answer(chunk({"text": "a"})))
    assert isinstance(error, ProtocolError)
    assert str(error) == NO_REASON
    assert events[-1] == BlockEnd("text_end", 0, "a")


def test_a_connection_that_breaks_leaves_the_block_open():
    events, _, error = run(answer(chunk({"text": "a"}), cut=True))
    assert isinstance(error, TransportError)
    assert str(error).startswith("terminated")
    assert events[-1] == BlockDelta("text_delta", 0, "a")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"broken": ', "Unexpected end of JSON input"),
        ("nonsense", "The provider sent an event that is no JSON: "),
        ('{"candidates": 7}', "The provider sent an event of a foreign shape: "),
    ],
)
def test_an_event_that_cannot_be_read_is_an_error(text, says):
    _, draft, error = run(answer(chunk({"text": "a"}), data(text), chunk({"text": "b"}, finish="STOP")))
    assert isinstance(error, ProtocolError)
    assert str(error).startswith(says)
    assert draft.freeze("error").text == "a"


@pytest.mark.parametrize("text", ["[1]", '"x"', "null", '{"candidates": null}', '{"candidates": []}', "{}"])
def test_an_event_that_says_nothing_is_passed_over(text):
    assert read_chunk(text.encode()) in (Chunk(), Chunk(candidates=[]))


def test_half_a_character_and_a_bare_line_feed_are_read_all_the_same():
    _, draft, error = run(
        answer(
            data('{"candidates":[{"content":{"parts":[{"text":"a\\ud83d\tb"}]}}]}'),
            chunk({"functionCall": {"id": "1", "name": "x", "args": {"a": "\ud83d!"}}}, finish="STOP"),
        )
    )
    assert error is None
    assert draft.freeze("toolUse").content == (Text("a\tb"), ToolCall("1", "x", {"a": "!"}))


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("before", [chunk({"text": "a"}), b""])
def test_an_error_between_the_events_is_told_as_it_is(before, indent):
    text = json.dumps(OVERLOADED, indent=indent) + "\n"
    _, _, error = run(answer(before, text.encode()))
    assert error is not None
    assert error.status == 503
    compact = json.dumps(OVERLOADED, separators=(",", ":"))
    assert str(error) == f"got status: UNAVAILABLE. {compact}"


@pytest.mark.parametrize("text", ['{"error": {"message": "?"}}', '{"error": ', "{}", "data", "[1]"])
def test_what_is_no_event_and_no_error_ends_without_a_reason(text):
    _, _, error = run(answer(chunk({"text": "a"}), text.encode()))
    assert str(error) == NO_REASON


def test_an_error_inside_an_event_ends_without_a_reason():
    _, _, error = run(answer(chunk({"text": "a"}), data(OVERLOADED)))
    assert str(error) == NO_REASON


@pytest.mark.parametrize(
    ("status", "type", "body", "says"),
    [
        (400, "application/json", '{ "error": {"code": 400, "x": "é"} }', '{"error":{"code":400,"x":"é"}}'),
        (404, "text/plain", "no", '{"error":{"message":"no","code":404,"status":"Not Found"}}'),
        (599, "text/html", "", '{"error":{"message":"","code":599,"status":""}}'),
        (
            502,
            "application/json; charset=utf-8",
            "<p>",
            '{"error":{"message":"<p>","code":502,"status":"Bad Gateway"}}',
        ),
        (300, "application/json", "[]", "[]"),
    ],
)
def test_an_http_error_is_told_in_the_shape_of_googles(status, type, body, says):
    head = f"content-type: {type}\r\nretry-after: 2\r\n"
    events, _, error = run(answer(body.encode(), status=status, headers=head))
    assert events == []
    assert (str(error), error.status, error.retry_after_ms) == (says, status, 2_000)


WHOLE = b"".join(
    (
        chunk({"text": "hm", "thought": True, "thoughtSignature": "c2ln"}, responseId="r"),
        chunk({"text": "ä{\n{"}),
        calls({"id": "1", "name": "ls", "args": {"p": "\n{"}}),
    )
)


@given(st.lists(st.integers(0, len(WHOLE)), max_size=6))
def test_however_the_bytes_are_cut_the_answer_is_the_same(cuts):
    async def client(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n")
        edges = [0, *sorted(cuts), len(WHOLE)]
        for start, end in pairwise(edges):
            if start < end:
                writer.write(b"%x\r\n%s\r\n" % (end - start, WHOLE[start:end]))
                await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def talk():
        async with await asyncio.start_server(client, "127.0.0.1", 0) as server:
            draft = Draft(a_model(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
            async for _ in stream(draft, CONTEXT, KEYED):
                pass
            return draft

    draft = asyncio.run(talk())
    assert draft.freeze(draft.stop_reason).content == (
        Thinking("hm", "c2ln"),
        Text("ä{\n{"),
        ToolCall("1", "ls", {"p": "\n{"}),
    )
    assert draft.stop_reason == "toolUse"

"""Chat Completions: what becomes of the bytes that a host answers with."""

import asyncio
import json

import pytest

from pi.llm.draft import Draft
from pi.llm.errors import ProtocolError, TransportError
from pi.llm.events import BlockDelta, BlockEnd, BlockStart, StreamStart
from pi.llm.messages import AssistantMessage, Text, Thinking, ToolCall, Usage
from pi.llm.models import Model, ModelCost
from pi.llm.protocols.openai_completions import build_payload, stream
from tests.llm.protocols.wire import CONTEXT, KEYED, answer, data, read, serve


def a_model(url="http://127.0.0.1:1/v1", **fields):
    fields = {"provider": "local", "api": "openai-completions", "base_url": url} | fields
    return Model("m", **fields)


def said(*blocks, **fields):
    fields = {"usage": Usage(), "stop_reason": "stop", "timestamp": 1} | fields
    return AssistantMessage(tuple(blocks), "openai-completions", "local", "m", **fields)


def piece(finish=None, **delta):
    return data({"id": "c1", "model": "m", "choices": [{"delta": delta, "finish_reason": finish}]})


STOP = piece("stop")


def run(raw, **fields):
    return read(raw, stream, lambda host: a_model(f"{host}/v1", **fields))


def test_a_request_is_posted_with_key_and_body():
    async def use(host):
        draft = Draft(a_model(host + "/v1/"))
        return [event async for event in stream(draft, CONTEXT, KEYED)]

    _, seen = asyncio.run(serve(answer(STOP), use))
    [(head, body)] = seen
    assert head.startswith("POST /v1/chat/completions HTTP/1.1\r\n")
    assert "authorization: Bearer k\r\n" in head
    assert body == build_payload(a_model(), CONTEXT, KEYED)


def test_thinking_text_and_calls_become_blocks_that_close_at_the_end_in_their_order():
    events, draft, error = run(
        answer(
            piece(role="assistant", content=""),
            piece(reasoning_content="hm"),
            piece(content="Lo"),
            piece(tool_calls=[{"index": 0, "id": "A", "function": {"name": "read", "arguments": ""}}]),
            piece(
                tool_calls=[
                    {"index": 1, "id": "B", "function": {"name": "ls", "arguments": "{}"}},
                    {"index": 0, "function": {"arguments": '{"a":'}},
                ]
            ),
            piece(content="ok", tool_calls=[{"index": 0, "function": {"arguments": "1}"}}]),
            piece("tool_calls"),
            data("[DONE]"),
        )
    )
    assert error is None
    assert events == [
        StreamStart(),
        BlockStart("thinking_start", 0),
        BlockDelta("thinking_delta", 0, "hm"),
        BlockStart("text_start", 1),
        BlockDelta("text_delta", 1, "Lo"),
        BlockStart("toolcall_start", 2, "A", "read"),
        BlockDelta("toolcall_delta", 2, ""),
        BlockStart("toolcall_start", 3, "B", "ls"),
        BlockDelta("toolcall_delta", 3, "{}"),
        BlockDelta("toolcall_delta", 2, '{"a":'),
        BlockDelta("text_delta", 1, "ok"),
        BlockDelta("toolcall_delta", 2, "1}"),
        BlockEnd("thinking_end", 0, "hm"),
        BlockEnd("text_end", 1, "Look"),
        BlockEnd("toolcall_end", 2, tool_call=ToolCall("A", "read", {"a": 1})),
        BlockEnd("toolcall_end", 3, tool_call=ToolCall("B", "ls", {})),
    ]
    assert draft.freeze(draft.stop_reason) == said(
        Thinking("hm", "reasoning_content"),
        Text("Look"),
        ToolCall("A", "read", {"a": 1}),
        ToolCall("B", "ls", {}),
        stop_reason="toolUse",
        raw_stop_reason="tool_calls",
        response_id="c1",
        timestamp=draft.timestamp,
    )


def test_calls_are_told_apart_by_id_where_a_host_leaves_out_the_index():
    _, draft, _ = run(
        answer(
            piece(tool_calls=[{"id": "A", "function": {"name": "read", "arguments": '{"x":'}}]),
            piece(tool_calls=[{"id": "B", "function": {"name": "ls"}}]),
            piece(tool_calls=[{"id": "A", "function": {"arguments": "2}"}}]),
            piece("function_call"),
        )
    )
    assert draft.freeze("toolUse").tool_calls == [ToolCall("A", "read", {"x": 2}), ToolCall("B", "ls", {})]


def test_id_and_name_of_a_call_may_come_late():
    _, draft, _ = run(
        answer(
            piece(tool_calls=[{"index": 0}]),
            piece(tool_calls=[{"index": 0, "id": "A", "function": {"name": "read", "arguments": "{}"}}]),
            piece("tool_calls"),
        )
    )
    assert draft.freeze("toolUse").tool_calls == [ToolCall("A", "read", {})]


def test_of_two_reasoning_fields_with_the_same_words_one_is_read():
    _, draft, _ = run(answer(piece(reasoning="r", reasoning_content="r"), piece(reasoning_text="!"), STOP))
    assert draft.freeze("stop").content == (Thinking("r!", "reasoning_content"),)
    _, draft, _ = run(answer(piece(reasoning="r"), STOP), provider="opencode-go")
    assert draft.freeze("stop").content == (Thinking("r", "reasoning_content"),)


def test_reasoning_details_are_joined_and_kept_as_the_signature():
    parts = [
        piece(reasoning="r1"),
        piece(reasoning_details=[{"type": "reasoning.text", "text": "r1", "index": 0, "format": "f"}]),
        piece(
            reasoning_details=[
                {"type": "reasoning.text", "text": " r2", "signature": "sg", "id": "x"},
                {"type": "reasoning.encrypted", "data": "ENC", "id": None},
                {"type": "bogus"},
            ]
        ),
    ]
    kept = (
        '[{"type":"reasoning.text","text":"r1 r2","index":0,"format":"f","signature":"sg","id":"x"},'
        '{"type":"reasoning.encrypted","data":"ENC","id":null}]'
    )
    _, draft, error = run(answer(*parts, STOP))
    assert (draft.freeze("stop").content, error) == ((Thinking("r1", kept),), None)
    _, draft, error = run(answer(*parts, cut=True))
    assert draft.freeze("error").content == (Thinking("r1", kept),)
    assert isinstance(error, TransportError)


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        (
            {
                "prompt_tokens": 2000,
                "completion_tokens": 40,
                "prompt_tokens_details": {"cached_tokens": 1500, "cache_write_tokens": 100},
                "completion_tokens_details": {"reasoning_tokens": 7},
            },
            (400, 40, 1500, 100, 2040, 7),
        ),
        ({"prompt_tokens": 10, "prompt_cache_hit_tokens": 4, "completion_tokens": 3}, (6, 3, 4, 0, 13, 0)),
        ({"prompt_tokens": 10, "cached_tokens": 40.0, "completion_tokens": None}, (0, 0, 40, 0, 40, 0)),
        ({"prompt_tokens": 5, "prompt_tokens_details": None}, (5, 0, 0, 0, 5, 0)),
    ],
)
def test_usage_is_read_wherever_a_host_puts_it(raw, usage):
    def tokens(draft):
        u = draft.usage
        return (u.input, u.output, u.cache_read, u.cache_write, u.total_tokens, u.reasoning)

    _, draft, _ = run(answer(piece(content="x"), STOP, data({"choices": [], "usage": raw})))
    assert tokens(draft) == usage
    _, draft, _ = run(answer(data({"choices": [{"finish_reason": "stop", "usage": raw}], "usage": None})))
    assert tokens(draft) == usage


def test_usage_is_priced():
    raw = data({"choices": [], "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 2_000_000}})
    _, draft, _ = run(answer(STOP, raw), cost=ModelCost(3, 15))
    assert draft.usage.cost.total == 33


def test_the_model_that_really_answered_is_noted():
    _, draft, _ = run(answer(data({"id": "c9", "model": "m-2", "choices": []}), STOP))
    assert (draft.response_id, draft.response_model) == ("c9", "m-2")


@pytest.mark.parametrize(
    ("reason", "stop", "error"),
    [
        ("stop", "stop", None),
        ("end", "stop", None),
        ("length", "length", None),
        ("tool_calls", "toolUse", None),
        ("content_filter", "error", "Provider finish_reason: content_filter"),
        ("weird", "error", "Provider finish_reason: weird"),
    ],
)
def test_finish_reasons(reason, stop, error):
    events, draft, _ = run(answer(piece(content="x"), piece(reason)))
    assert (draft.stop_reason, draft.raw_stop_reason, draft.error_message) == (stop, reason, error)
    assert events[-1] == BlockEnd("text_end", 0, "x")


def test_a_stream_without_a_finish_reason_closes_its_blocks_and_fails():
    events, _, error = run(answer(piece(content="x"), data("[DONE]"), data("ignored")))
    assert events[-1] == BlockEnd("text_end", 0, "x")
    assert isinstance(error, ProtocolError)
    assert str(error) == "Stream ended without finish_reason"
    events, _, error = run(answer())
    assert (events, str(error)) == ([StreamStart()], "Stream ended without finish_reason")


def test_a_host_that_gives_no_finish_reasons_ends_with_its_stream():
    compat = {"supportsFinishReason": False}
    _, draft, error = run(answer(piece(content="x")), compat=compat)
    assert (draft.stop_reason, error) == ("stop", None)
    _, draft, error = run(answer(piece(tool_calls=[{"index": 0, "id": "A"}])), compat=compat)
    assert (draft.stop_reason, error) == ("toolUse", None)


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"error": {"message": "Overloaded", "type": "x"}}, "Overloaded"),
        ({"error": {"message": "x", "metadata": {"raw": '{"q":1}'}}}, 'x\n{"q":1}'),
        ({"error": "just text"}, '"just text"'),
        ({"error": {"code": 5}}, '{"code":5}'),
        ('{"broken": ', "Unexpected end of JSON input"),
        ('{"a": nonsense}', None),
    ],
)
def test_a_failure_inside_the_stream_leaves_blocks_open(event, text):
    events, _, error = run(answer(piece(content="x"), data(event), STOP))
    assert events == [StreamStart(), BlockStart("text_start", 0), BlockDelta("text_delta", 0, "x")]
    assert text is None or str(error) == text
    assert error.status is None


def test_an_http_error_gives_no_start_but_status_and_delay():
    body = json.dumps({"error": {"message": "slow down", "code": None}}).encode()
    events, _, error = run(answer(body, status=429, headers="retry-after: 2\r\n"))
    assert events == []
    assert str(error) == '429: {"message":"slow down","code":null}'
    assert (error.status, error.retry_after_ms) == (429, 2000)


def test_odd_but_readable_events_are_read():
    _, draft, error = run(
        answer(
            data("null"),
            b"data: \n\n",
            data({"id": 7, "choices": [None]}),
            data({"choices": {}}),
            data({"choices": [{"delta": None}]}),
            data({"choices": [{"delta": {"content": ["no text"], "tool_calls": [None], "extra": {"a": 1}}}]}),
            data({"choices": [{"delta": {"content": "a", "reasoning": 5, "tool_calls": None}}]}),
            data({"choices": [{"delta": {"tool_calls": [{"index": 0.0, "id": "A"}]}}]}),
            b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n',
            STOP,
        )
    )
    assert error is None
    assert draft.freeze("stop").text == "a\ufffd"


def test_a_character_that_a_host_cuts_in_two_is_whole_again():
    _, draft, _ = run(answer(piece(content="half \ud83d"), piece(content="\ude00 ok \ud83d"), STOP))
    assert draft.freeze("stop").text == "half \U0001f600 ok "

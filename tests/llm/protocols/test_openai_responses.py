"""Responses: what becomes of the bytes that a host answers with."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.llm.draft import Draft
from pi.llm.errors import ProtocolError, TransportError
from pi.llm.events import BlockDelta, BlockEnd, BlockStart, StreamStart
from pi.llm.formats.responses_events import read_event
from pi.llm.formats.responses_payload import build_payload
from pi.llm.messages import (
    AssistantMessage,
    Cost,
    Text,
    Thinking,
    ToolCall,
    Usage,
)
from pi.llm.models import Model, ModelCost
from pi.llm.protocols.openai_responses import stream
from tests.llm.protocols.wire import CONTEXT, KEYED, answer, data, read, serve

ENDED_EARLY = "OpenAI Responses stream ended before a terminal response event"


def a_model(url="http://127.0.0.1:1/v1", **fields):
    fields = {"provider": "local", "api": "openai-responses", "base_url": url} | fields
    return Model(**{"id": "m"} | fields)


def event(type, index=0, **fields):
    return data({"type": f"response.{type}", "output_index": index} | fields)


def added(index=0, **item):
    return event("output_item.added", index, item=item)


def done(index=0, **item):
    return event("output_item.done", index, item=item)


def completed(status="completed", **fields):
    return event("completed", response={"id": "r1", "status": status} | fields)


CREATED = event("created", response={"id": "r0", "error": None})
SAID = added(type="message", id="m1") + event("output_text.delta", delta="Yes")


def run(raw, **fields):
    return read(raw, stream, lambda host: a_model(f"{host}/v1", **fields))


def test_a_request_is_posted_with_key_and_body():
    async def use(host):
        draft = Draft(a_model(host + "/v1/"))
        return [event async for event in stream(draft, CONTEXT, KEYED)]

    events, [(head, body)] = asyncio.run(serve(answer(completed()), use))
    assert events == [StreamStart()]
    assert head.startswith("POST /v1/responses HTTP/1.1\r\n")
    assert "authorization: Bearer k\r\n" in head
    assert body == build_payload(a_model(), CONTEXT, KEYED)


def test_items_become_blocks_that_open_grow_and_close_side_by_side():
    reasoning = {"id": "rs", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
    events, draft, error = run(
        answer(
            CREATED,
            added(0, type="reasoning", id="rs", summary=[]),
            event("reasoning_summary_text.delta", 0, delta="hm"),
            event("reasoning_summary_part.done", 0),
            done(0, **reasoning),
            added(1, type="message", id="ms"),
            event("output_text.delta", 1, delta="Lo"),
            added(2, type="function_call", id="fc_2", call_id="c2", name="read", arguments=""),
            event("function_call_arguments.delta", 2, delta='{"a":'),
            event("output_text.delta", 1, delta="ok"),
            event("function_call_arguments.done", 2, arguments='{"a":1}'),
            done(
                1,
                type="message",
                id="ms",
                phase="commentary",
                content=[{"type": "output_text", "text": "Look"}],
            ),
            done(2, type="function_call", id="fc_2", call_id="c2", name="read", arguments='{"a":1}'),
            completed(),
            data("[DONE]"),
        )
    )
    call = ToolCall("c2|fc_2", "read", {"a": 1})
    assert error is None
    assert events == [
        StreamStart(),
        BlockStart("thinking_start", 0),
        BlockDelta("thinking_delta", 0, "hm"),
        BlockDelta("thinking_delta", 0, "\n\n"),
        BlockEnd("thinking_end", 0, "hm"),
        BlockStart("text_start", 1),
        BlockDelta("text_delta", 1, "Lo"),
        BlockStart("toolcall_start", 2, "c2|fc_2", "read"),
        BlockDelta("toolcall_delta", 2, '{"a":'),
        BlockDelta("text_delta", 1, "ok"),
        BlockDelta("toolcall_delta", 2, "1}"),
        BlockEnd("text_end", 1, "Look"),
        BlockEnd("toolcall_end", 2, tool_call=call),
    ]
    signature = '{"id":"rs","type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]}'
    assert draft.freeze(draft.stop_reason) == AssistantMessage(
        (
            Thinking("hm", signature),
            Text("Look", '{"v":1,"id":"ms","phase":"commentary"}'),
            call,
        ),
        "openai-responses",
        "local",
        "m",
        Usage(),
        "toolUse",
        draft.timestamp,
        response_id="r1",
        raw_stop_reason="completed",
    )


def test_an_item_that_only_ends_is_a_whole_block():
    events, draft, _ = run(
        answer(
            done(0, type="function_call", id="f", call_id="c", name="ls", arguments='{"p":2}'),
            done(1, type="web_search_call", id="w"),
            completed(),
        )
    )
    call = ToolCall("c|f", "ls", {"p": 2})
    assert events[1:] == [
        BlockStart("toolcall_start", 0, "c|f", "ls"),
        BlockEnd("toolcall_end", 0, tool_call=call),
    ]
    assert draft.freeze("toolUse").content == (call,)


def test_what_the_server_leaves_open_is_closed_at_the_end():
    events, draft, error = run(answer(SAID, completed()))
    assert (events[-1], draft.stop_reason, error) == (BlockEnd("text_end", 0, "Yes"), "stop", None)


def test_a_refusal_is_text_and_reasoning_without_a_summary_is_shown_as_it_is():
    _, draft, _ = run(
        answer(
            added(0, type="reasoning", id="rs"),
            event("reasoning_text.delta", 0, delta="raw"),
            done(0, type="reasoning", id="rs", summary=[], content=[{"text": "raw"}, {"text": "more"}]),
            added(1, type="message", id="ms"),
            event("refusal.delta", 1, delta="No"),
            done(1, type="message", id="ms", content=[{"type": "refusal", "refusal": "No."}]),
            completed(),
        )
    )
    assert [block.value for block in draft.blocks] == ["raw\n\nmore", "No."]


def test_encrypted_reasoning_that_comes_with_the_end_is_kept():
    item = {"type": "reasoning", "id": "rs", "summary": []}
    whole = item | {"encrypted_content": "E"}
    _, draft, _ = run(answer(done(0, **item), completed(output=[{"type": "message"}, whole])))
    assert draft.blocks[0].signature == json.dumps(whole, separators=(",", ":"))
    _, draft, _ = run(answer(done(0, **whole), completed(output=[item | {"encrypted_content": "other"}])))
    assert draft.blocks[0].signature == json.dumps(whole, separators=(",", ":"))


def test_deltas_of_unknown_items_of_another_kind_or_of_no_text_are_passed_over():
    events, draft, error = run(
        answer(
            SAID,
            event("reasoning_text.delta", 0, delta="x"),
            event("output_text.delta", 7, delta="x"),
            event("output_text.delta", 0, delta={"x": 1}),
            event("function_call_arguments.done", 0, arguments="{}"),
            done(0, type="reasoning", id="rs"),
            event("image.partial", 0, delta="x"),
            completed(),
        )
    )
    assert ([block.value for block in draft.blocks], len(events), error) == (["Yes"], 4, None)


def test_arguments_that_were_streamed_differently_are_corrected():
    call = {"type": "function_call", "id": "f", "call_id": "c", "name": "ls"}
    _, draft, _ = run(
        answer(
            added(0, **call),
            event("function_call_arguments.delta", 0, delta='{"a":1'),
            event("function_call_arguments.done", 0, arguments='{"b":2}'),
            event("function_call_arguments.done", 0),
            done(0, **call),
            completed(),
        )
    )
    assert draft.freeze("toolUse").content == (ToolCall("c|f", "ls", {"b": 2}),)


@pytest.mark.parametrize(
    ("response", "reason", "raw", "text"),
    [
        ({"status": "completed"}, "stop", "completed", None),
        ({"status": None}, "stop", None, None),
        ({"status": "queued"}, "stop", "queued", None),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            "length",
            "incomplete.max_output_tokens",
            None,
        ),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            "error",
            "incomplete.content_filter",
            "Response incomplete: content_filter",
        ),
        ({"status": "incomplete"}, "error", "incomplete", "Response incomplete without a provider reason"),
        ({"status": "cancelled"}, "error", "cancelled", "An unknown error occurred"),
    ],
)
def test_the_status_of_the_response_is_the_stop_reason(response, reason, raw, text):
    _, draft, error = run(answer(SAID, event("incomplete", response=response)))
    assert (draft.stop_reason, draft.raw_stop_reason, draft.error_message, error) == (reason, raw, text, None)


def test_cached_tokens_are_taken_out_of_the_input_and_reasoning_is_told():
    cost = ModelCost(input=2, output=10, cache_read=0.5, cache_write=4)
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 120,
    }
    _, draft, _ = run(answer(completed(usage=usage)), cost=cost)
    spent = Cost(30 * 2e-6, 20 * 1e-5, 60 * 5e-7, 10 * 4e-6, 0.00033)
    assert draft.usage == Usage(30, 20, 60, 10, 120, draft.usage.cost, reasoning=5)
    assert [*vars_of(draft.usage.cost)] == pytest.approx([*vars_of(spent)])


def vars_of(cost):
    return (cost.input, cost.output, cost.cache_read, cost.cache_write, cost.total)


@pytest.mark.parametrize(
    ("model", "tier", "dollars"),
    [
        ("m", "flex", 0.5),
        ("m", "priority", 2),
        ("gpt-5.5", "priority", 2.5),
        ("m", "default", 1),
        ("m", 1, 1),
    ],
)
def test_the_tier_that_served_a_request_sets_its_price(model, tier, dollars):
    usage = {"input_tokens": 1_000_000, "total_tokens": 1_000_000}
    answered = answer(completed(usage=usage, service_tier=tier))
    _, draft, _ = run(answered, id=model, cost=ModelCost(input=1))
    assert draft.usage.cost == Cost(input=dollars, total=dollars)


@pytest.mark.parametrize(
    ("last", "text"),
    [
        (b"", ENDED_EARLY),
        (data({"type": "error", "code": "rate_limit", "message": "Slow"}), "Error Code rate_limit: Slow"),
        (data({"type": "error", "code": None, "message": "Slow"}), "Error Code null: Slow"),
        (data({"type": "error", "error": {"code": 5, "message": "Slow"}}), "Slow"),
        (event("failed", response={"status": "failed", "error": {"code": "c", "message": "M"}}), "c: M"),
        (event("failed", response={"error": {"x": 1}}), "unknown: no message"),
        (
            event("failed", response={"error": None, "incomplete_details": {"reason": "why"}}),
            "incomplete: why",
        ),
        (event("failed"), "Unknown error (no error details in response)"),
        (completed("melted"), "Unhandled stop reason: melted"),
        (data('{"broken": '), "Unexpected end of JSON input"),
    ],
)
def test_a_failure_inside_the_stream_keeps_what_had_come(last, text):
    events, draft, error = run(answer(CREATED, SAID, last))
    assert str(error) == text
    assert events[1:] == [BlockStart("text_start", 0), BlockDelta("text_delta", 0, "Yes")]
    assert draft.freeze("error").content == (Text("Yes"),)
    assert draft.response_id in ("r0", "r1")


def test_a_cut_connection_is_a_fault_of_the_transport():
    _, draft, error = run(answer(CREATED, SAID, cut=True))
    assert (type(error), str(error)) == (TransportError, "terminated")
    assert draft.freeze("error").content == (Text("Yes"),)


@pytest.mark.parametrize(
    ("line", "start"),
    [
        (b'{"type": nope}', "The provider sent an event that is no JSON: "),
        (b'{"item": 5}', "The provider sent an event of a foreign shape: "),
    ],
)
def test_an_event_that_is_none_is_a_fault_of_the_protocol(line, start):
    with pytest.raises(ProtocolError) as raised:
        read_event(line)
    assert str(raised.value).startswith(start)


@given(st.text() | st.sampled_from(["\ud83d", "a\udc00b", "\t\x00"]))
def test_any_text_in_an_event_can_be_read_and_written(text):
    read = read_event(json.dumps({"type": "x", "delta": text}).encode())
    read.delta.encode()
    assert read.type == "x"


@pytest.mark.parametrize(
    ("provider", "body", "text"),
    [
        (
            "local",
            '{"error": {"message": "Bad", "code": null}}',
            'local API error (400): {"message":"Bad","code":null}',
        ),
        ("openai", "<html>", "OpenAI API error (400): 400 <html>"),
        ("local", "", "local API error (400): 400 status code (no body)"),
    ],
)
def test_a_refused_request_tells_who_refused_and_why(provider, body, text):
    raw = answer(body.encode(), status=400, headers="retry-after: 2\r\n")
    events, _, error = run(raw, provider=provider)
    assert (events, str(error), error.status, error.retry_after_ms) == ([], text, 400, 2000)

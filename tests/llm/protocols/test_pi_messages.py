"""Pi's own messages: the body and headers of a request, and what becomes of the gateway's answer."""

import asyncio

import msgspec
import pytest

from pi.llm.draft import Draft
from pi.llm.errors import ProtocolError, ProviderError, TransportError
from pi.llm.events import BlockDelta, BlockEnd, BlockStart, StreamStart
from pi.llm.messages import (
    AssistantMessage,
    Context,
    Cost,
    SystemMessage,
    Text,
    Thinking,
    ToolCall,
    ToolDeclaration,
    Usage,
    UserMessage,
)
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.protocols.pi_messages import build_headers, build_payload, stream
from pi.llm.transcript import prepare
from tests.llm.protocols.wire import CONTEXT, KEYED, answer, data, read, serve

READ = ToolDeclaration("read", "Reads", {"type": "object"}, {"type": "json_schema", "strict": "prefer"})
READ_SENT = {
    "name": "read",
    "description": "Reads",
    "parameters": {"type": "object"},
    "constrainedSampling": {"type": "json_schema", "strict": "prefer"},
}
HI = UserMessage("hi", 7)
HI_SENT = {"role": "user", "content": "hi", "timestamp": 7}
USAGE = {"input": 3, "output": 4, "totalTokens": 7, "cost": {"input": 0.5, "output": 1, "total": 1.5}}
ENDED = Usage(3, 4, 0, 0, 7, Cost(0.5, 1, 0, 0, 1.5))


def a_model(url="http://127.0.0.1:1", **fields):
    fields = {"provider": "radius", "api": "pi-messages", "base_url": url} | fields
    return Model(**{"id": "m"} | fields)


def test_the_transcript_goes_as_it_is():
    failed = AssistantMessage(
        (Thinking("hm", "sig"), Text("I")), "a", "p", "other", Usage(), "error", 8, error_message="Cut"
    )
    context = Context((SystemMessage("", 1, {"rules": "Be brief."}, (READ,)), HI, failed))
    model = a_model()
    assert prepare(model, context) is context
    assert build_payload(model, context, KEYED) == {
        "model": "m",
        "context": {
            "messages": [
                {
                    "role": "system",
                    "content": "",
                    "timestamp": 1,
                    "sections": {"rules": "Be brief."},
                    "toolsAdded": [READ_SENT],
                },
                HI_SENT,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "thinkingSignature": "sig"},
                        {"type": "text", "text": "I"},
                    ],
                    "api": "a",
                    "provider": "p",
                    "model": "other",
                    "usage": {
                        "input": 0,
                        "output": 0,
                        "cacheRead": 0,
                        "cacheWrite": 0,
                        "totalTokens": 0,
                        "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0},
                    },
                    "stopReason": "error",
                    "timestamp": 8,
                    "errorMessage": "Cut",
                },
            ]
        },
        "options": {},
    }


def test_instructions_and_tools_beside_the_messages_open_the_transcript():
    body = build_payload(a_model(), Context((HI,), "Be brief.", (READ,)), KEYED)
    opening = {"role": "system", "content": "Be brief.", "timestamp": 7, "toolsAdded": [READ_SENT]}
    assert body["context"] == {"messages": [opening, HI_SENT]}


def test_halves_of_characters_do_not_go_out():
    body = build_payload(a_model(), Context((UserMessage((Text("a\ud83db"),), 7),)), KEYED)
    assert body["context"]["messages"] == [HI_SENT | {"content": [{"type": "text", "text": "ab"}]}]


def test_only_what_was_chosen_is_said():
    def options_of(options, **fields):
        return build_payload(a_model(**fields), CONTEXT, options)["options"]

    chosen = StreamOptions(
        thinking="high",
        max_tokens=5,
        temperature=0.0,
        tool_choice="none",
        cache_retention="long",
        session_id="s",
    )
    assert options_of(chosen, reasoning=True) == {
        "temperature": 0.0,
        "maxTokens": 5,
        "reasoning": "high",
        "cacheRetention": "long",
        "sessionId": "s",
        "toolChoice": "none",
    }
    assert options_of(StreamOptions(thinking="high", cache_retention="none")) == {"cacheRetention": "none"}


def test_headers_carry_the_key():
    headers = {"accept": "text/event-stream", "authorization": "Bearer k"}
    assert build_headers(a_model(), KEYED) == headers
    options = StreamOptions(headers={"Authorization": "Own"})
    assert build_headers(a_model(headers={"X-A": "1"}), options) == headers | {
        "authorization": "Own",
        "x-a": "1",
    }
    with pytest.raises(ProviderError, match='No API key provided for provider "radius"'):
        build_headers(a_model(), StreamOptions())


def event(type, index=None, **fields):
    return data({"type": type} | ({} if index is None else {"contentIndex": index}) | fields)


START = event("start")
SAID = event("text_start", 0) + event("text_delta", 0, delta="Yes")
DONE = event("done", reason="stop", usage=USAGE, responseId="r1")


def run(raw, **fields):
    return read(raw, stream, lambda host: a_model(host, **fields))


def test_a_request_is_posted_below_the_base_url():
    async def use(host):
        draft = Draft(a_model(host + "/v1/"))
        return [event async for event in stream(draft, CONTEXT, KEYED)]

    events, [(head, body)] = asyncio.run(serve(answer(START, DONE), use))
    assert events == [StreamStart()]
    assert head.startswith("POST /v1/messages HTTP/1.1\r\n")
    assert "authorization: Bearer k\r\n" in head and "accept: text/event-stream\r\n" in head
    assert body == build_payload(a_model(), CONTEXT, KEYED)


def test_events_come_through_and_ends_replace_what_their_pieces_said():
    call = {"type": "toolCall", "id": "c2", "name": "ls", "arguments": {"a": 1}, "thoughtSignature": "t"}
    events, draft, error = run(
        answer(
            START,
            event("thinking_start", 0),
            event("thinking_delta", 0, delta="h"),
            event("thinking_end", 0, content="hm", contentSignature="sig", redacted=False),
            event("thinking_start", 1),
            event("thinking_end", 1, content="", contentSignature="enc", redacted=True),
            event("text_start", 2),
            event("text_delta", 2, delta="Yes"),
            event("text_end", 2, contentSignature="ts"),
            event("toolcall_start", 3, id="c", toolName="l"),
            event("toolcall_delta", 3, delta='{"a"'),
            event("toolcall_end", 3, toolCall=call),
            event("toolcall_start", 4, id="d", toolName="read"),
            event("toolcall_delta", 4, delta='{"b":2}'),
            event("some_news"),
            event(
                "done",
                reason="toolUse",
                usage=USAGE,
                responseId="r1",
                responseModel="chosen",
                providerThinkingLevel="high",
                rewrite={"kind": "x"},
            ),
            data("[DONE]"),
            event("text_delta", 99, delta="after the end"),
        )
    )
    calls = (ToolCall("c2", "ls", {"a": 1}, "t"), ToolCall("d", "read", {"b": 2}))
    assert error is None
    assert events == [
        StreamStart(),
        BlockStart("thinking_start", 0),
        BlockDelta("thinking_delta", 0, "h"),
        BlockEnd("thinking_end", 0, "hm"),
        BlockStart("thinking_start", 1),
        BlockEnd("thinking_end", 1, ""),
        BlockStart("text_start", 2),
        BlockDelta("text_delta", 2, "Yes"),
        BlockEnd("text_end", 2, "Yes"),
        BlockStart("toolcall_start", 3, "c", "l"),
        BlockDelta("toolcall_delta", 3, '{"a"'),
        BlockEnd("toolcall_end", 3, tool_call=calls[0]),
        BlockStart("toolcall_start", 4, "d", "read"),
        BlockDelta("toolcall_delta", 4, '{"b":2}'),
        BlockEnd("toolcall_end", 4, tool_call=calls[1]),
    ]
    [note] = draft.diagnostics
    assert (note["type"], note["details"]) == ("pi_messages_rewrite", {"kind": "x"})
    assert draft.freeze(draft.stop_reason) == AssistantMessage(
        (Thinking("hm", "sig"), Thinking("", "enc", True), Text("Yes", "ts"), *calls),
        "pi-messages",
        "radius",
        "m",
        ENDED,
        "toolUse",
        draft.timestamp,
        response_model="chosen",
        response_id="r1",
        provider_thinking_level="high",
        diagnostics=[note],
    )


@pytest.mark.parametrize(
    ("end", "stop", "text"),
    [
        (DONE, "stop", None),
        (event("done", reason="length"), "length", None),
        (event("done", reason="melted"), "stop", None),
        (event("error", reason="error", errorMessage="Slow"), "error", "Slow"),
        (event("error", reason="aborted", errorMessage="Gone"), "aborted", "Gone"),
        (event("error", reason="melted"), "error", "An unknown error occurred"),
    ],
)
def test_the_last_event_says_how_it_ended(end, stop, text):
    _, draft, error = run(answer(START, SAID, end))
    assert (draft.stop_reason, draft.error_message, error) == (stop, text, None)
    assert draft.freeze(draft.stop_reason).content == (Text("Yes"),)


@pytest.mark.parametrize(
    ("last", "text"),
    [
        (b"", "radius stream ended without a terminal event"),
        (data([1]), "radius stream ended without a terminal event"),
        (event("text_delta", 1, delta="x"), "Invalid contentIndex 1 in pi-messages text_delta event"),
        (event("thinking_end", 0), "Invalid contentIndex 0 in pi-messages thinking_end event"),
        (event("text_start", 0), "Invalid contentIndex 0 in pi-messages text_start event"),
        (event("text_end", -1), "Invalid contentIndex -1 in pi-messages text_end event"),
        (event("text_end"), "Invalid contentIndex null in pi-messages text_end event"),
        (data('{"broken": '), "Unexpected end of JSON input"),
    ],
)
def test_a_failure_inside_the_stream_keeps_what_had_come(last, text):
    events, draft, error = run(answer(START, SAID, last))
    assert (type(error), str(error)) == (ProtocolError, text)
    assert events[1:] == [BlockStart("text_start", 0), BlockDelta("text_delta", 0, "Yes")]
    assert draft.freeze("error").content == (Text("Yes"),)


def test_what_cost_nothing_is_a_plain_0():
    _, draft, _ = run(answer(event("done", reason="stop", usage={"cost": {"input": 0.0, "output": 0.5}})))
    assert msgspec.json.encode(draft.usage.cost) == (
        b'{"input":0,"output":0.5,"cacheRead":0,"cacheWrite":0,"total":0}'
    )


def test_usage_of_a_foreign_shape_is_a_fault_of_the_protocol():
    _, _, error = run(answer(event("done", reason="stop", usage={"input": "many"})))
    assert isinstance(error, ProtocolError)
    assert str(error).startswith("The provider sent an event of a foreign shape: ")


def test_a_cut_connection_is_a_fault_of_the_transport():
    _, draft, error = run(answer(START, SAID, cut=True))
    assert (type(error), str(error)) == (TransportError, "terminated")
    assert draft.freeze("error").content == (Text("Yes"),)


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (400, b'{"error": {"message": "nope", "code": "bad"}}', "400 Bad Request: nope (bad)"),
        (429, b'{"error": {"message": "nope"}}', "429 Too Many Requests: nope"),
        (502, b"<html>", "502 Bad Gateway: <html>"),
        (599, b'{"error": "x"}', '599 : {"error": "x"}'),
    ],
)
def test_a_refusal_shows_what_the_gateway_said(status, body, text):
    events, _, error = run(answer(body, status=status, headers="retry-after: 2\r\n"))
    assert error is not None
    assert (events, str(error), error.status, error.retry_after_ms) == ([], text, status, 2000)

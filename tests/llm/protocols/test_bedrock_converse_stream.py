"""Bedrock: what is sent for a request, and what becomes of the bytes that come back."""

import asyncio
import json
import subprocess
import sys
from base64 import b64encode
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from pi.llm.draft import Draft
from pi.llm.errors import ProtocolError, ProviderError, TransportError
from pi.llm.events import BlockDelta, BlockEnd, BlockStart, StreamEnd, StreamStart
from pi.llm.formats.bedrock_payload import build_payload
from pi.llm.messages import AssistantMessage, Cost, Text, Thinking, ToolCall, Usage
from pi.llm.models import Model, ModelCost
from pi.llm.options import StreamOptions
from pi.llm.overflow import is_overflow
from pi.llm.protocols.bedrock_converse_stream import stream
from pi.llm.retry import is_transient
from pi.llm.stream import ask
from tests.llm.protocols.cloud import (
    START,
    STOP,
    answered,
    delta,
    event,
    exception,
    frame,
    header,
    host,
    signature_of,
)
from tests.llm.protocols.wire import CONTEXT

BEARER = StreamOptions(api_key="token", env={})
NO_REASON = "Bedrock stream ended without a stop reason"
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


def a_model(url="http://127.0.0.1:1", **fields):
    known = {"id": CLAUDE, "provider": "amazon-bedrock", "api": "bedrock-converse-stream", "base_url": url}
    return Model(**(known | fields))


def run(raw, *, options=BEARER, path="", **fields):
    """Events, draft, error and request of one that is answered by these bytes."""
    found = []

    async def talk():
        async with host(lambda head, body: raw) as (url, seen):
            draft = Draft(a_model(url + path, **fields))
            try:
                async for each in stream(draft, CONTEXT, options):
                    found.append(each)
            except ProviderError as error:
                return draft, error, seen
            return draft, None, seen

    draft, error, seen = asyncio.run(talk())
    return found, draft, error, seen


def streamed(*messages, cut=False, headers=""):
    body = b"".join(messages)
    length = len(body) + (10 if cut else 0)
    return f"HTTP/1.1 200 OK\r\n{headers}content-length: {length}\r\n\r\n".encode() + body


def message_of(raw, **fields) -> AssistantMessage:
    """The last event's message, as the agent gets it."""

    async def talk():
        async with host(lambda head, body: raw) as (url, _):
            return [each async for each in ask(a_model(url, **fields), CONTEXT, BEARER)][-1]

    end = asyncio.run(talk())
    assert isinstance(end, StreamEnd)
    return end.message


# ---- requests ----


def test_a_request_with_a_token_needs_no_signature():
    _, _, error, [(head, body)] = run(streamed(START, STOP), path="/vpc/")
    assert error is None
    assert head.startswith(
        "POST /vpc/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream HTTP"
    )
    assert header(head, "authorization") == "Bearer token"
    assert header(head, "content-type") == "application/json"
    assert header(head, "accept") == "application/vnd.amazon.eventstream"
    payload = build_payload(a_model(), CONTEXT, BEARER, {})
    del payload["modelId"]
    assert json.loads(body) == payload


def test_the_token_may_come_from_the_environment():
    for key in (None, "<authenticated>"):
        options = StreamOptions(api_key=key, env={"AWS_BEARER_TOKEN_BEDROCK": "t2"})
        *_, [(head, _)] = run(streamed(START, STOP), options=options)
        assert header(head, "authorization") == "Bearer t2"


def test_a_proxy_that_has_the_credentials_gets_none_of_ours():
    env = {"AWS_BEDROCK_SKIP_AUTH": "1", "AWS_BEARER_TOKEN_BEDROCK": "t2"}
    *_, [(head, _)] = run(streamed(START, STOP), options=replace(BEARER, env=env))
    assert header(head, "authorization") is None
    own = replace(BEARER, env=env, headers={"Authorization": "Basic x"})
    *_, [(head, _)] = run(streamed(START, STOP), options=own)
    assert header(head, "authorization") == "Basic x"


@pytest.mark.parametrize("id", [CLAUDE, "arn:aws:bedrock:eu-west-1:1:application-inference-profile/a b"])
def test_the_signature_covers_what_the_hooks_changed(id):
    pytest.importorskip("botocore")

    async def on_payload(payload):
        return payload | {"requestMetadata": {"team": "é"}}

    async def on_headers(headers):
        return headers | {"x-hook": "1", "x-amz-date": "never", "authorization": "mine"}

    async def on_response(status, headers):
        answers.append((status, headers["x-amzn-requestid"]))

    answers = []
    keys = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-west-2"}
    options = StreamOptions(
        env=keys,
        headers={"X-Own": "a  b", "Authorization": "no", "X-Amz-Target": "no"},
        on_payload=on_payload,
        on_headers=on_headers,
        on_response=on_response,
    )
    raw = streamed(START, STOP, headers="x-amzn-requestid: r1\r\n")
    _, _, error, [(head, body)] = run(raw, options=options, id=id, headers={"x-model": "m"})
    assert error is None
    assert json.loads(body)["requestMetadata"] == {"team": "é"}
    assert answers == [(200, "r1")]
    lines = (line.partition(": ") for line in head.split("\r\n")[1:] if line)
    headers = {name: value for name, _, value in lines}
    url = f"http://{headers['host']}{head.split(' ')[1]}"
    sent, computed = signature_of(url, headers, body, "secret")
    assert sent == computed
    assert ";host;x-amz-date;x-hook;x-model;x-own," in headers["authorization"]
    assert ("/eu-west-1/" if id.startswith("arn:") else "/us-west-2/") in headers["authorization"]
    assert "x-amz-target" not in headers


def test_a_hook_may_ask_another_model():
    async def on_payload(payload):
        return payload | {"modelId": "other"}

    *_, [(head, body)] = run(streamed(START, STOP), options=replace(BEARER, on_payload=on_payload))
    assert head.startswith("POST /model/other/converse-stream ")
    assert "modelId" not in json.loads(body)


def test_hooks_see_each_event_decoded():
    async def watch(value):
        seen.append(value)

    seen = []
    raw = streamed(START, delta(0, text="a"), exception("throttlingException", message="slow"))
    run(raw, options=replace(BEARER, on_stream_event=watch))
    assert [{name: {**value, "p": None}} for each in seen for name, value in each.items()] == [
        {"messageStart": {"role": "assistant", "p": None}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "a"}, "p": None}},
        {"throttlingException": {"message": "slow", "p": None}},
    ]


def test_neither_botocore_nor_google_auth_is_imported_for_a_token():
    code = """
import sys
import pi.llm.protocols.google_vertex
from tests.llm.protocols.test_bedrock_converse_stream import START, STOP, run, streamed
assert run(streamed(START, STOP))[2] is None
print([name for name in ("botocore", "google.auth") if name in sys.modules])
"""
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_botocore_the_error_says_how_to_get_it(monkeypatch):
    from pi.platform.errors import ConfigError

    for module in ("botocore", "botocore.session", "botocore.auth", "botocore.awsrequest"):
        monkeypatch.setitem(sys.modules, module, None)
    options = StreamOptions(env={"AWS_ACCESS_KEY_ID": "none-such", "AWS_SECRET_ACCESS_KEY": "s"})
    with pytest.raises(
        ConfigError, match=r"run `pip install 'pi-harness\[bedrock\]'`, or set AWS_BEARER_TOKEN"
    ):
        run(streamed(START, STOP), options=options)
    profile = StreamOptions(api_key="token", env={"AWS_PROFILE": "any"})
    assert run(streamed(START, STOP), options=profile)[2] is None


# ---- answers ----


def test_events_become_blocks():
    events, draft, error, _ = run(
        streamed(
            START,
            delta(0, reasoningContent={"text": "I "}),
            delta(0, reasoningContent={"text": "see"}),
            delta(0, reasoningContent={"signature": "c2"}),
            delta(0, reasoningContent={"signature": "ln"}),
            event("contentBlockStop", contentBlockIndex=0),
            delta(1, text="Lo"),
            delta(1, text="ok 🌍"),
            event("contentBlockStop", contentBlockIndex=1),
            event(
                "contentBlockStart",
                contentBlockIndex=2,
                start={"toolUse": {"toolUseId": "t1", "name": "read"}},
            ),
            delta(2, toolUse={"input": ""}),
            delta(2, toolUse={"input": '{"a":'}),
            delta(2, toolUse={"input": "[1]}"}),
            event("contentBlockStop", contentBlockIndex=2),
            event("somethingNew", contentBlockIndex=9),
            event("messageStop", stopReason="tool_use"),
            event(
                "metadata",
                usage={"inputTokens": 3, "outputTokens": 4, "totalTokens": 7},
                metrics={"latencyMs": 1},
            ),
        )
    )
    call = ToolCall("t1", "read", {"a": [1]})
    assert error is None
    assert events == [
        StreamStart(),
        BlockStart("thinking_start", 0),
        BlockDelta("thinking_delta", 0, "I "),
        BlockDelta("thinking_delta", 0, "see"),
        BlockEnd("thinking_end", 0, "I see"),
        BlockStart("text_start", 1),
        BlockDelta("text_delta", 1, "Lo"),
        BlockDelta("text_delta", 1, "ok 🌍"),
        BlockEnd("text_end", 1, "Look 🌍"),
        BlockStart("toolcall_start", 2, "t1", "read"),
        BlockDelta("toolcall_delta", 2, ""),
        BlockDelta("toolcall_delta", 2, '{"a":'),
        BlockDelta("toolcall_delta", 2, "[1]}"),
        BlockEnd("toolcall_end", 2, tool_call=call),
    ]
    message = draft.freeze(draft.stop_reason)
    assert message.content == (Thinking("I see", "c2ln"), Text("Look 🌍"), call)
    assert (message.stop_reason, message.raw_stop_reason) == ("toolUse", "tool_use")
    assert message.usage == Usage(input=3, output=4, total_tokens=7)
    assert message.diagnostics is None


def test_sealed_reasoning_is_kept_as_its_bytes_came():
    pieces = [b"A", b"BC", b"D" * 10]
    events, draft, error, _ = run(
        streamed(
            START,
            delta(0, reasoningContent={"signature": "lost"}),
            *(delta(0, reasoningContent={"redactedContent": b64encode(piece).decode()}) for piece in pieces),
            delta(0, reasoningContent={"signature": "late"}),
            STOP,
        )
    )
    assert error is None
    assert events[1:] == [
        BlockStart("thinking_start", 0),
        BlockDelta("thinking_delta", 0, "[Reasoning redacted]"),
    ]
    sealed = b64encode(b"".join(pieces)).decode()
    assert draft.freeze("stop").content == (Thinking("[Reasoning redacted]", sealed, True),)


def test_a_piece_of_another_kind_than_its_block_is_passed_over():
    _, draft, error, _ = run(
        streamed(
            START,
            delta(0, text="a"),
            delta(0, reasoningContent={"text": "b"}),
            delta(0, toolUse={"input": "c"}),
            delta(1, toolUse={"input": "d"}),
            delta(2, citation={}),
            event("contentBlockStop", contentBlockIndex=5),
            event("contentBlockStart", contentBlockIndex=6, start={"image": {"format": "png"}}),
            STOP,
        )
    )
    assert error is None
    assert draft.freeze("stop").content == (Text("a"),)


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "toolUse"),
        ("guardrail_intervened", "error"),
        ("brand_new", "error"),
    ],
)
def test_every_reason_to_stop_is_understood_or_told(reason, stop):
    _, draft, error, _ = run(streamed(START, event("messageStop", stopReason=reason)))
    assert error is None
    assert (draft.stop_reason, draft.raw_stop_reason) == (stop, reason)
    assert draft.error_message == (f"Provider stopped with: {reason}" if stop == "error" else None)


def test_usage_tells_cached_input_and_what_is_kept_for_an_hour():
    usage = {
        "inputTokens": 10,
        "outputTokens": 5,
        "cacheReadInputTokens": 100,
        "cacheWriteInputTokens": 7,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 3}, {"ttl": "5m", "inputTokens": 4}, {"ttl": "1h"}],
    }
    cost = ModelCost(1_000_000, 1_000_000, 1_000_000, 1_000_000)
    _, draft, _, _ = run(streamed(START, STOP, event("metadata", usage=usage)), cost=cost)
    assert draft.usage == Usage(
        input=10,
        output=5,
        cache_read=100,
        cache_write=7,
        total_tokens=15,
        cache_write_1h=3,
        cost=Cost(10, 5, 100, 10, 125),
    )
    _, draft, _, _ = run(streamed(START, STOP, event("metadata", usage={"totalTokens": 9})))
    assert draft.usage == Usage(total_tokens=9, cache_write_1h=UNSET)


# ---- failures ----


@pytest.mark.parametrize(
    ("name", "says", "status"),
    [
        ("internalServerException", "Internal server error: why", 500),
        ("modelStreamErrorException", "Model stream error: why", 424),
        ("validationException", "Validation error: why", 400),
        ("throttlingException", "Throttling error: why", 429),
        ("serviceUnavailableException", "Service unavailable: why", 503),
        ("modelTimeoutException", "ModelTimeoutException: why", None),
    ],
)
def test_a_failure_in_mid_stream_is_told_by_its_kind(name, says, status):
    raw = streamed(
        START, delta(0, text="a"), exception(name, message="why"), headers="x-amzn-requestid: r1\r\n"
    )
    events, draft, error, _ = run(raw)
    assert (str(error), error.status) == (says, status)
    assert events[-1] == BlockDelta("text_delta", 0, "a")
    [note] = draft.diagnostics
    code = name[0].upper() + name[1:]
    assert note["type"] == "bedrock_response_failure"
    assert note["details"] == {"errorCode": code, "requestId": "r1"}


def test_a_failure_without_words_is_one_all_the_same():
    for raw in (frame({":message-type": "exception", ":exception-type": "throttlingException"}, b""),):
        assert str(run(streamed(START, raw))[2]) == "Throttling error: Unknown"
    told = frame({":message-type": "error", ":error-code": "Bad", ":error-message": "it broke"}, b"")
    assert str(run(streamed(START, told))[2]) == "it broke"
    untold = frame({":message-type": "error"}, b"")
    assert str(run(streamed(START, untold))[2]) == "Bedrock broke off without a reason. Try again."


NAMED = "x-amzn-errortype: {}\r\nx-amzn-requestid: r1\r\nretry-after: 2\r\n"


@pytest.mark.parametrize(
    ("status", "headers", "body", "says", "details"),
    [
        (
            400,
            NAMED.format("ValidationException:http://internal.amazon.com/coral/"),
            {"message": "Input is too long for requested model."},
            "Validation error: Input is too long for requested model.",
            {"status": 400, "errorCode": "ValidationException", "requestId": "r1"},
        ),
        (
            429,
            NAMED.format("ThrottlingException"),
            {"message": "Too many requests, please wait."},
            "Throttling error: Too many requests, please wait.",
            {"status": 429, "errorCode": "ThrottlingException", "requestId": "r1"},
        ),
        (
            403,
            "",
            {"__type": "com.amazon.coral.service#AccessDeniedException", "Message": "no access"},
            "AccessDeniedException: no access",
            {"status": 403, "errorCode": "AccessDeniedException"},
        ),
        (502, "", b"<html>nope</html>", "Unknown: 502: <html>nope</html>", {"status": 502}),
        (403, "", {"error": {"code": "x"}}, 'Unknown: 403: {"error": {"code": "x"}}', {"status": 403}),
        (503, "", b"", "Unknown: 503: no body", {"status": 503}),
        (302, "", [1], "Unknown: 302: [1]", {"status": 302}),
        (
            400,
            NAMED.format("ValidationException"),
            {"message": "data retention mode 'default' is not available for this model"},
            "Validation error: data retention mode 'default' is not available for this model "
            "See https://docs.aws.amazon.com/bedrock/latest/userguide/data-retention.html "
            "for supported data retention modes.",
            {"status": 400, "errorCode": "ValidationException", "requestId": "r1"},
        ),
    ],
)
def test_a_refusal_is_told_by_its_kind(status, headers, body, says, details):
    raw = answered(body, status).replace(b"connection: close\r\n", f"connection: close\r\n{headers}".encode())
    events, draft, error, _ = run(raw)
    assert events == []
    assert (str(error), error.status) == (says, status)
    assert error.retry_after_ms == (2_000 if headers else None)
    assert [note["details"] for note in draft.diagnostics] == [details]


def test_overflows_and_passing_faults_are_known_as_what_they_are():
    long = answered(
        {"__type": "ValidationException", "message": "Input is too long for requested model."}, 400
    )
    message = message_of(long)
    assert is_overflow(message, 200_000)
    assert not is_transient(message)
    for name in ("internalServerException", "serviceUnavailableException"):
        assert is_transient(message_of(streamed(START, exception(name, message="Try later"))))
    busy = message_of(
        streamed(START, exception("throttlingException", message="Too many tokens, please wait."))
    )
    assert not is_overflow(busy, 200_000)
    assert is_transient(message_of(answered(b"", 503)))
    assert is_transient(message_of(streamed(START)))


def test_what_is_thrown_before_the_answer_begins_may_be_asked_again():
    replies = [
        streamed(exception("throttlingException", message="slow")),
        streamed(START, delta(0, text="a"), STOP),
    ]

    async def talk():
        async with host(lambda head, body: replies.pop(0)) as (url, seen):
            options = replace(BEARER, max_retries=1)
            return [each async for each in ask(a_model(url), CONTEXT, options)][-1], seen

    end, seen = asyncio.run(talk())
    assert isinstance(end, StreamEnd)
    assert (end.message.stop_reason, end.message.text, len(seen)) == ("stop", "a", 2)


def test_an_answer_that_ends_too_early_is_an_error():
    for raw in (
        streamed(),
        streamed(START, delta(0, text="a")),
        streamed(START, delta(0, text="a"), STOP[:-1]),
    ):
        error = run(raw)[2]
        assert isinstance(error, ProtocolError)
        assert str(error) == NO_REASON


def test_a_connection_that_breaks_is_an_error_of_the_network():
    _, _, error, _ = run(streamed(START, delta(0, text="a"), cut=True))
    assert isinstance(error, TransportError)
    assert str(error).startswith("terminated")


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (event("messageStart", role="user"), "Unexpected assistant message start"),
        (b"<html>login</html>", "The answer is no AWS event stream"),
        (frame({":event-type": "messageStop"}, b'{"stopReason": '), "Unexpected end of JSON input"),
        (
            START + delta(0, reasoningContent={"redactedContent": "A"}),
            "Bedrock sent reasoning that is not base64",
        ),
    ],
)
def test_what_breaks_the_protocol_is_an_error(raw, says):
    error = run(streamed(raw))[2]
    assert isinstance(error, ProtocolError)
    assert str(error).startswith(says)


WHOLE = b"".join(
    (
        START,
        delta(0, reasoningContent={"text": "hm"}),
        delta(0, reasoningContent={"signature": "c2ln"}),
        event("contentBlockStop", contentBlockIndex=0),
        delta(1, text="ä 🌍"),
        event("contentBlockStop", contentBlockIndex=1),
        event("contentBlockStart", contentBlockIndex=2, start={"toolUse": {"toolUseId": "1", "name": "ls"}}),
        delta(2, toolUse={"input": '{"p": "é"}'}),
        event("contentBlockStop", contentBlockIndex=2),
        event("messageStop", stopReason="tool_use"),
    )
)


@settings(max_examples=40)
@given(st.lists(st.integers(0, len(WHOLE)), max_size=6))
def test_however_the_bytes_are_cut_the_answer_is_the_same(cuts):
    edges = [0, *sorted(cuts), len(WHOLE)]
    pieces = [WHOLE[start:end] for start, end in pairwise(edges) if start < end]
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    raw = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunked + b"0\r\n\r\n"
    _, draft, error, _ = run(raw)
    assert error is None
    assert draft.freeze(draft.stop_reason).content == (
        Thinking("hm", "c2ln"),
        Text("ä 🌍"),
        ToolCall("1", "ls", {"p": "é"}),
    )

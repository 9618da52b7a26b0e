"""What may pass is asked again, after the wait that was asked for; what can't pass is not."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.llm.errors import ProtocolError, ProviderError, TransportError
from pi.llm.messages import AssistantMessage, StopReason, Usage
from pi.llm.options import StreamOptions
from pi.llm.retry import agent_retry_delay_ms, is_transient, retry_after_ms, retry_delay_ms
from pi.platform.clock import now_ms

TWICE = StreamOptions(max_retries=2)


def failed(text: str | None, stop_reason: StopReason = "error") -> AssistantMessage:
    return AssistantMessage((), "api", "provider", "model", Usage(), stop_reason, 0, error_message=text)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503, 529])
def test_the_provider_layer_asks_again_as_often_as_it_may(status: int) -> None:
    error = ProviderError("x", status=status)
    assert retry_delay_ms(error, 0, StreamOptions()) is None
    assert retry_delay_ms(error, 1, TWICE) is not None
    assert retry_delay_ms(error, 2, TWICE) is None


def test_a_broken_connection_may_pass_and_a_broken_protocol_may_not() -> None:
    assert retry_delay_ms(TransportError("terminated"), 0, TWICE) is not None
    assert retry_delay_ms(ProtocolError("x"), 0, TWICE) is None
    assert retry_delay_ms(ProviderError("x"), 0, TWICE) is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
def test_what_the_request_did_wrong_does_not_pass(status: int) -> None:
    assert retry_delay_ms(ProviderError("x", status=status), 0, TWICE) is None


@given(st.integers(0, 99))
def test_without_a_wish_the_wait_doubles_up_to_eight_seconds(attempt: int) -> None:
    full = min(500 * 2**attempt, 8000)
    delay = retry_delay_ms(TransportError("x"), attempt, StreamOptions(max_retries=100))
    assert delay is not None
    assert full * 0.75 <= delay <= full


def test_the_servers_wish_is_honoured_up_to_the_limit() -> None:
    def wait(asked: int, limit: int) -> int | None:
        error = ProviderError("x", status=429, retry_after_ms=asked)
        return retry_delay_ms(error, 0, StreamOptions(max_retries=1, max_retry_delay_ms=limit))

    assert wait(60_000, 60_000) == 60_000
    assert wait(60_001, 60_000) is None
    assert wait(60_001, 0) == 60_001
    assert wait(0, 60_000) == 0


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "4"}, 4000),
        ({"retry-after": " 0.5 "}, 500),
        ({"retry-after": "-1"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "Wed, 99 Foo 2020 00:00:00 GMT"}, None),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
        ({"retry-after-ms": "120.4", "retry-after": "4"}, 120),
        ({"retry-after-ms": "?", "retry-after": "4"}, 4000),
    ],
)
def test_headers_tell_the_wait(headers: dict[str, str], expected: int | None) -> None:
    assert retry_after_ms(headers) == expected


def test_a_date_tells_the_wait_from_now() -> None:
    date = formatdate(now_ms() // 1000 + 3600, usegmt=True)
    wait = retry_after_ms({"retry-after": date})
    assert wait is not None
    assert 0 < wait <= 3_600_000


@pytest.mark.parametrize(
    "text",
    [
        '429: {"message":"Rate limit reached, please slow down"}',
        '500 {"type":"error"}',
        "fake-resp API error (503): {}",
        "Overloaded",
        "terminated",
        "Connection error.",
        "Request timed out.",
        "fetch failed",
        "getaddrinfo ENOTFOUND host",
        "Stream ended without finish_reason",
        "Anthropic stream ended before message_stop",
        "OpenAI Responses stream ended before a terminal response event",
        "Google stream ended without a finish reason",
        "Server requested 3600s retry delay (max: 60s). x",
        "Service is temporarily unavailable",
        "8 RESOURCEEXHAUSTED: worker",
        "An error occurred, you can retry your request",
    ],
)
def test_what_may_pass_is_transient(text: str) -> None:
    assert is_transient(failed(text))


@pytest.mark.parametrize(
    "text",
    [
        "400: bad request",
        "401 invalid x-api-key",
        "404: no model m-5000",
        "429: insufficient_quota",
        "429 Monthly usage limit reached",
        "429 FreeUsageLimitError",
        "429 check your plan and BILLING details",
        '429 {"code":"1308","message":"x"}',
        "No API key for provider x",
    ],
)
def test_what_will_not_pass_is_not(text: str) -> None:
    assert not is_transient(failed(text))


def test_only_errors_are_transient() -> None:
    assert not is_transient(failed("429", "aborted"))
    assert not is_transient(failed("429", "stop"))
    assert not is_transient(failed(None))
    assert not is_transient(failed(""))


def test_the_agents_wait_doubles_up_to_its_cap() -> None:
    waits = [
        agent_retry_delay_ms(attempt, base_ms=2000, cap_ms=60_000) for attempt in (1, 2, 3, 4, 5, 6, 9999)
    ]
    assert waits == [2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]

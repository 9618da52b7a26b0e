"""Codex: its ends, its errors, and what it tells of the account's limits."""

import json

import pytest

from pi.llm.draft import Draft
from pi.llm.errors import ProtocolError
from pi.llm.formats.codex_answer import CodexAnswer, CodexError, limits_in, refusal
from pi.llm.models import Model, ModelCost
from pi.llm.overflow import is_overflow
from pi.platform.clock import now_ms

MODEL = Model("m", "openai-codex", "openai-codex-responses", "", cost=ModelCost(input=1, output=1))


def read(*events, tier=None):
    draft = Draft(MODEL)
    answer = CodexAnswer(draft, {}, tier)
    for event in events:
        answer.read(json.dumps(event).encode())
    return draft, answer


@pytest.mark.parametrize(
    ("kind", "status", "stop"),
    [
        ("completed", "completed", "stop"),
        ("done", None, "stop"),
        ("done", "unheard of", "stop"),
        ("incomplete", "incomplete", "error"),
        ("completed", "failed", "error"),
    ],
)
def test_each_of_its_ends_is_one(kind, status, stop):
    draft, answer = read({"type": f"response.{kind}", "response": {"id": "r", "status": status}})
    answer.finish()
    assert (answer.ended, draft.response_id, draft.stop_reason) == (True, "r", stop)


def test_an_answer_without_an_end_is_none():
    _, answer = read({"type": "response.created", "response": {"id": "r"}})
    with pytest.raises(ProtocolError, match="ended before a terminal response event"):
        answer.finish()


def test_limits_alone_are_no_beginning():
    assert not read({"type": "codex.rate_limits"})[1].begun
    assert read({"type": "codex.rate_limits"}, {"type": "response.created"})[1].begun


@pytest.mark.parametrize(
    ("asked", "served", "total"),
    [
        (None, "default", 2),
        ("priority", "default", 4),
        ("flex", "default", 1),
        ("flex", None, 1),
        ("flex", "priority", 4),
    ],
)
def test_a_tier_that_was_asked_for_is_paid_for(asked, served, total):
    usage = {"input_tokens": 1_000_000, "output_tokens": 1_000_000, "total_tokens": 2_000_000}
    response = {"status": "completed", "usage": usage, "service_tier": served}
    draft, _ = read({"type": "response.completed", "response": response}, tier=asked)
    assert draft.usage.cost.total == total


@pytest.mark.parametrize(
    ("event", "text", "code", "status"),
    [
        ({"code": "c", "message": "m"}, "Codex error: m", "c", None),
        ({"error": {"code": "c", "message": "m"}, "status": 429}, "Codex error: m", "c", 429),
        ({"code": "c"}, "Codex error: c", "c", None),
        ({"why": 1}, 'Codex error: {"type":"error","why":1}', "", None),
    ],
)
def test_an_error_event_is_an_error(event, text, code, status):
    with pytest.raises(CodexError) as caught:
        read({"type": "error", **event})
    assert (str(caught.value), caught.value.code, caught.value.status) == (text, code, status)


@pytest.mark.parametrize(
    ("error", "text", "code"),
    [
        ({"code": "c", "message": "m"}, "m", "c"),
        ({}, "Codex response failed", ""),
        (None, "Codex response failed", ""),
    ],
)
def test_a_failed_response_is_an_error(error, text, code):
    with pytest.raises(CodexError) as caught:
        read({"type": "response.failed", "response": {"error": error}})
    assert (str(caught.value), caught.value.code) == (text, code)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            {"type": "usage_limit_reached", "plan_type": "Plus"},
            "You have hit your ChatGPT usage limit (plus plan).",
        ),
        ({"code": "usage_not_included", "message": "x"}, "You have hit your ChatGPT usage limit."),
        ({"message": "Slow down"}, "You have hit your ChatGPT usage limit."),
    ],
)
def test_a_limit_is_told_in_plain_words(error, text):
    refused = refusal(429, {}, json.dumps({"error": error}).encode())
    assert (str(refused), refused.status, refused.retry_after_ms) == (text, 429, None)


def test_a_limit_tells_when_it_is_over():
    at_s = now_ms() / 1000 + 600.5
    body = json.dumps(
        {"error": {"code": "usage_limit_reached", "plan_type": "pro", "resets_at": at_s}}
    ).encode()
    refused = refusal(403, {}, body)
    assert str(refused) == "You have hit your ChatGPT usage limit (pro plan). Try again in ~10 min."
    assert refused.retry_after_ms and 590_000 < refused.retry_after_ms <= 600_500
    assert refusal(429, {"retry-after": "7"}, body).retry_after_ms == 7000


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"error":{"message":"Bad model"}}', "Bad model"),
        (b'{"detail":"no"}', '{"detail":"no"}'),
        (b"<html>", "<html>"),
        (b"", "Bad Request"),
        (b'{"error":"text"}', '{"error":"text"}'),
    ],
)
def test_any_other_refusal_says_what_the_host_said(body, text):
    assert str(refusal(400, {}, body)) == text


def test_an_overflow_is_known_as_one():
    with pytest.raises(CodexError) as caught:
        read({"type": "error", "message": "Your input exceeds the context window of this model."})
    assert is_overflow(Draft(MODEL).freeze("error", str(caught.value)), MODEL.context_window)


def test_limits_come_as_the_headers_that_http_has():
    window = {"used_percent": 42.0, "window_minutes": 300, "reset_at": 1_700_009_000}
    event = {
        "type": "codex.rate_limits",
        "plan_type": "plus",
        "rate_limits": {"allowed": True, "primary": window, "secondary": {"used_percent": 5.5}},
        "credits": {"has_credits": True, "unlimited": False, "balance": "9"},
    }
    assert limits_in(json.dumps(event).encode()) == (
        200,
        {
            "x-codex-plan-type": "plus",
            "x-codex-primary-used-percent": "42",
            "x-codex-primary-window-minutes": "300",
            "x-codex-primary-reset-at": "1700009000",
            "x-codex-secondary-used-percent": "5.5",
            "x-codex-credits-has-credits": "true",
            "x-codex-credits-unlimited": "false",
            "x-codex-credits-balance": "9",
        },
    )


def test_limits_of_another_meter_have_names_of_their_own():
    event = {
        "type": "codex.rate_limits",
        "metered_limit_name": "codex_other",
        "rate_limits": {"primary": {"used_percent": 1}},
    }
    assert limits_in(json.dumps(event).encode()) == (200, {"x-codex-other-primary-used-percent": "1"})


def test_the_headers_of_an_error_are_told_too():
    event = {"type": "error", "status": 429, "headers": {"X-Codex-Primary-Used-Percent": 100.0}}
    assert limits_in(json.dumps(event).encode()) == (429, {"x-codex-primary-used-percent": "100"})


@pytest.mark.parametrize(
    "data", [b"{}", b'{"type":"x","headers":{"a":"b"}}', b'"codex.rate_limits', b'["codex.rate_limits"]']
)
def test_what_tells_nothing_of_limits_tells_nothing(data):
    assert limits_in(data) is None

"""An overflow is told from every other failure, by what providers say and by what they count."""

import pytest

from pi.llm.messages import AssistantMessage, StopReason, Usage
from pi.llm.overflow import is_overflow, is_recoverable_length

WINDOW = 200_000
NOTHING = Usage()


def message(
    stop_reason: StopReason, text: str | None = None, *, provider: str = "p", usage: Usage = NOTHING
) -> AssistantMessage:
    return AssistantMessage((), "api", provider, "model", usage, stop_reason, 0, error_message=text)


@pytest.mark.parametrize(
    "text",
    [
        "400 prompt is too long: 213462 tokens > 200000 maximum",
        '413 {"error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}',
        "400: Prompt exceeds max length",
        "Input is too long for requested model.",
        "400: Your input exceeds the context window of this model",
        "Requested token count exceeds the model's maximum context length of 131,072 tokens",
        "Input length (265330) exceeds model's maximum context length (262144).",
        "Context window exceeded",
        "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575)",
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens",
        "Please reduce the length of the messages or completion",
        "This endpoint's maximum context length is 1000 tokens. However, you requested about 2000 tokens",
        "Input length 9 exceeds the maximum allowed input length of 8 tokens.",
        "The input (9 tokens) is longer than the model's context length (8 tokens).",
        "prompt token count of 9 exceeds the limit of 8",
        "the request exceeds the available context size, try increasing it",
        "tokens to keep from the initial prompt is greater than the context length",
        "invalid params, context window exceeds limit",
        "Your request exceeded model token limit: 8 (requested: 9)",
        "Prompt contains 9 tokens and is too large for model with 8 maximum context length",
        "Prompt has 1,000 tokens, but the configured context size is 8 tokens",
        "model_context_window_exceeded",
        "prompt too long; exceeded max context length by 3 tokens",
        "Range of input length should be [1, 8]",
        '{"code":"context_length_exceeded"}',
        "Too many tokens",
        "token limit exceeded",
        "413",
        "413: {}",
        "413 Payload Too Large",
        "Some-Host API error (413): x",
    ],
)
def test_what_providers_say_of_an_overflow_is_understood(text: str) -> None:
    assert is_overflow(message("error", text), WINDOW)
    assert is_overflow(message("error", text.upper()), 0)


@pytest.mark.parametrize(
    "text",
    [
        "ThrottlingException: Too many tokens, rate limit",
        "Throttling error: Too many tokens, please wait before trying again.",
        "Service unavailable: too many tokens",
        "429 Too Many Requests: token limit exceeded",
        "4130 widgets",
        "500: error 413",
        "400 (no body)",
        "",
    ],
)
def test_other_failures_are_no_overflow(text: str) -> None:
    assert not is_overflow(message("error", text), WINDOW)


def test_an_empty_body_is_an_overflow_only_where_that_is_the_custom() -> None:
    for text in ("400 status code (no body)", "413 (no body)"):
        assert is_overflow(message("error", text, provider="cerebras"), WINDOW)
    assert not is_overflow(message("error", "401 status code (no body)", provider="cerebras"), WINDOW)
    assert not is_overflow(message("error"), WINDOW)


@pytest.mark.parametrize(
    ("stop_reason", "usage", "expected"),
    [
        ("stop", Usage(input=150_000, cache_read=50_000), False),
        ("stop", Usage(input=150_000, cache_read=50_001), True),
        ("length", Usage(input=198_000), True),
        ("length", Usage(input=197_999), False),
        ("length", Usage(input=199_000, output=1), False),
        ("toolUse", Usage(input=300_000), False),
        ("aborted", Usage(input=300_000), False),
    ],
)
def test_a_silent_overflow_shows_in_the_counts(stop_reason: StopReason, usage: Usage, expected: bool) -> None:
    assert is_overflow(message(stop_reason, usage=usage), WINDOW) is expected
    assert not is_overflow(message(stop_reason, usage=usage), 0)


@pytest.mark.parametrize(
    ("stop_reason", "output", "limit", "expected"),
    [
        ("length", 99, 100, True),
        ("length", 100, 100, False),
        ("length", 0, 0, False),
        ("stop", 99, 100, False),
    ],
)
def test_a_cut_below_its_limit_is_worth_another_try(
    stop_reason: StopReason, output: int, limit: int, expected: bool
) -> None:
    assert is_recoverable_length(message(stop_reason, usage=Usage(output=output)), limit) is expected

"""What providers say of their limits in headers becomes windows with one shape."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.llm.quota import Window, read_limits, says_limits

NOW = 1_800_000_000_000
MINUTE = 60_000

CASES: list[tuple[str, Mapping[str, str], tuple[Window, ...]]] = [
    (
        "anthropic",  # a subscription; extra usage is no window, and what was refused is used up
        {
            "anthropic-ratelimit-unified-status": "rejected",
            "anthropic-ratelimit-unified-5h-status": "allowed",
            "anthropic-ratelimit-unified-5h-utilization": "0.42",
            "anthropic-ratelimit-unified-5h-reset": "1800003600",
            "anthropic-ratelimit-unified-7d-status": "rejected",
            "anthropic-ratelimit-unified-7d-utilization": "0.99",
            "anthropic-ratelimit-unified-7d-reset": "1800103600",
            "anthropic-ratelimit-unified-7d_oi-utilization": "0.1",
            "anthropic-ratelimit-unified-overage-status": "rejected",
            "anthropic-ratelimit-unified-fallback-percentage": "0.5",
        },
        (
            Window("5h", 0.42, resets_at_ms=1_800_003_600_000),
            Window("week", 1.0, resets_at_ms=1_800_103_600_000),
            Window("week (oi)", 0.1),
        ),
    ),
    (
        "anthropic",
        {
            "anthropic-ratelimit-input-tokens-limit": "40000",
            "anthropic-ratelimit-input-tokens-remaining": "30000",
            "anthropic-ratelimit-input-tokens-reset": "2027-01-15T08:00:30Z",
        },
        (Window("input tokens", 0.25, 40000, 30000, NOW + 30_000),),
    ),
    (
        "openai",
        {
            "x-ratelimit-limit-tokens": "150000",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": "6m0s",
        },
        (Window("tokens", 1.0, 150000, 0, NOW + 6 * MINUTE),),
    ),
    (
        "groq",  # there, requests are those of a day
        {
            "x-ratelimit-limit-requests": "14400",
            "x-ratelimit-remaining-requests": "7200",
            "x-ratelimit-reset-requests": "2m59.56s",
        },
        (Window("requests/day", 0.5, 14400, 7200, NOW + 179_560),),
    ),
    (
        "cerebras",
        {
            "x-ratelimit-limit-requests-day": "100",
            "x-ratelimit-remaining-requests-day": "25",
            "x-ratelimit-reset-requests-day": "33011.382867097855",
        },
        (Window("requests/day", 0.75, 100, 25, NOW + 33_011_383),),
    ),
    (
        "mistral",
        {
            "x-ratelimit-limit-req-minute": "30",
            "x-ratelimit-remaining-req-minute": "0",
            "x-ratelimit-limit-tokens-month": "1000",
            "x-ratelimit-remaining-tokens-month": "12",
            "x-ratelimit-tokens-query-cost": "52",
        },
        (Window("requests/minute", 1.0, 30, 0), Window("tokens/month", 0.988, 1000, 12)),
    ),
    (
        "openrouter",
        {"x-ratelimit-limit": "20", "x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW + MINUTE}"},
        (Window("requests", 1.0, 20, 0, NOW + MINUTE),),
    ),
    (
        "openai-codex",  # an absolute reset beats a relative one; a plan without credits has a balance of 0
        {
            "x-codex-primary-used-percent": "61",
            "x-codex-primary-window-minutes": "300",
            "x-codex-primary-reset-after-seconds": "60",
            "x-codex-primary-reset-at": "1800003600",
            "x-codex-secondary-used-percent": "100",
            "x-codex-secondary-window-minutes": "10080",
            "x-codex-secondary-reset-after-seconds": "3600",
            "x-codex-other-primary-used-percent": "9",
            "x-codex-other-primary-window-minutes": "300",
            "x-codex-credits-balance": "0",
        },
        (
            Window("5h", 0.61, resets_at_ms=1_800_003_600_000),
            Window("week", 1.0, resets_at_ms=NOW + 3_600_000),
            Window("5h (other)", 0.09),
        ),
    ),
    (
        "github-copilot",  # -1 is without a limit
        {
            "x-quota-snapshot-premium_interactions": (
                "ent=1500&ov=0.0&ovPerm=false&rem=31.0&rst=2027-01-15T08%3A01%3A00Z"
            ),
            "x-quota-snapshot-chat": "ent=-1&rem=100.0",
            "x-usage-ratelimit-session": "ent=50&rem=50&rst=2027-01-15T08:02:00Z",
        },
        (
            Window("premium requests", 0.69, 1500, 465, NOW + MINUTE),
            Window("5h", 0.5, 50, 25, NOW + 2 * MINUTE),
        ),
    ),
    ("any", {"x-ratelimit-limit": "oops", "x-codex-primary-used-percent": "", "x-quota-snapshot-": "?"}, ()),
    ("any", {"content-type": "text/event-stream"}, ()),
]


@pytest.mark.parametrize(("provider", "headers", "windows"), CASES)
def test_headers_become_windows(
    provider: str, headers: Mapping[str, str], windows: tuple[Window, ...]
) -> None:
    assert read_limits(provider, headers, NOW) == windows
    assert says_limits(headers) or not windows


NAMES = sorted({name for _, headers, _ in CASES for name in headers})


@given(st.dictionaries(st.sampled_from(NAMES), st.text() | st.floats().map(str) | st.integers().map(str)))
def test_no_header_breaks_an_answer(headers: dict[str, str]) -> None:
    for window in read_limits("anthropic", headers, NOW):
        assert window.name


@pytest.mark.parametrize(
    ("window", "spent"),
    [
        (Window("5h", 1.0), True),
        (Window("5h", 0.99), False),
        (Window("requests", None, 5, 0), True),
        (Window("requests", None, 5, None), False),
    ],
)
def test_a_window_knows_when_nothing_is_left(window: Window, spent: bool) -> None:
    assert window.exhausted is spent

"""Providers that can be asked for their limits are asked where and how they want it."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pi.llm.auth import Credentials
from pi.llm.errors import ProtocolError, ProviderError
from pi.llm.quota import Window
from pi.llm.quota_endpoints import ENDPOINTS, ask_limits, host_of

AT = 1_900_000_000
ISO = datetime.fromtimestamp(AT, UTC).isoformat()
ANSWERS: dict[str, tuple[dict[str, Any], tuple[Window, ...]]] = {
    "openrouter": (
        {
            "/api/v1/key": {"data": {"limit": 10, "limit_remaining": 4, "limit_reset": "monthly"}},
            "/api/v1/credits": {"data": {"total_credits": 20, "total_usage": 5}},
        },
        (Window("credits (month)", 0.6, 10, 4), Window("credits", 0.25, 20, 15)),
    ),
    "kimi-coding": (
        {
            "/coding/v1/usages": {
                "usage": {"limit": "2000", "used": "500", "resetTime": ISO},
                "limits": [
                    {
                        "window": {"duration": 300, "timeUnit": "TIME_UNIT_MINUTE"},
                        "detail": {"limit": "200", "remaining": "50", "resetTime": ISO},
                    }
                ],
            }
        },
        (
            Window("week", 0.25, 2000, 1500, AT * 1000),
            Window("5h", 0.75, 200, 50, AT * 1000),
        ),
    ),
    "openai-codex": (
        {
            "/backend-api/wham/usage": {
                "rate_limit": {
                    "primary_window": {
                        "used_percent": 24,
                        "limit_window_seconds": 18000,
                        "reset_at": AT,
                        "reset_after_seconds": 5,
                    },
                    "secondary_window": None,
                },
                "credits": {"has_credits": True, "unlimited": False, "balance": "$5.39"},
            }
        },
        (Window("5h", 0.24, resets_at_ms=AT * 1000), Window("credits", remaining=5.39)),
    ),
    "github-copilot": (
        {
            "/copilot_internal/user": {
                "quota_reset_date_utc": ISO,
                "quota_snapshots": {
                    "premium_interactions": {"entitlement": 300, "remaining": 240, "percent_remaining": 80},
                    "chat": {"entitlement": 0, "remaining": 0, "percent_remaining": 100, "unlimited": True},
                },
            }
        },
        (Window("premium requests", 0.2, 300, 240, AT * 1000),),
    ),
    "zai": (
        {
            "/api/monitor/usage/quota/limit": {
                "code": 200,
                "data": {
                    "limits": [
                        {"type": "TOKENS_LIMIT", "unit": 3, "percentage": 40, "nextResetTime": AT * 1000},
                        {"type": "TIME_LIMIT", "unit": 5, "percentage": 10},
                    ]
                },
            }
        },
        (Window("5h", 0.4, resets_at_ms=AT * 1000), Window("month (tools)", 0.1)),
    ),
}


def asked(
    provider: str, answers: dict[str, Any], credentials: Credentials, refresh: str | None = None
) -> tuple[tuple[Window, ...], dict[str, str]]:
    """The windows, and the authorization that each path was asked with."""
    seen: dict[str, str] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        lines = head.split("\r\n")
        seen[path] = next((line[15:] for line in lines if line.startswith("authorization: ")), "")
        status, body = (200, answers[path]) if path in answers else (403, {"error": "no"})
        data = json.dumps(body).encode()
        writer.write(
            f"HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {len(data)}\r\n\r\n".encode() + data
        )
        await writer.drain()
        writer.close()

    async def main() -> tuple[Window, ...]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            host = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            return await ask_limits(provider, credentials, refresh_token=refresh, host=host)

    return asyncio.run(main()), seen


@pytest.mark.parametrize("provider", ANSWERS)
def test_answers_become_windows(provider: str) -> None:
    answers, windows = ANSWERS[provider]
    assert provider in ENDPOINTS
    assert asked(provider, answers, Credentials("key"), "refresh")[0] == windows


@pytest.mark.parametrize(
    ("provider", "path", "shown"),
    [
        ("openrouter", "/api/v1/key", "Bearer key"),
        ("zai", "/api/monitor/usage/quota/limit", "key"),
        ("github-copilot", "/copilot_internal/user", "token refresh"),
    ],
)
def test_each_gets_the_token_that_it_wants(provider: str, path: str, shown: str) -> None:
    _, seen = asked(provider, ANSWERS[provider][0], Credentials("key"), "refresh")
    assert seen[path] == shown


def test_a_login_that_is_a_header_opens_it_too() -> None:
    _, seen = asked(
        "kimi-coding", ANSWERS["kimi-coding"][0], Credentials(None, {"Authorization": "Bearer x"})
    )
    assert seen == {"/coding/v1/usages": "Bearer x"}


def test_what_a_key_may_not_see_is_left_out() -> None:
    answers = {"/api/v1/key": ANSWERS["openrouter"][0]["/api/v1/key"]}
    assert asked("openrouter", answers, Credentials("key"))[0] == (Window("credits (month)", 0.6, 10, 4),)


def test_a_refusal_says_what_to_do_and_no_secret() -> None:
    with pytest.raises(ProviderError, match=r"answered 403\. Log in again\.$") as raised:
        asked("kimi-coding", {}, Credentials("s3cret"))
    assert "s3cret" not in str(raised.value)


def test_an_answer_that_is_no_object_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="JSON object"):
        asked("kimi-coding", {"/coding/v1/usages": [1]}, Credentials("key"))


def test_a_provider_that_cant_be_asked_has_no_windows() -> None:
    assert "anthropic" not in ENDPOINTS
    assert asyncio.run(ask_limits("anthropic", Credentials("key"))) == ()


@pytest.mark.parametrize(
    ("provider", "url", "host"),
    [
        ("openrouter", "https://openrouter.ai/api/v1", "https://openrouter.ai"),
        ("openrouter", "http://127.0.0.1:8080/v1", "http://127.0.0.1:8080"),
        ("github-copilot", "https://api.individual.githubcopilot.com", "https://api.github.com"),
        ("github-copilot", "https://copilot-api.acme.ghe.com", "https://api.acme.ghe.com"),
        ("github-copilot", "http://127.0.0.1:8080", None),
    ],
)
def test_a_key_goes_only_where_requests_go(provider: str, url: str, host: str | None) -> None:
    assert host_of(provider, url) == host

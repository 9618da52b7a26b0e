"""What `ask` adds to a request, whatever the protocol."""

import asyncio

import pytest

from pi.llm.messages import Context
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.protocols.faux import Script
from pi.llm.stream import ask


def headers_asked(provider: str, options: StreamOptions) -> dict[str, str] | None:
    script = Script("hello")

    async def run() -> None:
        async for _ in ask(Model("m", provider, "faux", "", compat={"script": script}), Context(()), options):
            pass

    asyncio.run(run())
    return script.asked[0].options.headers


@pytest.mark.parametrize(
    ("provider", "options", "headers"),
    [
        ("opencode", StreamOptions(session_id="s1"), {"x-opencode-session": "s1"}),
        (
            "opencode-go",
            StreamOptions(session_id="s1", headers={"a": "b"}),
            {"x-opencode-session": "s1", "a": "b"},
        ),
        (
            "opencode",
            StreamOptions(session_id="s1", headers={"x-opencode-session": "mine"}),
            {"x-opencode-session": "mine"},
        ),
        ("opencode", StreamOptions(), None),
        ("openrouter", StreamOptions(session_id="s1"), None),
    ],
)
def test_a_provider_that_routes_by_session_is_told_it(
    provider: str, options: StreamOptions, headers: dict[str, str] | None
) -> None:
    assert headers_asked(provider, options) == headers

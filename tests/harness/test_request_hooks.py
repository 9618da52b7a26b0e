"""Hooks around a request see what is sent and what comes back, and may change the first."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from pi.sdk import create_agent_session
from tests.llm.protocols.wire import answer, data, serve

CHAT = ({"id": "c1", "choices": [{"delta": {"content": "Yes"}, "finish_reason": "stop"}]}, "[DONE]")
RESPONSES = (
    {"type": "response.created", "response": {"id": "r1", "error": None}},
    {"type": "response.completed", "response": {"id": "r1", "status": "completed"}},
)
GEMINI = ({"candidates": [{"content": {"parts": [{"text": "Yes"}]}, "finishReason": "STOP"}]},)
CLAUDE = (
    {"type": "message_start", "message": {"id": "m1", "usage": {"input_tokens": 1, "output_tokens": 1}}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
    {"type": "message_stop"},
)


def event(value: Any) -> bytes:
    name = f"event: {value['type']}\n" if "type" in value else ""
    return name.encode() + data(value)


@pytest.mark.parametrize(
    ("api", "sent"),
    [
        ("openai-completions", CHAT),
        ("openai-responses", RESPONSES),
        ("google-generative-ai", GEMINI),
        ("anthropic-messages", CLAUDE),
    ],
)
def test_a_request_and_its_stream_can_be_watched_and_changed(
    tmp_path: Path, api: str, sent: tuple[Any, ...]
) -> None:
    seen: list[Any] = []

    async def use(host: str) -> None:
        entry = {"baseUrl": host, "api": api, "apiKey": "k", "models": [{"id": "m"}]}
        (tmp_path / "models.json").write_text(json.dumps({"providers": {"mine": entry}}))
        session = await create_agent_session(cwd=tmp_path, agent_dir=tmp_path)
        session.hooks.on("before_provider_request", lambda event: event.payload | {"mine": True})
        session.hooks.on("after_provider_response", lambda event: seen.append(event.status))
        session.hooks.on("provider_stream_event", lambda event: seen.append((event.model.ref, event.data)))
        await session.prompt("hi")

    raw = answer(*map(event, sent), headers="content-type: text/event-stream\r\n")
    _, [(_, body)] = asyncio.run(serve(raw, use))

    assert body["mine"] is True
    assert seen == [200, *(("mine/m", value) for value in sent if value != "[DONE]")]

"""The same bytes, read by us and by the vendor's SDK: the same blocks, the same usage, the same end."""

import asyncio
from typing import Any

import pytest

from pi.llm.events import StreamEnd
from pi.llm.messages import AssistantMessage, Context, StopReason, UserMessage
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.stream import ask
from tests.conformance.golden.fake_provider import serve
from tests.oracles.sdks import APIS, BUILD, KEY, PATHS, READ, our_reading

ASKED = Context((UserMessage("hi", 1),))
OPTIONS = StreamOptions(api_key=KEY)
SIZES = (1, 6, 1_000)  # characters of a delta

READ_CALL = {"id": "call_1", "name": "read", "args": {"path": "ä/b c.md", "limit": 3}}
EDIT_CALL = {
    "id": "call_2",
    "name": "edit",
    "args": {"edits": [{"old": 'a"\n\\', "new": "🌍\t</x>"}], "deep": {"null": None, "yes": True, "pi": 3.5}},
}
BARE_CALL = {"id": "call_3", "name": "ls", "args": {}}
THOUGHT = {"thinking": "Let me see.\n\nFirst: naïve 🌍", "signature": "c2lnbmF0dXJl"}

TURNS: dict[str, tuple[dict[str, Any], StopReason]] = {
    "text": ({"text": "Hé\r\n\nllo 🌍, data: {}\n\n\u2028end "}, "stop"),
    "an empty text": ({"text": ""}, "stop"),
    "thinking": ({**THOUGHT, "text": "Yes."}, "stop"),
    "a tool": ({"text": "I'll read.", "toolCalls": [READ_CALL]}, "toolUse"),
    "parallel tools": ({**THOUGHT, "toolCalls": [READ_CALL, EDIT_CALL, BARE_CALL]}, "toolUse"),
    "spaced arguments": (
        {"toolCalls": [READ_CALL | {"rawArgs": '{ "path" : "\\u00e4/b c.md",\n "limit":3 }'}]},
        "toolUse",
    ),
    "usage": (
        {"text": "ok", "usage": {"input": 12, "output": 700, "cacheRead": 5_000, "reasoning": 64}},
        "stop",
    ),
    "cache writes": ({"text": "ok", "usage": {"input": 3, "cacheWrite": 900}}, "stop"),
    "too long": ({"text": "and so on and", "stopReason": "length"}, "length"),
    "cut calls": ({"toolCalls": [READ_CALL], "stopReason": "length"}, "length"),
}


def model_of(api: str, host: str) -> Model:
    return Model("gemini", "oracle", api, host + PATHS[api], reasoning=True, input=("text", "image"))


async def read_both(api: str, turn: dict[str, Any]) -> tuple[AssistantMessage, Any]:
    """Our message and the SDK's reading of an answer; each asks a server of its own that says the same."""
    ours, theirs = await serve({"turns": [turn]}), await serve({"turns": [turn]})
    try:
        events = [e async for e in ask(model_of(api, f"http://127.0.0.1:{ours.port}"), ASKED, OPTIONS)]
        there = model_of(api, f"http://127.0.0.1:{theirs.port}")
        reading = await READ[api](there.base_url, BUILD[api](there, ASKED, OPTIONS))
    finally:
        await ours.stop()
        await theirs.stop()
    assert isinstance(events[-1], StreamEnd)
    return events[-1].message, reading


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("api", APIS)
def test_we_read_an_answer_as_the_sdk_does(api: str, name: str) -> None:
    turn, stop = TURNS[name]

    async def compare() -> None:
        for size in SIZES:
            message, reading = await read_both(api, turn | {"chunk": size})
            assert our_reading(message) == reading
            assert message.stop_reason == stop

    asyncio.run(compare())


def test_we_read_redacted_thinking_as_the_sdk_does() -> None:
    turn = {"parts": [{"thinking": "", "redacted": True, "signature": "ZW5j"}, {"text": "ok"}]}
    message, reading = asyncio.run(read_both("anthropic-messages", turn))
    assert our_reading(message) == reading
    assert reading.blocks == (("redacted", "ZW5j"), ("text", "ok", None))


@pytest.mark.parametrize("api", ["anthropic-messages", "google-generative-ai", "openai-responses"])
def test_we_keep_the_order_of_mixed_blocks_as_the_sdk_does(api: str) -> None:
    parts = [THOUGHT, {"text": "One."}, {"toolCall": READ_CALL}, {"text": "Two."}, {"toolCall": EDIT_CALL}]
    message, reading = asyncio.run(read_both(api, {"parts": parts}))
    assert our_reading(message) == reading
    assert [block[0] for block in reading.blocks] == ["thinking", "text", "call", "text", "call"]


@pytest.mark.parametrize("api", ["anthropic-messages", "google-generative-ai", "openai-completions"])
def test_we_stop_at_a_refusal_for_the_reason_that_the_sdk_gives(api: str) -> None:
    message, reading = asyncio.run(read_both(api, {"text": "I", "stopReason": "refusal"}))
    assert our_reading(message) == reading
    assert message.stop_reason == "error"

"""What holds of every stream and every conversation, in all protocols: hypothesis looks for the exception."""

import asyncio
import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pi.llm.events import StreamEnd
from pi.llm.http import encode_body
from pi.llm.messages import (
    AssistantMessage,
    Context,
    Image,
    Message,
    SystemMessage,
    Text,
    Thinking,
    ToolCall,
    ToolDeclaration,
    ToolResultMessage,
    Usage,
    UserMessage,
)
from pi.llm.models import LEVELS, Model
from pi.llm.options import StreamOptions
from pi.llm.stream import ask
from pi.llm.transcript import prepare
from tests.conformance.golden.fake_provider import EVENTS, sse
from tests.oracles.sdks import APIS, BUILD, KEY, PATHS, Payload, accepted
from tests.oracles.test_requests import as_the_vendor_knows_it

OPTIONS = StreamOptions(api_key=KEY)
TURN = {
    "thinking": "Hm: 🌍",
    "signature": "c2ln",
    "text": "data: é\n\n🌍 ok",
    "toolCalls": [
        {"id": "call_1", "name": "read", "args": {"path": "ä\n🌍"}},
        {"id": "call_2", "name": "ls", "args": {}},
    ],
    "chunk": 5,
}
LINE_ENDS = (b"\n", b"\r\n", b"\r")


# ---- streams ----


def body_of(api: str, line_end: bytes) -> bytes:
    events = EVENTS[api](TURN, 0, {"model": "m", "stream_options": {"include_usage": True}})
    return b"".join(sse(name, data) for name, data, _ in events).replace(b"\n", line_end)


async def read_in_pieces(api: str, pieces: Iterable[bytes]) -> AssistantMessage:
    """What `ask` makes of a body that a server on loopback sends in these pieces."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            for _ in range(3):  # turns of the loop, so that the reader sees this piece alone
                await asyncio.sleep(0)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        model = Model("m", "oracle", api, f"http://127.0.0.1:{port}{PATHS[api]}")
        events = [event async for event in ask(model, Context((UserMessage("hi", 1),)), OPTIONS)]
    last = events[-1]
    assert isinstance(last, StreamEnd)
    return replace(last.message, timestamp=0)


def cut(body: bytes, at: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted({place % len(body) for place in at}), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize("api", APIS)
def test_a_stream_that_comes_byte_by_byte_reads_as_if_it_came_at_once(api: str) -> None:
    async def both(body: bytes) -> tuple[AssistantMessage, AssistantMessage]:
        at_once = await read_in_pieces(api, [body])
        return at_once, await read_in_pieces(api, cut(body, range(len(body))))

    for line_end in LINE_ENDS:
        at_once, in_pieces = asyncio.run(both(body_of(api, line_end)))
        assert at_once == in_pieces
        assert at_once.stop_reason == "toolUse"


@pytest.mark.parametrize("api", APIS)
@settings(max_examples=25, deadline=None)
@given(at=st.lists(st.integers(0, 1 << 20), max_size=40), line_end=st.sampled_from(LINE_ENDS))
def test_a_stream_cut_anywhere_reads_as_if_it_came_at_once(api: str, at: list[int], line_end: bytes) -> None:
    async def both() -> tuple[AssistantMessage, AssistantMessage]:
        body = body_of(api, line_end)
        return await read_in_pieces(api, [body]), await read_in_pieces(api, cut(body, at))

    at_once, in_pieces = asyncio.run(both())
    assert at_once == in_pieces


# ---- conversations ----

# Half surrogate pairs are what JavaScript leaves when it cuts an emoji, and sessions hold them.
TEXTS = st.sampled_from(["", " ", "\n", "ok", "\ud83c", "\udf0d", "a\ud83c", "\ud83c\udf0d", "\0", "é🌍"]) | (
    st.text(st.characters(), max_size=6)
)
NAMES = st.sampled_from(["read", "bash", "edit"])
OPAQUE = st.none() | TEXTS | st.sampled_from(["c2ln", "reasoning_content", "[]"])
TEXT_SIGNATURES = OPAQUE | st.just('{"v":1,"id":"msg_1","phase":"commentary"}')
REASONING = st.builds(
    lambda words: json.dumps({"id": "rs_1", "type": "reasoning", "summary": words, "encrypted_content": "x"}),
    st.lists(st.builds(lambda text: {"type": "summary_text", "text": text}, TEXTS), max_size=2),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(TEXTS, JSON, max_size=3)
IMAGES = st.sampled_from([Image("iVBORw0KGgo=", "image/png"), Image("AAAA", "image/jpeg")])
CONTENT = st.lists(st.builds(Text, TEXTS, TEXT_SIGNATURES) | IMAGES, max_size=3).map(tuple)
STOPS = st.sampled_from(["stop", "length", "toolUse", "error", "aborted"])
LEVELS_ASKED = st.sampled_from(LEVELS)

# The ids that servers of each protocol make up.
IDS = {
    "anthropic-messages": "toolu_01{:020}",
    "google-generative-ai": "read_1700000000000_{}",
    "openai-completions": "functions.read:{}",
    "openai-responses": "call_{0:024}|fc_{0:050}",
}


def model_of(api: str) -> Model:
    """One that thinks, sees and, of Google's, one that wants the ids of calls."""
    provider = "openai" if api.startswith("openai") else "oracle"
    url = "http://127.0.0.1"
    return Model("gemini-3-pro", provider, api, url, reasoning=True, input=("text", "image"))


@st.composite
def conversations(draw: st.DrawFn, api: str) -> tuple[Message, ...]:
    """What a session may hold: calls answered, unanswered, twice, out of order, results of nothing."""
    messages: list[Message] = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["user", "system", "answer", "answer", "stray"]))
        match kind:
            case "user":
                messages.append(UserMessage(draw(TEXTS | CONTENT), 1))
            case "system":
                messages.append(SystemMessage(draw(TEXTS), 1))
            case "stray":
                messages.append(ToolResultMessage("stray", "read", draw(CONTENT), False, 1))
            case _:
                messages += draw(turns(api, len(messages)))
    return tuple(messages)


@st.composite
def turns(draw: st.DrawFn, api: str, number: int) -> list[Message]:
    """An answer and the results of its calls, as far as there are any."""
    thinking = st.builds(Thinking, TEXTS, OPAQUE | REASONING, st.sampled_from([None, True]))
    said = draw(st.lists(st.builds(Text, TEXTS, TEXT_SIGNATURES) | thinking, max_size=3))
    calls = [
        ToolCall(IDS[api].format(number * 100 + at), draw(NAMES), draw(ARGUMENTS), draw(OPAQUE))
        for at in range(draw(st.integers(0, 3)))
    ]
    same = draw(st.booleans())  # whether the model of the next request said this
    model = model_of(api)
    answer = AssistantMessage(
        (*said, *calls), api, model.provider, model.id if same else "other", Usage(), draw(STOPS), 1
    )
    answered = draw(st.lists(st.sampled_from(calls), max_size=4)) if calls else []
    return [
        answer,
        *(ToolResultMessage(call.id, call.name, draw(CONTENT), draw(st.booleans()), 1) for call in answered),
    ]


def sent(model: Model, messages: tuple[Message, ...], options: StreamOptions, **more: Any) -> Payload:
    """The body as it goes over the wire."""
    context = prepare(model, Context(messages, **more))
    return json.loads(encode_body(BUILD[model.api](model, context, options)))


@pytest.mark.parametrize("api", APIS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), system=TEXTS, word=TEXTS, level=LEVELS_ASKED)
def test_any_conversation_makes_a_request_that_the_sdk_takes(
    api: str, data: st.DataObject, system: str, word: str, level: Any
) -> None:
    messages = data.draw(conversations(data.draw(st.sampled_from(APIS))))
    tool = ToolDeclaration("read", word, {"type": "object", "properties": {word: {"description": word}}})
    payload = sent(model_of(api), messages, replace(OPTIONS, thinking=level), system=system, tools=(tool,))
    payload = as_the_vendor_knows_it(api, payload)
    assert accepted(api, payload) == payload


@pytest.mark.parametrize("target", APIS)
@pytest.mark.parametrize("source", APIS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_after_a_handoff_each_call_is_answered_exactly_once(
    source: str, target: str, data: st.DataObject
) -> None:
    messages = data.draw(conversations(source))
    asked: list[str] = []
    open_calls: list[str] = []
    before = ""
    for kind, id in calls_and_results(target, sent(model_of(target), messages, OPTIONS)):
        if kind == "call":
            assert before == "call" or open_calls == []  # all of an answer's calls have their results by now
            asked.append(id)
            open_calls.append(id)
        else:
            assert id in open_calls
            open_calls.remove(id)
        before = kind
    assert open_calls == []
    assert len(set(asked)) == len(asked)
    kept = [
        m for m in messages if isinstance(m, AssistantMessage) and m.stop_reason not in ("error", "aborted")
    ]
    assert len(asked) == sum(len(message.tool_calls) for message in kept)


def calls_and_results(api: str, payload: Payload) -> list[tuple[str, str]]:
    """The body's calls and results by id, in their order."""
    match api:
        case "anthropic-messages":
            names = {"tool_use": ("call", "id"), "tool_result": ("result", "tool_use_id")}
            blocks = [
                block if isinstance(block, dict) else {"type": message["role"]}
                for message in payload["messages"]
                for block in message["content"]
            ]
        case "openai-responses":
            names = {"function_call": ("call", "call_id"), "function_call_output": ("result", "call_id")}
            blocks = payload["input"]
        case "openai-completions":
            names = {"function": ("call", "id"), "tool": ("result", "tool_call_id")}
            blocks = [
                block
                for message in payload["messages"]
                for block in (message.get("tool_calls") or [message | {"type": message["role"]}])
            ]
        case _:
            names = {"functionCall": ("call", "id"), "functionResponse": ("result", "id")}
            parts = [part for content in payload["contents"] for part in content["parts"]]
            blocks = [
                {"type": kind} | value if isinstance(value, dict) else {"type": "text"}
                for part in parts
                for kind, value in part.items()
            ]
    found: list[tuple[str, str]] = []
    for block in blocks:
        if block.get("type") in names:
            kind, key = names[block["type"]]
            found.append((kind, block[key]))
    return found

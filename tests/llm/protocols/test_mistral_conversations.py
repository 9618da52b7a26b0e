"""Mistral: the body and headers of a request, and what becomes of the bytes that the host answers with."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.llm.draft import Draft
from pi.llm.errors import ProtocolError, ProviderError, TransportError
from pi.llm.events import BlockDelta, BlockEnd, BlockStart, StreamStart
from pi.llm.messages import (
    AssistantMessage,
    Context,
    Cost,
    Image,
    SystemMessage,
    Text,
    Thinking,
    ToolCall,
    ToolDeclaration,
    ToolResultMessage,
    Usage,
    UserMessage,
)
from pi.llm.models import Model, ModelCost
from pi.llm.options import StreamOptions
from pi.llm.protocols.mistral_conversations import build_headers, build_payload, stream
from pi.llm.transcript import prepare
from pi.platform.errors import ConfigError
from tests.llm.protocols.wire import CONTEXT, KEYED, answer, data, read, serve

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}
STRICT = {
    "type": "object",
    "properties": {"path": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
    "required": ["path"],
    "additionalProperties": False,
}
IMAGE = Image("aGk=", "image/png")
IMAGE_SENT = {"type": "image_url", "image_url": "data:image/png;base64,aGk="}
HI = UserMessage("hi", 1)


def a_model(url="http://127.0.0.1:1", **fields):
    fields = {"provider": "mistral", "api": "mistral-conversations", "base_url": url} | fields
    return Model(**{"id": "m"} | fields)


def said(*blocks, model="m", **fields):
    return AssistantMessage(tuple(blocks), "mistral-conversations", "mistral", model, Usage(), "stop", 1)


def result(id, *content, is_error=False):
    return ToolResultMessage(id, "read", content, is_error, 1)


def messages_of(*messages, **fields):
    model = a_model(input=("text", "image"), **fields)
    return build_payload(model, prepare(model, Context(messages)), KEYED)["messages"]


def test_the_plainest_request():
    tools = (ToolDeclaration("read", "Reads", SCHEMA),)
    assert build_payload(a_model(), Context((HI,), "Be brief.", tools), KEYED) == {
        "model": "m",
        "stream": True,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        "tools": [
            {
                "type": "function",
                "function": {"name": "read", "description": "Reads", "parameters": SCHEMA, "strict": False},
            }
        ],
        "max_tokens": 16384,
    }


def test_a_tool_may_ask_to_be_held_to_its_schema():
    def function(strict, schema=SCHEMA):
        tool = ToolDeclaration("read", "Reads", schema, {"type": "json_schema", "strict": strict})
        return build_payload(a_model(), Context((HI,), tools=(tool,)), KEYED)["tools"][0]["function"]

    assert function("prefer") == {
        "name": "read",
        "description": "Reads",
        "parameters": STRICT,
        "strict": True,
    }
    loose = {"type": "object", "additionalProperties": True}
    assert (function("prefer", loose)["parameters"], function("prefer", loose)["strict"]) == (loose, False)
    with pytest.raises(ConfigError, match='Tool "read" requires JSON-schema constrained sampling'):
        function("require", loose)


def test_options_that_change_single_fields():
    plain = build_payload(a_model(), CONTEXT, KEYED)
    options = StreamOptions(temperature=0.0, max_tokens=3, tool_choice="none", session_id="s")
    assert build_payload(a_model(), CONTEXT, options) == plain | {
        "temperature": 0.0,
        "max_tokens": 3,
        "tool_choice": "none",
        "prompt_cache_key": "s",
    }
    assert build_payload(a_model(), CONTEXT, StreamOptions(session_id="s", cache_retention="none")) == plain


HIGH_ONLY = {"off": "none", "minimal": None, "low": None, "medium": None, "high": "high"}
GRADED = {"off": None, "low": "low", "high": "high", "max": "max"}


@pytest.mark.parametrize(
    ("model", "level", "fields"),
    [
        ({"id": "mistral-small-latest"}, "high", {}),  # doesn't reason
        ({"reasoning": True}, "off", {}),
        ({"reasoning": True}, "low", {"prompt_mode": "reasoning"}),
        ({"reasoning": True, "id": "mistral-medium-3.5"}, "low", {"reasoning_effort": "high"}),
        ({"reasoning": True, "thinking_level_map": HIGH_ONLY}, "off", {"reasoning_effort": "none"}),
        ({"reasoning": True, "thinking_level_map": HIGH_ONLY}, "low", {"reasoning_effort": "high"}),
        ({"reasoning": True, "thinking_level_map": GRADED}, "off", {}),
        ({"reasoning": True, "thinking_level_map": GRADED}, "low", {"reasoning_effort": "low"}),
        ({"reasoning": True, "thinking_level_map": GRADED}, "max", {"reasoning_effort": "max"}),
    ],
)
def test_a_thinking_level_is_an_effort_or_a_prompt_mode(model, level, fields):
    payload = build_payload(a_model(**model), CONTEXT, StreamOptions(thinking=level))
    assert {key: payload[key] for key in ("reasoning_effort", "prompt_mode") if key in payload} == fields


def test_a_conversation_with_thinking_calls_and_images():
    assert messages_of(
        UserMessage((Text("see"), IMAGE), 1),
        said(Thinking("hm"), Text("I'll read."), ToolCall("abcdefghi", "read", {"path": "a"})),
        result("abcdefghi", Text(" one \n"), IMAGE),
        said(Text(" "), Thinking(" ")),
        HI,
    ) == [
        {"role": "user", "content": [{"type": "text", "text": "see"}, IMAGE_SENT]},
        {
            "role": "assistant",
            "prefix": False,
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                {"type": "text", "text": "I'll read."},
            ],
            "tool_calls": [
                {
                    "id": "abcdefghi",
                    "type": "function",
                    "function": {"name": "read", "arguments": '{"path":"a"}'},
                    "index": 0,
                }
            ],
        },
        {
            "role": "tool",
            "tool_call_id": "abcdefghi",
            "name": "read",
            "content": [{"type": "text", "text": "one"}, IMAGE_SENT],
        },
        {"role": "user", "content": "hi"},
    ]


@pytest.mark.parametrize(
    ("content", "is_error", "text"),
    [
        ((Text("ok"), Text("more")), False, "ok\nmore"),
        ((Text("bad"),), True, "[tool error] bad"),
        ((), False, "(no tool output)"),
        ((), True, "[tool error] (no tool output)"),
        ((IMAGE,), False, "(see attached image)"),
        ((IMAGE,), True, "[tool error] (see attached image)"),
    ],
)
def test_a_result_says_in_its_text_how_it_went(content, is_error, text):
    call = said(ToolCall("abcdefghi", "read", {}))
    sent = messages_of(HI, call, result("abcdefghi", *content, is_error=is_error))[-1]["content"]
    assert sent == [{"type": "text", "text": text}] + [IMAGE_SENT] * (IMAGE in content)


def test_calls_of_other_models_get_ids_of_nine_characters_and_their_results_the_same():
    _, asked, first, second = messages_of(
        HI,
        said(ToolCall("call_1|fc_1", "read", {}), ToolCall("call_2", "read", {}), model="other"),
        result("call_1|fc_1", Text("1")),
        result("call_2", Text("2")),
    )
    ids = [call["id"] for call in asked["tool_calls"]]
    assert [len(id) for id in ids] == [9, 9] and all(id.isalnum() for id in ids)
    assert [first["tool_call_id"], second["tool_call_id"]] == ids


def test_later_instructions_stay_in_place_only_for_a_model_that_takes_them_there():
    told = SystemMessage("Be brief.", 1)
    folded = [{"role": "system", "content": "Be brief."}, *[{"role": "user", "content": "hi"}] * 2]
    assert messages_of(HI, told, HI) == folded
    in_place = messages_of(HI, told, HI, compat={"supportsMidConvoSystemMessages": True})
    assert in_place == [folded[1], folded[0], folded[2]]


def test_headers_carry_the_key_and_the_session_for_the_cache():
    options = StreamOptions(api_key="k", session_id="s")
    headers = {"accept": "text/event-stream", "authorization": "Bearer k", "x-affinity": "s"}
    assert build_headers(a_model(), options) == headers
    assert build_headers(a_model(headers={"X-Affinity": "own"}), options) == headers | {"x-affinity": "own"}
    bare = StreamOptions(session_id="s", cache_retention="none", headers={"Authorization": "Other"})
    assert build_headers(a_model(), bare) == {"accept": "text/event-stream", "authorization": "Other"}
    with pytest.raises(ProviderError, match="No API key for provider: mistral"):
        build_headers(a_model(), StreamOptions())


def chunk(content=None, *, calls=None, stop=None, **fields):
    delta = {"content": content, "tool_calls": calls}
    return data({"id": "c1", "choices": [{"index": 0, "delta": delta, "finish_reason": stop}]} | fields)


def thought(*texts):
    return [{"type": "thinking", "thinking": [{"type": "text", "text": text} for text in texts]}]


def a_call(id, arguments, index=0, name="read"):
    return {"id": id, "index": index, "function": {"name": name, "arguments": arguments}}


END = chunk("", stop="stop") + data("[DONE]")


def run(raw, **fields):
    return read(raw, stream, lambda host: a_model(host, **fields))


def test_a_request_is_posted_below_the_base_url():
    async def use(host):
        draft = Draft(a_model(host + "/base/"))
        return [event async for event in stream(draft, CONTEXT, KEYED)]

    events, [(head, body)] = asyncio.run(serve(answer(END), use))
    assert events == [StreamStart()]
    assert head.startswith("POST /base/v1/chat/completions HTTP/1.1\r\n")
    assert "authorization: Bearer k\r\n" in head and "accept: text/event-stream\r\n" in head
    assert body == build_payload(a_model(), CONTEXT, KEYED)


def test_text_thinking_and_calls_become_blocks():
    events, draft, error = run(
        answer(
            chunk(""),
            chunk(thought("h", "", "m")),
            chunk(thought()),
            chunk("Rea"),
            chunk(["d", {"type": "text", "text": "ing"}, {"type": "reference", "reference_ids": [1]}]),
            chunk(calls=[a_call("abcdefghi", '{"path":'), a_call("null", {"path": "b"}, 1)]),
            chunk(calls=[a_call("null", '"a"}')], stop="tool_calls"),
            data("[DONE]"),
            chunk("after the end"),
        )
    )
    calls = (ToolCall("abcdefghi", "read", {"path": "a"}), ToolCall("toolcall1", "read", {"path": "b"}))
    assert error is None
    assert events == [
        StreamStart(),
        BlockStart("thinking_start", 0),
        BlockDelta("thinking_delta", 0, "hm"),
        BlockEnd("thinking_end", 0, "hm"),
        BlockStart("text_start", 1),
        BlockDelta("text_delta", 1, "Rea"),
        BlockDelta("text_delta", 1, "d"),
        BlockDelta("text_delta", 1, "ing"),
        BlockEnd("text_end", 1, "Reading"),
        BlockStart("toolcall_start", 2, "abcdefghi", "read"),
        BlockDelta("toolcall_delta", 2, '{"path":'),
        BlockStart("toolcall_start", 3, "toolcall1", "read"),
        BlockDelta("toolcall_delta", 3, '{"path":"b"}'),
        BlockDelta("toolcall_delta", 2, '"a"}'),
        BlockEnd("toolcall_end", 2, tool_call=calls[0]),
        BlockEnd("toolcall_end", 3, tool_call=calls[1]),
    ]
    assert draft.freeze(draft.stop_reason) == AssistantMessage(
        (Thinking("hm"), Text("Reading"), *calls),
        "mistral-conversations",
        "mistral",
        "m",
        Usage(),
        "toolUse",
        draft.timestamp,
        response_id="c1",
        raw_stop_reason="tool_calls",
    )


def test_text_after_a_call_is_a_block_of_its_own_and_ends_before_the_call():
    events, draft, _ = run(answer(chunk("a", calls=[a_call("abcdefghi", None)]), chunk("b"), END))
    assert [(event.type, event.content_index) for event in events[-2:]] == [
        ("text_end", 2),
        ("toolcall_end", 1),
    ]
    assert draft.freeze("stop").content == (Text("a"), ToolCall("abcdefghi", "read", {}), Text("b"))


@pytest.mark.parametrize(
    ("said", "stop", "text"),
    [
        ("stop", "stop", None),
        ("length", "length", None),
        ("model_length", "length", None),
        ("tool_calls", "toolUse", None),
        ("error", "error", "Provider stopped with: error"),
        ("melted", "error", "Provider stopped with: melted"),
    ],
)
def test_why_an_answer_ends(said, stop, text):
    _, draft, error = run(answer(chunk("x", stop=said)))
    assert (draft.stop_reason, draft.raw_stop_reason, draft.error_message) == (stop, said, text)
    assert error is None


@pytest.mark.parametrize(
    "cached",
    [
        {"prompt_tokens_details": {"cached_tokens": 60}},
        {"prompt_token_details": {"cached_tokens": 60}},
        {"num_cached_tokens": 60},
        {"prompt_tokens_details": None, "num_cached_tokens": 60},
    ],
)
def test_cached_tokens_are_taken_out_of_the_input(cached):
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120} | cached
    _, draft, _ = run(answer(chunk("x", stop="stop", usage=usage)), cost=ModelCost(2e6, 0, 1e6))
    assert draft.usage == Usage(40, 20, 60, 0, 120, Cost(80, 0, 60, 0, 140))


def test_usage_that_makes_no_sense_counts_what_does():
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "num_cached_tokens": 9}
    _, draft, _ = run(answer(data({"choices": [], "usage": usage}), END))
    assert draft.usage == Usage(0, 2, 5, 0, 7)


@pytest.mark.parametrize(
    ("last", "text"),
    [
        (b"", "Mistral stream ended without a finish reason"),
        (data("[DONE]"), "Mistral stream ended without a finish reason"),
        (data({"object": "error", "message": "Slow down"}), "Invalid Mistral streaming event: Slow down"),
        (data({"error": {"message": "Slow down"}}), "Invalid Mistral streaming event: Slow down"),
        (data({"error": "Slow down"}), "Invalid Mistral streaming event: Slow down"),
        (data([1]), "Invalid Mistral streaming event"),
        (data('{"broken": '), "Unexpected end of JSON input"),
    ],
)
def test_a_failure_inside_the_stream_keeps_what_had_come(last, text):
    events, draft, error = run(answer(chunk("Yes"), last))
    assert (type(error), str(error)) == (ProtocolError, text)
    assert events[1:3] == [BlockStart("text_start", 0), BlockDelta("text_delta", 0, "Yes")]
    assert draft.freeze("error").content == (Text("Yes"),)


def test_an_event_of_a_foreign_shape_is_a_fault_of_the_protocol():
    _, _, error = run(answer(data({"choices": [{"delta": "x"}]})))
    assert isinstance(error, ProtocolError)
    assert str(error).startswith("The provider sent an event of a foreign shape: ")


def test_a_cut_connection_is_a_fault_of_the_transport():
    _, draft, error = run(answer(chunk("Yes"), cut=True))
    assert (type(error), str(error)) == (TransportError, "terminated")
    assert draft.freeze("error").content == (Text("Yes"),)


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (401, b'{"message": "Unauthorized"}\n', 'Mistral API error (401): {"message": "Unauthorized"}'),
        (503, b"", "Mistral API error (503): Service Unavailable"),
        (400, b"x" * 4010, f"Mistral API error (400): {'x' * 4000}... [truncated 10 chars]"),
    ],
)
def test_a_refusal_shows_what_the_host_said(status, body, text):
    events, _, error = run(answer(body, status=status, headers="retry-after: 2\r\n"))
    assert error is not None
    assert (events, str(error), error.status, error.retry_after_ms) == ([], text, status, 2000)


@given(
    st.lists(st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5)
)
def test_any_text_arrives_as_it_was_sent(texts):
    _, draft, error = run(answer(*(chunk(text) for text in texts), END))
    assert error is None
    assert draft.freeze("stop").content == (Text("".join(texts)),)


def test_hooks_see_the_events_as_the_host_sent_them():
    async def use(host):
        seen = []

        async def watch(event):
            seen.append(event)

        draft = Draft(a_model(host))
        async for _ in stream(draft, CONTEXT, StreamOptions(api_key="k", on_stream_event=watch)):
            pass
        return seen

    seen, _ = asyncio.run(serve(answer(chunk("x", stop="stop"), data("[DONE]")), use))
    assert seen == [json.loads(chunk("x", stop="stop")[6:])]

"""Responses: the body and the headers of a request."""

import pytest

from pi.llm.call_ids import short_hash
from pi.llm.errors import ProviderError
from pi.llm.formats.responses_compat import ResponsesCompat, responses_compat
from pi.llm.formats.responses_payload import build_payload
from pi.llm.messages import (
    AssistantMessage,
    Context,
    Image,
    Text,
    Thinking,
    ToolCall,
    ToolDeclaration,
    ToolResultMessage,
    Usage,
    UserMessage,
)
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.protocols.openai_responses import build_headers
from pi.llm.transcript import prepare
from pi.platform.errors import ConfigError

KEYED = StreamOptions(api_key="k")
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}
STRICT = SCHEMA | {
    "properties": {"path": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
    "required": ["path"],
    "additionalProperties": False,
}
LOOSE = {"type": "object", "additionalProperties": True}
READ = ToolDeclaration("read", "Reads", SCHEMA)


def a_model(**fields):
    fields = {"provider": "local", "api": "openai-responses", "base_url": "http://127.0.0.1:1/v1"} | fields
    return Model("m", **fields)


def said(*blocks, model="m", provider="local", api="openai-responses"):
    return AssistantMessage(tuple(blocks), api, provider, model, Usage(), "stop", 1)


def asked(*content):
    return UserMessage(content if content else "hi", 1)


def result(id, *content):
    return ToolResultMessage(id, "read", content, False, 1)


def payload_of(*messages, options=KEYED, system="", tools=(), **fields):
    return build_payload(a_model(**fields), Context(messages, system, tools), options)


def input_of(*messages, **fields):
    model = a_model(**fields)
    return build_payload(model, prepare(model, Context(messages)), KEYED)["input"]


def spoken(text, id, **more):
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {
        "type": "message",
        "role": "assistant",
        "content": content,
        "status": "completed",
        "id": id,
        **more,
    }


def test_the_plainest_request():
    assert payload_of(asked(), system="Be brief.", tools=(READ,)) == {
        "model": "m",
        "input": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        ],
        "stream": True,
        "store": False,
        "max_output_tokens": 16384,
        "tools": [{"type": "function", "name": "read", "description": "Reads", "parameters": SCHEMA}],
    }


def test_options_that_change_single_fields():
    options = StreamOptions(temperature=0.0, max_tokens=3, tool_choice="none", cache_retention="none")
    assert payload_of(asked(), options=options) == payload_of(asked()) | {
        "temperature": 0.0,
        "max_output_tokens": 16,
        "tool_choice": "none",
    }
    assert "max_output_tokens" not in payload_of(asked(), compat={"supportsMaxOutputTokens": False})


def test_sampling_params_of_the_request_beat_those_of_level_and_model_and_all_beat_named_fields():
    body = payload_of(
        asked(),
        sampling_params={"a": 1, "b": 1, "c": 1},
        sampling_params_by_thinking_level={"high": {"b": 2, "c": 2}},
        reasoning=True,
        options=StreamOptions(thinking="xhigh", sampling_params={"c": 3, "store": True}),
    )
    assert {key: body[key] for key in ("a", "b", "c", "store")} == {"a": 1, "b": 2, "c": 3, "store": True}


@pytest.mark.parametrize(
    ("fields", "level", "sent"),
    [
        ({}, "high", {}),
        ({"reasoning": True}, "off", {"reasoning": {"effort": "none"}}),
        (
            {"reasoning": True, "thinking_level_map": {"off": "zero"}},
            "off",
            {"reasoning": {"effort": "zero"}},
        ),
        ({"reasoning": True, "thinking_level_map": {"off": None}}, "off", {}),
        ({"reasoning": True, "provider": "github-copilot"}, "off", {}),
        ({"reasoning": True, "provider": "xai"}, "off", {"reasoning": {"effort": "none"}, "include": True}),
        ({"reasoning": True}, "low", {"reasoning": {"effort": "low", "summary": "auto"}, "include": True}),
        ({"reasoning": True}, "max", {"reasoning": {"effort": "high", "summary": "auto"}, "include": True}),
        (
            {"reasoning": True, "thinking_level_map": {"high": "very"}},
            "high",
            {"reasoning": {"effort": "very", "summary": "auto"}, "include": True},
        ),
    ],
)
def test_reasoning_is_asked_for_and_handed_out_encrypted(fields, level, sent):
    body = payload_of(asked(), options=StreamOptions(thinking=level), **fields)
    if "include" in sent:
        sent = sent | {"include": ["reasoning.encrypted_content"]}
    assert {name: value for name, value in body.items() if name in ("reasoning", "include")} == sent


EXPLICIT = {"supportsExplicitPromptCacheMode": True}


@pytest.mark.parametrize(
    ("compat", "retention", "fields"),
    [
        ({}, "short", {"prompt_cache_key": "s" * 64}),
        ({}, "long", {"prompt_cache_key": "s" * 64, "prompt_cache_retention": "24h"}),
        ({}, "none", {}),
        ({"supportsLongCacheRetention": False}, "long", {"prompt_cache_key": "s" * 64}),
        (EXPLICIT, "short", {"prompt_cache_key": "s" * 64}),
        (EXPLICIT, "long", {"prompt_cache_key": "s" * 64, "prompt_cache_options": {"ttl": "30m"}}),
        (EXPLICIT, "none", {"prompt_cache_options": {"mode": "explicit"}}),
    ],
)
def test_caching_is_asked_for_in_the_models_own_way(compat, retention, fields):
    options = StreamOptions(session_id="s" * 70, cache_retention=retention)
    body = payload_of(asked(), options=options, compat=compat)
    assert {name: value for name, value in body.items() if name.startswith("prompt")} == fields


@pytest.mark.parametrize(
    ("wish", "schema", "supported", "sent"),
    [
        (None, SCHEMA, False, {"parameters": SCHEMA}),
        (None, SCHEMA, True, {"parameters": SCHEMA, "strict": False}),
        ("prefer", SCHEMA, False, {"parameters": SCHEMA}),
        ("prefer", SCHEMA, True, {"parameters": STRICT, "strict": True}),
        ("prefer", LOOSE, True, {"parameters": LOOSE, "strict": False}),
        ("require", SCHEMA, True, {"parameters": STRICT, "strict": True}),
    ],
)
def test_a_tool_is_held_to_its_schema_where_that_is_possible(wish, schema, supported, sent):
    sampling = {"type": "json_schema", "strict": wish} if wish else None
    tools = (ToolDeclaration("t", "T", schema, sampling),)
    [tool] = payload_of(asked(), tools=tools, compat={"supportsStrictMode": supported})["tools"]
    assert tool == {"type": "function", "name": "t", "description": "T", **sent}


@pytest.mark.parametrize(
    ("schema", "supported", "reason"),
    [(SCHEMA, False, "strict tools are unsupported"), (LOOSE, True, "its schema has no strict form")],
)
def test_a_tool_that_must_be_held_to_its_schema_but_cannot_is_refused(schema, supported, reason):
    tools = (ToolDeclaration("t", "T", schema, {"type": "json_schema", "strict": "require"}),)
    with pytest.raises(ConfigError) as raised:
        payload_of(asked(), tools=tools, compat={"supportsStrictMode": supported})
    assert str(raised.value) == f'Tool "t" requires JSON-schema constrained sampling, but {reason}.'


def test_instructions_come_from_the_developer_where_a_model_reasons():
    def role(**fields):
        return payload_of(asked(), system="S", **fields)["input"][0]["role"]

    assert role(reasoning=True) == "developer"
    assert role() == role(reasoning=True, compat={"supportsDeveloperRole": False}) == "system"


def test_a_models_own_answer_goes_back_as_it_came():
    item = '{"id":"rs","type":"reasoning","summary":[],"encrypted_content":"E"}'
    answer = said(
        Thinking("hm", item),
        Text("A", '{"v":1,"id":"m1","phase":"final_answer"}'),
        Text("B", '{"v":1,"id":"m2","phase":"other"}'),
        Text("C", "bare"),
        Text("D", "x" * 65),
        ToolCall("c1|fc_1", "read", {"path": "ä"}, namespace="files"),
        ToolCall("c2|other", "read", {}),
        Text("E"),
    )
    assert input_of(answer, result("c1|fc_1", Text("x"), Text("y")), result("c2|other")) == [
        {"id": "rs", "type": "reasoning", "summary": [], "encrypted_content": "E"},
        spoken("A", "m1", phase="final_answer"),
        spoken("B", "m2"),
        spoken("C", "bare"),
        spoken("D", f"msg_{short_hash('x' * 65)}"),
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "c1",
            "name": "read",
            "arguments": '{"path":"ä"}',
            "namespace": "files",
        },
        {"type": "function_call", "call_id": "c2", "name": "read", "arguments": "{}"},
        spoken("E", "msg_pi_0_4"),
        {"type": "function_call_output", "call_id": "c1", "output": "x\ny"},
        {"type": "function_call_output", "call_id": "c2", "output": "(no tool output)"},
    ]


def test_reasoning_that_is_no_item_is_left_out():
    assert input_of(asked(), said(Thinking("a", "c2ln"), Thinking("b", '{"cut'), Thinking("c"))) == [
        {"role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    ]


def test_half_a_character_in_a_kept_item_does_not_spoil_the_request():
    [item] = input_of(said(Thinking("", '{"type":"reasoning","summary":[{"text":"a\\ud83d"}]}')))
    assert item == {"type": "reasoning", "summary": [{"text": "a"}]}


@pytest.mark.parametrize(
    ("source", "provider", "call_id", "id"),
    [
        # another model of the same host: its ids would be looked up beside its reasoning
        ({"model": "other"}, "openai", "c", None),
        ({"api": "azure-openai-responses"}, "openai", "c", f"fc_{short_hash('fc_1')}"),
        ({"provider": "openai-codex"}, "openai", "c", f"fc_{short_hash('fc_1')}"),
        ({"provider": "elsewhere"}, "local", "c_fc_1", None),
    ],
)
def test_calls_of_another_model_keep_only_ids_that_nobody_looks_up(source, provider, call_id, id):
    answer = said(ToolCall("c|fc_1", "read", {}, namespace="files"), **{"provider": provider} | source)
    sent = {"type": "function_call", "call_id": call_id, "name": "read", "arguments": "{}"}
    assert input_of(answer, result("c|fc_1", Text("x")), provider=provider) == [
        sent | ({"id": id} if id else {}),
        {"type": "function_call_output", "call_id": call_id, "output": "x"},
    ]


def test_images_go_where_they_were_and_become_a_note_where_the_model_is_blind():
    png = Image("QUJD", "image/png")
    sent = {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,QUJD"}
    call = said(ToolCall("c|fc_1", "read", {}))
    both = input_of(asked(Text("see"), png), call, result("c|fc_1", Text("t"), png), input=("text", "image"))
    assert both[0]["content"] == [{"type": "input_text", "text": "see"}, sent]
    assert both[2]["output"] == [{"type": "input_text", "text": "t"}, sent]
    alone = input_of(call, result("c|fc_1", png), input=("text", "image"))
    assert alone[1]["output"] == [sent]
    blind = payload_of(call, result("c|fc_1", png))["input"]
    assert blind[1]["output"] == "(see attached image)"
    told = input_of(call, result("c|fc_1", png))
    assert told[1]["output"] == "(tool image omitted: model does not support images)"


def test_messages_that_become_nothing_are_not_counted():
    assert payload_of(UserMessage((), 1), said(), said(Text("A")))["input"] == [spoken("A", "msg_pi_0")]


def test_headers_are_those_of_key_model_session_and_options_the_later_winning():
    model = a_model(headers={"X-Model": "m", "X-Both": "m"})
    options = StreamOptions(api_key="k", session_id="s", headers={"x-both": "o"})
    assert build_headers(model, options) == {
        "authorization": "Bearer k",
        "x-model": "m",
        "x-both": "o",
        "session_id": "s",
        "x-client-request-id": "s",
    }


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"compat": {"sessionAffinityFormat": "openai-nosession"}}, {"x-client-request-id"}),
        ({"compat": {"sessionAffinityFormat": "openrouter"}}, {"x-session-id"}),
        ({"base_url": "https://openrouter.ai/api/v1"}, {"x-session-id"}),
        ({"provider": "opencode"}, {"x-client-request-id"}),
    ],
)
def test_hosts_are_told_the_session_in_their_own_headers(fields, names):
    model = a_model(**fields)
    options = StreamOptions(api_key="k", session_id="s")
    assert build_headers(model, options).keys() == {"authorization"} | names
    uncached = StreamOptions(api_key="k", session_id="s", cache_retention="none")
    assert build_headers(model, uncached).keys() == {"authorization"}


def test_without_a_key_only_a_header_of_the_users_own_signs_in():
    with pytest.raises(ProviderError, match=r"^No API key for provider: local$"):
        build_headers(a_model(), StreamOptions(headers={"authorization": " "}))
    gateway = {"cf-aig-authorization": "Bearer x"}
    assert build_headers(a_model(), StreamOptions(headers=gateway)) == gateway


def test_an_unknown_host_is_taken_for_the_standard_and_flags_of_other_protocols_are_passed_over():
    assert responses_compat(a_model()) == ResponsesCompat()
    assert (
        responses_compat(a_model(compat={"supportsStore": 1, "supportsStrictMode": None}))
        == ResponsesCompat()
    )


def test_what_is_known_of_a_host_yields_to_the_models_own_flags():
    assert not responses_compat(a_model(provider="xai")).supports_long_cache_retention
    own = a_model(provider="xai", compat={"supportsLongCacheRetention": True})
    assert responses_compat(own) == ResponsesCompat(always_includes_reasoning=True)


def test_a_flag_of_the_wrong_type_is_named():
    with pytest.raises(ConfigError, match=r"^compat of model local/m can't be used: .*supportsStrictMode"):
        responses_compat(a_model(compat={"supportsStrictMode": "yes"}))

"""Chat Completions: the body and the headers of a request."""

import importlib
import json
from pathlib import Path

import msgspec
import pytest

from pi.llm.errors import ProviderError
from pi.llm.messages import (
    AssistantMessage,
    Context,
    Message,
    Text,
    ToolCall,
    ToolDeclaration,
    ToolResultMessage,
    Usage,
    UserMessage,
)
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.protocols.openai_completions import build_headers, build_payload
from pi.llm.transcript import fold_system, prepare

KEYED = StreamOptions(api_key="k")
READ = ToolDeclaration("read", "Reads", {"type": "object", "properties": {"path": {"type": "string"}}})
MAPPED = {"off": "zero", "high": "very"}
NO_OFF = {"off": None}
GOLDEN = Path(__file__).parents[4] / "shared" / "golden"


def a_model(url="http://127.0.0.1:1/v1", **fields):
    fields = {"provider": "local", "api": "openai-completions", "base_url": url} | fields
    return Model("m", **fields)


def said(*blocks, **fields):
    fields = {"usage": Usage(), "stop_reason": "stop", "timestamp": 1} | fields
    return AssistantMessage(tuple(blocks), "openai-completions", "local", "m", **fields)


def asked(*content):
    return UserMessage(content if content else "hi", 1)


def result(id, *content, name="read"):
    return ToolResultMessage(id, name, content, False, 1)


def payload_of(*messages, options=KEYED, system="", tools=(), **fields):
    return build_payload(a_model(**fields), Context(messages, system, tools), options)


def test_the_plainest_request():
    assert payload_of(asked(), system="Be brief.", tools=(READ,)) == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "store": False,
        "max_completion_tokens": 16384,
        "tools": [
            {
                "type": "function",
                "function": {"name": "read", "description": "Reads", "parameters": READ.parameters},
            }
        ],
    }


def test_flags_that_change_single_fields():
    compat = {
        "supportsStore": False,
        "supportsUsageInStreaming": False,
        "maxTokensField": "max_tokens",
        "supportsStrictMode": True,
        "zaiToolStream": True,
        "vllmPriority": -2,
        "openRouterRouting": {"only": ["a"]},
        "vercelGatewayRouting": {"order": ["b"], "other": 1},
    }
    options = StreamOptions(temperature=0.0, max_tokens=77, tool_choice="none")
    body = payload_of(asked(), tools=(READ,), compat=compat, options=options)
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "max_tokens": 77,
        "temperature": 0.0,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "read",
                    "description": "Reads",
                    "parameters": READ.parameters,
                    "strict": False,
                },
            }
        ],
        "tool_stream": True,
        "tool_choice": "none",
        "priority": -2,
        "provider": {"only": ["a"]},
        "providerOptions": {"gateway": {"order": ["b"]}},
    }


def test_sampling_params_of_the_request_beat_those_of_the_model_and_both_beat_named_fields():
    options = StreamOptions(sampling_params={"top_p": 0.5, "store": True})
    body = payload_of(asked(), sampling_params={"top_p": 0.9, "min_p": 0.1}, options=options)
    assert (body["top_p"], body["min_p"], body["store"]) == (0.5, 0.1, True)


def test_a_history_of_tools_without_tools_says_so_only_where_it_must():
    history = (said(ToolCall("1", "read", {})), result("1", Text("x")))
    assert "tools" not in payload_of(*history)
    assert payload_of(*history, compat={"requiresToolsWithToolHistory": True})["tools"] == []
    assert "tools" not in payload_of(asked(), compat={"requiresToolsWithToolHistory": True})


def test_cache_markers_stand_on_instructions_last_tool_and_last_text():
    marked = {"compat": {"cacheControlFormat": "anthropic"}, "tools": (READ, READ), "system": "S"}
    turn = (asked(Text("a")), said(ToolCall("1", "read", {})), result("1", Text("out")))
    body = payload_of(*turn, **marked)
    short = {"type": "ephemeral"}
    assert body["messages"][0]["content"] == [{"type": "text", "text": "S", "cache_control": short}]
    assert body["messages"][1]["content"] == [{"type": "text", "text": "a"}]
    assert body["messages"][3]["content"] == [{"type": "text", "text": "out", "cache_control": short}]
    assert [tool.get("cache_control") for tool in body["tools"]] == [None, short]
    long = payload_of(*turn, **marked, options=StreamOptions(cache_retention="long"))
    assert long["tools"][1]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    none = payload_of(*turn, **marked, options=StreamOptions(cache_retention="none"))
    assert "cache_control" not in json.dumps(none)


@pytest.mark.parametrize(
    ("url", "compat", "retention", "fields"),
    [
        ("http://localhost", {}, "short", {}),
        ("https://api.openai.com/v1", {}, "short", {"prompt_cache_key": "s" * 64}),
        ("https://api.openai.com/v1", {}, "none", {}),
        ("https://api.openai.com/v1", {"promptCacheKeyMode": "disabled"}, "short", {}),
        ("http://localhost", {"promptCacheKeyMode": "enabled"}, "short", {"prompt_cache_key": "s" * 64}),
        (
            "http://localhost",
            {},
            "long",
            {"prompt_cache_key": "s" * 64, "prompt_cache_retention": "24h"},
        ),
        ("http://localhost", {"supportsLongCacheRetention": False}, "long", {}),
    ],
)
def test_the_cache_key_is_the_session_where_hosts_take_one(url, compat, retention, fields):
    options = StreamOptions(session_id="s" * 70, cache_retention=retention)
    body = payload_of(asked(), options=options, base_url=url, compat=compat)
    assert {name: value for name, value in body.items() if name.startswith("prompt_cache")} == fields


def test_only_a_session_id_makes_a_cache_key():
    assert "prompt_cache_key" not in payload_of(asked(), base_url="https://api.openai.com/v1")


@pytest.mark.parametrize(
    ("format", "level", "map", "fields"),
    [
        ("openai", "off", None, {}),
        ("openai", "off", MAPPED, {"reasoning_effort": "zero"}),
        ("openai", "low", MAPPED, {"reasoning_effort": "low"}),
        ("openai", "max", MAPPED, {"reasoning_effort": "very"}),
        ("unheard-of", "low", None, {"reasoning_effort": "low"}),
        ("openrouter", "off", None, {"reasoning": {"effort": "none"}}),
        ("openrouter", "off", MAPPED, {"reasoning": {"effort": "zero"}}),
        ("openrouter", "off", NO_OFF, {}),
        ("openrouter", "high", MAPPED, {"reasoning": {"effort": "very"}}),
        ("deepseek", "off", None, {"thinking": {"type": "disabled"}}),
        ("deepseek", "off", NO_OFF, {}),
        ("deepseek", "low", None, {"thinking": {"type": "enabled"}, "reasoning_effort": "low"}),
        ("zai", "off", MAPPED, {"thinking": {"type": "disabled"}}),
        (
            "zai",
            "high",
            MAPPED,
            {"thinking": {"type": "enabled", "clear_thinking": False}, "reasoning_effort": "very"},
        ),
        ("qwen", "off", MAPPED, {"enable_thinking": False}),
        ("qwen", "low", None, {"enable_thinking": True, "reasoning_effort": "low"}),
        (
            "qwen-chat-template",
            "off",
            None,
            {"chat_template_kwargs": {"enable_thinking": False, "preserve_thinking": True}},
        ),
        ("chat-template", "off", None, {"chat_template_kwargs": {"fixed": 1, "on": False}}),
        (
            "chat-template",
            "high",
            MAPPED,
            {
                "chat_template_kwargs": {
                    "fixed": 1,
                    "on": True,
                    "effort": "very",
                    "budget": 15360,
                    "only_on": True,
                }
            },
        ),
        ("baseten", "off", MAPPED, {"chat_template_args": {"on": False}, "reasoning_effort": "zero"}),
        ("baseten", "low", None, {"chat_template_args": {"on": True}, "reasoning_effort": "low"}),
        ("together", "off", MAPPED, {"reasoning": {"enabled": False}}),
        ("together", "low", None, {"reasoning": {"enabled": True}, "reasoning_effort": "low"}),
        ("string-thinking", "off", None, {"thinking": "none"}),
        ("string-thinking", "off", NO_OFF, {}),
        ("string-thinking", "high", MAPPED, {"thinking": "very"}),
        ("ant-ling", "off", None, {}),
        ("ant-ling", "low", MAPPED, {}),
        ("ant-ling", "high", MAPPED, {"reasoning": {"effort": "very"}}),
    ],
)
def test_reasoning_is_asked_for_in_each_hosts_dialect(format, level, map, fields):
    compat = {
        "thinkingFormat": format,
        "chatTemplateKwargs": {
            "fixed": 1,
            "on": {"$var": "thinking.enabled"},
            "effort": {"$var": "thinking.effort"},
            "budget": {"$var": "thinking.budget"},
            "only_on": {"$var": "thinking.enabled", "omitWhenOff": True},
        },
        "chatTemplateArgs": {"on": {"$var": "thinking.enabled"}},
    }
    body = payload_of(
        asked(),
        options=StreamOptions(thinking=level),
        reasoning=True,
        thinking_level_map=map,
        compat=compat,
    )
    plain = payload_of(asked())
    assert {name: value for name, value in body.items() if name not in plain} == fields


def test_a_model_that_cannot_reason_is_not_asked_to():
    compat = {"thinkingFormat": "qwen", "supportsThinkingTokenBudget": True}
    body = payload_of(asked(), options=StreamOptions(thinking="high"), compat=compat)
    assert body == payload_of(asked())


def test_effort_is_left_out_where_a_host_has_no_field_for_it():
    options = StreamOptions(thinking="low")
    compat = {"supportsReasoningEffort": False}
    assert "reasoning_effort" not in payload_of(asked(), options=options, reasoning=True, compat=compat)
    compat["thinkingFormat"] = "deepseek"
    body = payload_of(asked(), options=options, reasoning=True, compat=compat)
    assert (body["thinking"], "reasoning_effort" in body) == ({"type": "enabled"}, False)


@pytest.mark.parametrize(
    ("compat", "options", "fields"),
    [
        ({"supportsThinkingTokenBudget": True}, {"thinking": "low"}, {"thinking_token_budget": 2048}),
        ({"thinkingTokenBudgetField": "thinking_budget"}, {"thinking": "low"}, {"thinking_budget": 2048}),
        ({"supportsThinkingTokenBudget": True}, {"thinking": "off"}, {}),
        (
            {"supportsThinkingTokenBudget": True},
            {"thinking": "high", "thinking_budgets": {"high": 500}},
            {"thinking_token_budget": 500},
        ),
        (
            {"supportsThinkingTokenBudget": True},
            {"thinking": "high", "max_tokens": 3000},
            {"thinking_token_budget": 1976},
        ),
        ({"supportsThinkingTokenBudget": True}, {"thinking": "high", "max_tokens": 1000}, {}),
    ],
)
def test_a_thinking_budget_leaves_room_for_the_answer(compat, options, fields):
    body = payload_of(asked(), options=StreamOptions(**options), reasoning=True, compat=compat)
    assert {name: value for name, value in body.items() if "budget" in name} == fields


def test_headers_are_those_of_key_model_session_and_options_the_later_winning():
    model = a_model(headers={"X-Model": "m", "X-Both": "m"}, compat={"sendSessionAffinityHeaders": True})
    options = StreamOptions(api_key="k", session_id="s", headers={"x-both": "o"})
    assert build_headers(model, options) == {
        "authorization": "Bearer k",
        "x-model": "m",
        "x-both": "o",
        "session_id": "s",
        "x-client-request-id": "s",
        "x-session-affinity": "s",
    }


@pytest.mark.parametrize(
    ("format", "names"),
    [
        ("openai-nosession", {"x-client-request-id", "x-session-affinity"}),
        ("openrouter", {"x-session-id"}),
    ],
)
def test_hosts_are_told_the_session_in_their_own_headers(format, names):
    model = a_model(compat={"sendSessionAffinityHeaders": True, "sessionAffinityFormat": format})
    options = StreamOptions(api_key="k", session_id="s")
    assert build_headers(model, options).keys() == {"authorization"} | names
    uncached = StreamOptions(api_key="k", session_id="s", cache_retention="none")
    assert build_headers(model, uncached).keys() == {"authorization"}


def test_without_a_key_only_a_header_of_the_users_own_signs_in():
    with pytest.raises(ProviderError, match=r"^No API key for provider: local$"):
        build_headers(a_model(), StreamOptions())
    assert build_headers(a_model(), StreamOptions(headers={"Authorization": "Basic x"})) == {
        "authorization": "Basic x"
    }


def recorded():
    """The scenarios that hold requests of this protocol."""
    groups = ("openai-completions", "cross", "models")
    files = [file for group in groups for file in sorted(GOLDEN.glob(f"open/{group}/*/requests.jsonl"))]
    return [file.parent for file in files if "/chat/completions" in file.read_text("utf-8")]


def models_of(scenario):
    setup = json.loads((scenario / "scenario.json").read_text("utf-8"))["setup"]
    config = setup.get("agentFiles", {}).get("models.json", {}).get("json", {})
    return {
        (name, entry["id"]): msgspec.convert(
            {"provider": name, "api": provider["api"], "baseUrl": provider["baseUrl"], **entry}
            | {"compat": provider.get("compat")},
            Model,
        )
        for name, provider in config.get("providers", {}).items()
        for entry in provider.get("models", [])
    }


def rebuilt(rows, models):
    """The payloads for every answer in a session file, from what stands before it."""
    history, level, session = [], "off", None
    for row in rows:
        if row["type"] == "session":
            session = row["id"]
        elif row["type"] == "thinking_level_change":
            level = row["thinkingLevel"]
        elif row["type"] == "message":
            message = msgspec.convert(row["message"], Message)
            model = models.get((getattr(message, "provider", None), getattr(message, "model", None)))
            if model and model.api == "openai-completions":
                options = StreamOptions(thinking=level, session_id=session)
                yield build_payload(model, prepare(model, fold_system(history)), options)
            history.append(message)


def without_wording(value):
    """The same without prompts and descriptions: those are everyone's own."""
    match value:
        case {"role": "system" | "developer" as role, "content": content}:
            return {"role": role, "content": type(content)}
        case dict():
            return {
                name: without_wording(inner)
                for name, inner in value.items()
                if not (name == "description" and isinstance(inner, str))
            }
        case list():
            return [without_wording(inner) for inner in value]
        case _:
            return value


@pytest.mark.conformance
@pytest.mark.skipif(not GOLDEN.exists(), reason="the recordings are not beside this checkout")
def test_payloads_are_those_of_the_original(monkeypatch):
    monkeypatch.syspath_prepend(str(GOLDEN))
    load = importlib.import_module("compare").load
    equal = 0
    for scenario in recorded():
        models = models_of(scenario)
        sessions = [load(file) for file in sorted(scenario.glob("session*.jsonl"))]
        ours = [without_wording(payload) for rows in sessions for payload in rebuilt(rows, models)]
        for row in load(scenario / "requests.jsonl"):
            theirs = without_wording(row["body"])
            same = [payload for payload in ours if payload["messages"] == theirs.get("messages")]
            if same:  # summaries and runs without a session are not in session files
                assert theirs in same, (scenario.name, row["n"])
                equal += 1
    assert equal > 100

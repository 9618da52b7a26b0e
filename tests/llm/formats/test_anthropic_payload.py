import re
from typing import Any

import pytest
from msgspec.structs import replace

from pi.llm.errors import ProviderError
from pi.llm.formats.anthropic_payload import build_headers, build_payload
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
    ToolReference,
    ToolResultMessage,
    Usage,
    UserMessage,
)
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.platform.errors import ConfigError

MODEL = Model(
    "claude",
    "anthropic",
    "anthropic-messages",
    "http://127.0.0.1",
    reasoning=True,
    input=("text", "image"),
    max_tokens=32_000,
)
HI = UserMessage("hi", 1)
KEY = StreamOptions(api_key="sk-test")
KEYED = {"x-api-key": "sk-test"}
IN_SESSION = replace(KEY, session_id="s")
LOW = replace(KEY, thinking="low")
MARK = {"cache_control": {"type": "ephemeral"}}
SAMPLE_TOOL = ToolDeclaration(
    "read", "Reads.", {"type": "object", "properties": {"path": {"type": "string"}}}
)


def said(*content: Text | Thinking | ToolCall) -> AssistantMessage:
    return AssistantMessage(content, MODEL.api, MODEL.provider, MODEL.id, Usage(), "stop", 2)


def body(
    *messages: Message, model: Model = MODEL, options: StreamOptions = KEY, **context: Any
) -> dict[str, Any]:
    return build_payload(model, Context(messages, **context), options)


def with_compat(**flags: Any) -> Model:
    return replace(MODEL, compat=flags)


ADAPTIVE = with_compat(forceAdaptiveThinking=True)
STICKY = with_compat(sendSessionAffinityHeaders=True)
ROUTED = replace(MODEL, base_url="https://openrouter.ai/api")
OWN_HEADERS = replace(MODEL, headers={"Anthropic-Beta": "mine", "X-A": "b"})
OAUTH = {"authorization": "Bearer sk-ant-oat01-x", "anthropic-beta": "oauth-2025-04-20"}
INTERLEAVED = {"anthropic-beta": "interleaved-thinking-2025-05-14"}


@pytest.mark.parametrize(
    ("options", "model", "headers"),
    [
        (KEY, MODEL, KEYED),
        (StreamOptions(api_key="sk-ant-oat01-x"), MODEL, OAUTH),
        (StreamOptions(headers={"Authorization": "Bearer t"}), MODEL, {}),
        (KEY, OWN_HEADERS, KEYED | {"anthropic-beta": "mine", "x-a": "b"}),
        (IN_SESSION, MODEL, KEYED),
        (IN_SESSION, STICKY, KEYED | {"x-session-affinity": "s"}),
        (replace(IN_SESSION, cache_retention="none"), STICKY, KEYED),
        (IN_SESSION, ROUTED, KEYED | {"x-session-id": "s"}),
        (LOW, MODEL, KEYED | INTERLEAVED),
        (LOW, ADAPTIVE, KEYED),
        (KEY, replace(MODEL, provider="github-copilot"), {"authorization": "Bearer sk-test"}),
    ],
)
def test_headers_carry_the_key_and_only_the_betas_in_use(
    options: StreamOptions, model: Model, headers: dict[str, str]
) -> None:
    fixed = {"anthropic-version": "2023-06-01", "anthropic-dangerous-direct-browser-access": "true"}

    assert build_headers(model, Context((HI,)), options) == fixed | headers


def test_without_a_key_nothing_is_sent() -> None:
    with pytest.raises(ProviderError, match=re.escape("No API key for provider: anthropic")):
        build_headers(MODEL, Context((HI,)), StreamOptions())


def test_a_flag_of_the_wrong_type_is_reported_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"anthropic/claude .*supportsTemperature.*models\.json"):
        body(HI, model=with_compat(supportsTemperature="no"))


def test_a_plain_request_has_these_fields() -> None:
    payload = body(HI, system="Be brief.", tools=(SAMPLE_TOOL,), options=replace(KEY, tool_choice="none"))

    assert payload == {
        "model": "claude",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi", **MARK}]}],
        "max_tokens": 32_000,
        "stream": True,
        "thinking": {"type": "disabled"},
        "system": [{"type": "text", "text": "Be brief.", **MARK}],
        "tools": [
            {
                "name": "read",
                "description": "Reads.",
                "eager_input_streaming": True,
                "input_schema": {
                    "type": "object",
                    "properties": {"path": {"type": "string"}},
                    "required": [],
                },
                **MARK,
            }
        ],
        "tool_choice": {"type": "none"},
    }


def test_permitted_fallback_models_are_offered_to_the_server() -> None:
    model = with_compat(allowedFallbackModels=[{"provider": "anthropic", "model": "small", "cost": {}}])

    assert body(HI, model=model)["fallbacks"] == [{"model": "small"}]
    assert build_headers(model, Context((HI,)), KEY)["anthropic-beta"] == "server-side-fallback-2026-07-01"


def test_flags_change_what_tools_carry() -> None:
    model = with_compat(
        supportsEagerToolInputStreaming=False, supportsCacheControlOnTools=False, supportsStrictTools=True
    )
    referring = ToolDeclaration("a", "A.", {"type": "object", "$defs": {"x": {}}})
    bounded = ToolDeclaration(
        "b",
        "B.",
        {"type": "object", "properties": {"n": {"type": "number", "minimum": 1}}, "required": ["n"]},
    )
    strict = {"type": "json_schema", "strict": "prefer"}
    referring, bounded = (replace(tool, constrained_sampling=strict) for tool in (referring, bounded))
    fine = ToolDeclaration("c", "C.", {"type": "object", "properties": {}}, strict)

    assert body(HI, model=model, tools=(referring, bounded, fine))["tools"] == [
        {
            "name": "a",
            "description": "A.",
            "input_schema": {"type": "object", "properties": {}, "required": [], "$defs": {"x": {}}},
        },
        {"name": "b", "description": "B.", "input_schema": bounded.parameters},
        {
            "name": "c",
            "description": "C.",
            "strict": True,
            "input_schema": {
                "type": "object",
                "properties": {},
                "required": [],
                "additionalProperties": False,
            },
        },
    ]
    betas = build_headers(model, Context((HI,), tools=(fine,)), KEY)["anthropic-beta"]
    assert betas == "fine-grained-tool-streaming-2025-05-14"


@pytest.mark.parametrize(
    ("retention", "flags", "mark"),
    [
        ("none", {}, {}),
        ("short", {}, MARK),
        ("long", {}, {"cache_control": {"type": "ephemeral", "ttl": "1h"}}),
        ("long", {"supportsLongCacheRetention": False}, MARK),
    ],
)
def test_prompt_and_last_block_are_cached_as_long_as_asked(
    retention: Any, flags: dict[str, Any], mark: dict[str, Any]
) -> None:
    options = replace(KEY, cache_retention=retention)
    results = ToolResultMessage("c", "read", (Text("a"),), is_error=False, timestamp=3)
    payload = body(
        said(ToolCall("c", "read", {})), results, model=with_compat(**flags), options=options, system="S"
    )

    assert payload["system"] == [{"type": "text", "text": "S", **mark}]
    assert payload["messages"][-1]["content"] == [
        {"type": "tool_result", "tool_use_id": "c", "content": "a", "is_error": False, **mark}
    ]


def budget(tokens: int) -> dict[str, Any]:
    return {"thinking": {"type": "enabled", "budget_tokens": tokens, "display": "summarized"}}


def effort(name: str) -> dict[str, Any]:
    return {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": name}}


@pytest.mark.parametrize(
    ("model", "options", "fields"),
    [
        (replace(MODEL, reasoning=False), LOW, {}),
        (MODEL, KEY, {"thinking": {"type": "disabled"}}),
        (replace(MODEL, thinking_level_map={"off": None}), KEY, {}),
        (MODEL, replace(KEY, thinking="medium"), budget(8_192)),
        (MODEL, replace(LOW, thinking_budgets={"low": 99}), budget(99)),
        (replace(MODEL, max_tokens=1_000), LOW, budget(1_024)),
        (ADAPTIVE, replace(KEY, thinking="minimal"), effort("low")),
        (ADAPTIVE, replace(KEY, thinking="max"), effort("high")),
        (replace(ADAPTIVE, thinking_level_map={"max": "max"}), replace(KEY, thinking="max"), effort("max")),
    ],
)
def test_thinking_is_asked_for_as_the_model_knows_it(
    model: Model, options: StreamOptions, fields: dict[str, Any]
) -> None:
    payload = body(HI, model=model, options=options)

    assert {key: payload[key] for key in ("thinking", "output_config") if key in payload} == fields


def test_temperature_goes_only_where_it_is_taken() -> None:
    warm = replace(KEY, temperature=0.5)

    assert body(HI, options=warm)["temperature"] == 0.5
    assert "temperature" not in body(HI, options=replace(warm, thinking="low"))
    assert "temperature" not in body(HI, options=warm, model=with_compat(supportsTemperature=False))


def test_history_becomes_blocks_and_what_is_empty_is_left_out() -> None:
    picture = Image("aGk=", "image/png")
    source = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    history = (
        UserMessage(" \n", 1),
        UserMessage((Text("look"), Text(" "), picture), 1),
        said(Text(" ")),
        said(
            Thinking("signed", "sig"),
            Thinking("", "sig"),
            Thinking("[Reasoning redacted]", "enc", redacted=True),
            Thinking("unsigned", ""),
            Thinking(" ", ""),
            Text("so"),
            ToolCall("c1", "read", {"path": "a"}),
            ToolCall("c2", "read", {}),
        ),
        ToolResultMessage("c1", "read", (Text("a"), Text("b")), is_error=True, timestamp=3),
        ToolResultMessage("c2", "read", (picture,), is_error=False, timestamp=3),
        said(Text("done")),
    )
    thinking = [
        {"type": "thinking", "thinking": "signed", "signature": "sig"},
        {"type": "thinking", "thinking": "", "signature": "sig"},
        {"type": "redacted_thinking", "data": "enc"},
    ]
    words = [
        {"type": "text", "text": "so"},
        {"type": "tool_use", "id": "c1", "name": "read", "input": {"path": "a"}},
        {"type": "tool_use", "id": "c2", "name": "read", "input": {}},
    ]

    messages = body(*history)["messages"]
    lenient = body(*history, model=with_compat(allowEmptySignature=True))["messages"]

    assert messages == [
        {"role": "user", "content": [{"type": "text", "text": "look"}, source]},
        {"role": "assistant", "content": [*thinking, {"type": "text", "text": "unsigned"}, *words]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "a\nb", "is_error": True},
                {
                    "type": "tool_result",
                    "tool_use_id": "c2",
                    "content": [{"type": "text", "text": "(see attached image)"}, source],
                    "is_error": False,
                },
            ],
        },
        {"role": "assistant", "content": [{"type": "text", "text": "done"}]},
    ]
    assert lenient[1]["content"][3] == {"type": "thinking", "thinking": "unsigned", "signature": ""}


CHANGES = {"supportsMidConvoSystemMessages": True, "supportsMidConvoToolChanges": True}
OTHER_TOOL = replace(SAMPLE_TOOL, name="write")


def test_changes_of_tools_are_told_by_name_behind_the_results_that_a_call_waits_for() -> None:
    change = SystemMessage("", 4, {"rules": "Be brief."}, (OTHER_TOOL,), (ToolReference("read"),))
    done = ToolResultMessage("c", "read", (Text("a"),), is_error=False, timestamp=3)
    model = with_compat(**CHANGES)
    talk = (HI, said(ToolCall("c", "read", {})), done, change, UserMessage("go on", 5))
    payload = body(*talk, said(Text("yes")), model=model, tools=(SAMPLE_TOOL,))

    assert [message["role"] for message in payload["messages"]] == [
        "user",
        "assistant",
        "user",
        "user",
        "system",
        "assistant",
    ]
    assert [block["type"] for block in payload["messages"][4]["content"]] == [
        "text",
        "tool_removal",
        "tool_addition",
    ]
    assert payload["messages"][4]["content"][2]["tool"] == {"type": "tool_reference", "name": "write"}
    assert [
        (tool["name"], tool.get("defer_loading"), "cache_control" in tool) for tool in payload["tools"]
    ] == [
        ("read", None, True),
        ("__pi_deferred_placeholder__", True, False),
        ("write", True, False),
    ]
    headers = build_headers(model, Context(talk, "", (SAMPLE_TOOL,)), KEY)
    assert headers["anthropic-beta"] == "mid-conversation-tool-changes-2026-07-01"


def test_a_tool_that_changes_its_declaration_cannot_be_told_of_by_name() -> None:
    changed = replace(SAMPLE_TOOL, description="Reads better.")
    talk = (HI, SystemMessage("", 4, None, (changed,)), HI)
    payload = body(*talk, model=with_compat(**CHANGES), tools=(SAMPLE_TOOL,))

    assert [(tool["name"], tool["description"]) for tool in payload["tools"]] == [("read", "Reads better.")]
    assert [message["role"] for message in payload["messages"]] == ["user", "user"]


def test_the_last_instruction_is_cached_too() -> None:
    payload = body(HI, SystemMessage("Be brief.", 4), model=with_compat(**CHANGES))

    assert payload["messages"][-1] == {
        "role": "system",
        "content": [{"type": "text", "text": "Be brief.", **MARK}],
    }

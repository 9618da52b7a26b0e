"""Bedrock: what a request holds for each kind of model, message and tool; Amazon's own types take it."""

import json
from base64 import b64decode
from functools import cache
from typing import Any

import pytest
from msgspec.structs import replace

from pi.llm.catalog import catalog_models
from pi.llm.errors import ProviderError
from pi.llm.formats.bedrock_payload import build_payload
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
from pi.llm.models import LEVELS, Model, supported_levels
from pi.llm.options import StreamOptions
from pi.llm.transcript import prepare
from pi.platform.errors import ConfigError

HI = UserMessage("hi", 1)
SENT_HI = {"role": "user", "content": [{"text": "hi"}]}
IMAGE = Image("iVBORw0KGgo=", "image/png")
SENT_IMAGE = {"image": {"source": {"bytes": "iVBORw0KGgo="}, "format": "png"}}
POINT = {"cachePoint": {"type": "default"}}
HOUR = {"cachePoint": {"type": "default", "ttl": "1h"}}
READ = ToolDeclaration(
    "read", "Reads a file.", {"type": "object", "properties": {"path": {"type": "string"}}}
)
HELD = replace(READ, name="held", constrained_sampling={"type": "json_schema", "strict": "prefer"})
UNCACHED = StreamOptions(cache_retention="none")


def a_model(id="us.anthropic.claude-sonnet-4-5-20250929-v1:0", **fields):
    known = {"reasoning": True, "input": ("text", "image"), "context_window": 200_000, "max_tokens": 64_000}
    fields = known | fields
    return Model(id, "amazon-bedrock", "bedrock-converse-stream", "http://127.0.0.1", **fields)


NOVA = a_model("amazon.nova-pro-v1:0", reasoning=False)
OPUS = a_model("global.anthropic.claude-opus-4-8-v1:0", thinking_level_map={"xhigh": "xhigh", "max": "max"})
FAMILIES = [
    a_model(),
    NOVA,
    OPUS,
    a_model("anthropic.claude-opus-4-6-v1", thinking_level_map={"max": "max"}),
    a_model("anthropic.claude-haiku-5-5-v1:0"),
    a_model("arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/a1", name="Claude Fable 5"),
    a_model("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    a_model("anthropic.claude-3-haiku-20240307-v1:0", reasoning=False),
    a_model("openai.gpt-oss-120b-1:0", compat={"supportsStrictMode": True}),
    a_model("openai.gpt-6.1-sol", thinking_level_map={"off": "none", "xhigh": "xhigh"}),
    a_model("deepseek.r1-v1:0"),
]


def said(*content, model=None, **fields):
    model = model or a_model()
    known = {"api": model.api, "provider": model.provider, "model": model.id} | fields
    return AssistantMessage(content, **known, usage=Usage(), stop_reason="stop", timestamp=2)


def result(id, *content, error=False):
    return ToolResultMessage(id, "read", content, is_error=error, timestamp=3)


def build(model, context, options=UNCACHED, env=None):
    payload = build_payload(model, prepare(model, context), options, env or {})
    assert accepted(payload)
    return payload


def messages(model, *given, options=UNCACHED, env=None):
    return build(model, Context(given), options, env)["messages"]


def thinking(model, level, env=None, **options):
    payload = build(model, Context((HI,)), StreamOptions(thinking=level, **options), env)
    return payload.get("additionalModelRequestFields")


@cache
def _input_shape() -> Any:
    """Amazon's own description of what ConverseStream takes."""
    loaders = pytest.importorskip("botocore.loaders")
    from botocore.model import ServiceModel

    described = loaders.create_loader().load_service_model("bedrock-runtime", "service-2")
    return ServiceModel(described).operation_model("ConverseStream").input_shape


def accepted(payload: dict[str, Any]) -> bool:
    """Whether Amazon's types take the request; nothing in it may be unknown to them."""
    from botocore.validate import ParamValidator

    report = ParamValidator().validate(_bytes(json.loads(json.dumps(payload))), _input_shape())
    assert not report.has_errors(), report.generate_report()
    return True


def _bytes(value: Any) -> Any:
    """With bytes where Amazon's SDK wants them: on the wire they are base64."""
    match value:
        case {"bytes": str(data)}:
            return {"bytes": b64decode(data, validate=True)}
        case {"redactedContent": str(data)}:
            return {"redactedContent": b64decode(data, validate=True)}
        case dict():
            return {name: _bytes(item) for name, item in value.items()}
        case list():
            return [_bytes(item) for item in value]
        case _:
            return value


def test_the_oracle_refuses_what_amazon_does_not_know():
    payload = build(a_model(), Context((HI,)))
    with pytest.raises(AssertionError, match="unheard_of"):
        accepted(payload | {"unheard_of": 1})


def test_a_plain_request_is_limits_and_the_conversation():
    assert build(NOVA, Context((HI,), "Be kind."), StreamOptions(max_tokens=99, temperature=0)) == {
        "modelId": NOVA.id,
        "messages": [SENT_HI],
        "inferenceConfig": {"maxTokens": 99, "temperature": 0},
        "system": [{"text": "Be kind."}],
    }


@pytest.mark.parametrize("model", FAMILIES, ids=lambda model: model.id)
@pytest.mark.parametrize("retention", ["none", "short", "long"])
def test_amazon_takes_a_bit_of_everything_from_every_family_at_every_level(model, retention):
    call = ToolCall("c|1", "read", {"path": "a", "": 1, "in": [{"": 1, "b": None}]})
    context = Context(
        (
            UserMessage((Text("see"), IMAGE, Text(" ")), 1),
            said(
                Thinking("hm", "c2ln"),
                Thinking("", "QUJD", redacted=True),
                Text("ok"),
                call,
                replace(call, id="c2"),
                model=model,
            ),
            result("c|1", Text("one"), IMAGE),
            result("c2", IMAGE, Text("no"), error=True),
            said(Thinking("t", "s"), Text("so"), call, model=replace(model, id="another")),
            result("c|1"),
            UserMessage("", 1),
        ),
        "You help.",
        (READ, HELD),
    )
    for level in LEVELS:
        build(model, context, StreamOptions(thinking=level, cache_retention=retention, tool_choice="auto"))


def test_amazon_takes_every_level_of_every_built_in_model():
    for model in catalog_models("amazon-bedrock"):
        for level in supported_levels(model):
            build(model, Context((HI,), "You help.", (READ, HELD)), StreamOptions(thinking=level))


@pytest.mark.parametrize(
    ("level", "budget"), [("minimal", 1_024), ("low", 2_048), ("medium", 8_192), ("high", 16_384)]
)
def test_older_claudes_think_by_a_budget_inside_the_limit(level, budget):
    expected = {
        "thinking": {"type": "enabled", "budget_tokens": budget, "display": "summarized"},
        "anthropic_beta": ["interleaved-thinking-2025-05-14"],
    }
    assert thinking(a_model(), level) == expected
    payload = build(a_model(), Context((HI,)), StreamOptions(thinking=level, max_tokens=5_000))
    assert payload["inferenceConfig"] == {"maxTokens": 5_000 + budget}
    assert thinking(a_model(), level, thinking_budgets={level: 1_500})["thinking"]["budget_tokens"] == 1_500


@pytest.mark.parametrize(
    ("id", "level", "effort", "bound"),
    [
        ("anthropic.claude-opus-4-6-v1", "minimal", "low", False),
        ("anthropic.claude-sonnet-4-6", "medium", "medium", False),
        ("us.anthropic.claude-opus-4-7", "high", "high", True),
        ("us.anthropic.claude-opus-5-5", "xhigh", "xhigh", True),
        ("us.anthropic.claude-sonnet-5", "max", "max", True),
        ("us.anthropic.claude-haiku-5-5", "low", "low", True),
    ],
)
def test_newer_claudes_think_by_effort(id, level, effort, bound):
    model = a_model(id, thinking_level_map={"xhigh": "max", "max": "max"})
    fields = thinking(model, level)
    assert fields["output_config"] == {"effort": effort}
    binding = {"block_binding": {"prefix_mismatch_behavior": "drop_block"}} if bound else {}
    assert fields["thinking"] == {"type": "adaptive", "display": "summarized", **binding}
    assert fields.get("anthropic_beta") == (["thinking-binding-controls-2026-08-01"] if bound else None)


def test_a_profile_whose_id_says_nothing_is_known_by_its_name():
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/x"
    model = a_model(arn, name="Team's Claude Opus 4.8")
    assert thinking(model, "low")["output_config"] == {"effort": "low"}
    assert messages(model, HI, options=StreamOptions())[0]["content"] == [{"text": "hi"}, POINT]
    assert thinking(a_model(arn), "low") is None


def test_gov_cloud_is_spared_what_it_refuses():
    for model, env in (
        (a_model("us-gov.anthropic.claude-opus-4-8"), {}),
        (OPUS, {"AWS_REGION": "us-gov-west-1"}),
    ):
        assert thinking(model, "high", env) == {
            "thinking": {"type": "adaptive"},
            "output_config": {"effort": "high"},
        }


@pytest.mark.parametrize(
    ("id", "level", "fields"),
    [
        ("openai.gpt-oss-20b-1:0", "minimal", {"reasoning_effort": "low"}),
        ("openai.gpt-oss-20b-1:0", "high", {"reasoning_effort": "high"}),
        ("openai.gpt-6.1-sol", "minimal", {"reasoning": {"effort": "low"}}),
        ("openai.gpt-6.1-sol", "medium", {"reasoning": {"effort": "medium"}}),
        ("deepseek.r1-v1:0", "high", None),
    ],
)
def test_other_makers_models_think_in_their_own_words(id, level, fields):
    assert thinking(a_model(id), level) == fields
    assert thinking(a_model(id), "off") is None
    assert thinking(a_model(id, reasoning=False), level) is None


def test_a_level_goes_by_the_name_that_it_is_mapped_to():
    mapped = a_model("openai.gpt-6.1-sol", thinking_level_map={"xhigh": "most"})
    assert thinking(mapped, "xhigh") == {"reasoning": {"effort": "most"}}


def test_the_prompt_and_the_last_message_of_a_claude_are_cached():
    context = Context((HI, said(Text("yes")), HI), "Be kind.")
    for retention, point in (("short", POINT), ("long", HOUR)):
        payload = build(a_model(), context, StreamOptions(cache_retention=retention))
        assert payload["system"] == [{"text": "Be kind."}, point]
        assert [message["content"][1:] for message in payload["messages"]] == [[], [], [point]]
    assert messages(a_model(), HI) == [SENT_HI]


@pytest.mark.parametrize(
    ("id", "cached"),
    [
        ("anthropic.claude-3-5-haiku-20241022-v1:0", True),
        ("anthropic.claude-3-7-sonnet-20250219-v1:0", True),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", False),
        ("eu.anthropic.claude-opus-5", True),
        ("amazon.nova-pro-v1:0", False),
    ],
)
def test_only_models_that_can_cache_are_told_to(id, cached):
    sent = messages(a_model(id), HI, options=StreamOptions())
    assert sent[0]["content"] == [{"text": "hi"}, *([POINT] if cached else [])]


def test_a_model_that_nobody_knows_can_be_made_to_cache():
    profile = a_model("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/x")
    sent = messages(profile, HI, options=StreamOptions(), env={"AWS_BEDROCK_FORCE_CACHE": "1"})
    assert sent[0]["content"] == [{"text": "hi"}, POINT]


def test_thinking_goes_back_as_it_came():
    sealed = Thinking("[Reasoning redacted]", "QUJD", redacted=True)
    answer = said(
        Thinking("hm", "c2ln"),
        Thinking("unsigned"),
        Thinking(" ", "c2ln"),
        sealed,
        replace(sealed, thinking_signature="?"),
        replace(sealed, thinking_signature=""),
        Text(" "),
        Text("ok"),
    )
    assert messages(a_model(), HI, answer)[1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
        {"text": "unsigned"},
        {"reasoningContent": {"redactedContent": "QUJD"}},
        {"text": "ok"},
    ]


def test_only_claude_gets_signatures_back():
    model = a_model("deepseek.r1-v1:0")
    answer = said(Thinking("hm", "c2ln"), Thinking("plain"), model=model)
    assert messages(model, HI, answer)[1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm"}}},
        {"reasoningContent": {"reasoningText": {"text": "plain"}}},
    ]


def test_content_of_nothing_says_that_it_is_empty():
    sent = messages(a_model(), UserMessage(" ", 1), UserMessage((Text(""),), 1), UserMessage((), 1))
    assert sent == [{"role": "user", "content": [{"text": "<empty>"}]}] * 3
    assert messages(a_model(), HI, said(Text(" "))) == [SENT_HI]


def test_results_of_one_turn_share_a_message():
    calls = (ToolCall("1", "read", {"path": "a", "": 2, "deep": [{"": 3}]}), ToolCall("2", "read", {}))
    sent = messages(a_model(), HI, said(*calls), result("1", Text("a"), IMAGE), result("2"), HI)
    assert sent[1:] == [
        {
            "role": "assistant",
            "content": [
                {"toolUse": {"toolUseId": "1", "name": "read", "input": {"path": "a", "deep": [{}]}}},
                {"toolUse": {"toolUseId": "2", "name": "read", "input": {}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "toolResult": {
                        "toolUseId": "1",
                        "content": [{"text": "a"}, SENT_IMAGE],
                        "status": "success",
                    }
                },
                {"toolResult": {"toolUseId": "2", "content": [{"text": "<empty>"}], "status": "success"}},
            ],
        },
        SENT_HI,
    ]


def test_images_of_a_failed_result_follow_all_results_of_a_claude():
    calls = (ToolCall("1", "read", {}), ToolCall("2", "read", {}))
    given = (HI, said(*calls), result("1", Text("no"), IMAGE, IMAGE, error=True), result("2", Text("b")))
    note = {"text": "(image attached after the tool results)"}
    assert messages(a_model(), *given)[2]["content"] == [
        {"toolResult": {"toolUseId": "1", "content": [{"text": "no"}, note], "status": "error"}},
        {"toolResult": {"toolUseId": "2", "content": [{"text": "b"}], "status": "success"}},
        {"text": "Images from the error result of tool call 1 (read):"},
        SENT_IMAGE,
        SENT_IMAGE,
    ]
    model = a_model("deepseek.r1-v1:0")
    of_other = messages(model, HI, said(*calls, model=model), *given[2:])[2]["content"]
    assert of_other[0]["toolResult"]["content"] == [{"text": "no"}, SENT_IMAGE, SENT_IMAGE]


def test_an_image_of_an_unknown_kind_is_refused_before_anything_is_sent():
    with pytest.raises(ProviderError, match=r"^Unknown image type: image/bmp\. Bedrock takes image/jpeg"):
        messages(a_model(), UserMessage((Image("QUJD", "image/bmp"),), 1))


def test_tools_are_declared_and_held_to_their_schema_where_the_model_can():
    def config(model, *tools, **options):
        return build(model, Context((HI,), tools=tools), StreamOptions(**options)).get("toolConfig")

    loose = {"name": "read", "description": "Reads a file.", "inputSchema": {"json": READ.parameters}}
    strict = {
        "type": "object",
        "properties": {"path": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        "required": ["path"],
        "additionalProperties": False,
    }
    able = a_model(compat={"supportsStrictMode": True})
    assert config(a_model(), READ) == {"tools": [{"toolSpec": loose}]}
    assert config(a_model(), HELD) == {"tools": [{"toolSpec": loose | {"name": "held"}}]}
    held = {"name": "held", "description": "Reads a file.", "inputSchema": {"json": strict}, "strict": True}
    assert config(able, READ, HELD) == {"tools": [{"toolSpec": loose}, {"toolSpec": held}]}
    assert config(able, READ, tool_choice="auto") == {
        "tools": [{"toolSpec": loose}],
        "toolChoice": {"auto": {}},
    }
    assert config(able, READ, tool_choice="none") is None
    assert config(able) is None
    required = replace(HELD, constrained_sampling={"type": "json_schema", "strict": "require"})
    with pytest.raises(ConfigError, match="strict tools are unsupported"):
        config(a_model(), required)

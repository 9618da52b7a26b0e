"""Every documented `compat` flag of the four protocols, and the request or the reading that it changes."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from pi.llm.draft import Draft
from pi.llm.formats import anthropic_payload, responses_payload
from pi.llm.formats.anthropic_compat import Compat, compat_of, takes_threads
from pi.llm.formats.completions_compat import CompletionsCompat
from pi.llm.formats.responses_compat import ResponsesCompat
from pi.llm.messages import (
    AssistantMessage,
    Context,
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
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.protocols import openai_completions, openai_responses
from pi.llm.transcript import prepare
from tests.llm.protocols.wire import answer, data, serve

COMPLETIONS = [
    "supportsStore",
    "supportsDeveloperRole",
    "supportsReasoningEffort",
    "supportsUsageInStreaming",
    "supportsFinishReason",
    "maxTokensField",
    "requiresToolResultName",
    "requiresAssistantAfterToolResult",
    "requiresNonNullAssistantContent",
    "requiresToolsWithToolHistory",
    "requiresThinkingAsText",
    "requiresReasoningContentOnAssistantMessages",
    "thinkingFormat",
    "chatTemplateKwargs",
    "chatTemplateArgs",
    "openRouterRouting",
    "vercelGatewayRouting",
    "zaiToolStream",
    "thinkingTokenBudgetField",
    "supportsThinkingTokenBudget",
    "supportsOpenAIGrammarTools",
    "supportsMidConvoSystemMessages",
    "supportsMidConvoToolAdditions",
    "supportsStrictMode",
    "cacheControlFormat",
    "sendSessionAffinityHeaders",
    "sessionAffinityFormat",
    "promptCacheKeyMode",
    "supportsLongCacheRetention",
    "vllmPriority",
]
RESPONSES = [
    "supportsDeveloperRole",
    "supportsMidConvoSystemMessages",
    "sessionAffinityFormat",
    "promptCacheKeyMode",
    "supportsLongCacheRetention",
    "supportsStrictMode",
    "supportsOpenAIGrammarTools",
    "supportsAdditionalTools",
    "supportsToolSearch",
    "supportsExplicitPromptCacheMode",
    "supportsMidConvoEffort",
    "supportsMaxOutputTokens",
]
ANTHROPIC = [
    "supportsEagerToolInputStreaming",
    "supportsLongCacheRetention",
    "sendSessionAffinityHeaders",
    "sessionAffinityFormat",
    "supportsCacheControlOnTools",
    "supportsTemperature",
    "forceAdaptiveThinking",
    "allowEmptySignature",
    "supportsStrictTools",
    "supportsMidConvoEffort",
    "supportsMidConvoSystemMessages",
    "supportsMidConvoToolChanges",
    "supportsMessageThreads",
    "allowedFallbackModels",
]

BODY: dict[str, Any] = {
    "openai-completions": openai_completions.build_payload,
    "openai-responses": responses_payload.build_payload,
    "anthropic-messages": anthropic_payload.build_payload,
}
GONE = "gone"  # a field that isn't there

HI = UserMessage("hi", 1)
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
READ = ToolDeclaration("read", "Reads.", SCHEMA)
HELD = ToolDeclaration("held", "Holds.", SCHEMA, {"type": "json_schema", "strict": "prefer"})
SQL = ToolDeclaration("sql", "Asks.", SCHEMA, {"type": "grammar", "variants": {"openai_lark": "start: A"}})
LATER = SystemMessage("Be brief.", 3, None, (HELD,))
CALL = ToolCall("c1", "read", {"path": "a"})
DONE = ToolResultMessage("c1", "read", (Text("ok"),), False, 2)


def model_of(api: str, flags: dict[str, Any], **more: Any) -> Model:
    fields = {"reasoning": True, "max_tokens": 30_000} | more
    return Model("m", "mine", api, fields.pop("base_url", "http://127.0.0.1"), compat=flags, **fields)


def said(model: Model, *content: Any, **more: Any) -> AssistantMessage:
    return AssistantMessage(content, model.api, model.provider, model.id, Usage(), "stop", 2, **more)


def body(
    api: str,
    flags: dict[str, Any],
    *messages: Message | tuple[Any, ...],
    tools: tuple[ToolDeclaration, ...] = (),
    options: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The request for a conversation; a tuple in it is an answer of the model itself."""
    model = model_of(api, flags, **more)
    talk = tuple(said(model, *each) if isinstance(each, tuple) else each for each in messages or (HI,))
    given = StreamOptions(**{"api_key": "k", "session_id": "s", "cache_retention": "none"} | (options or {}))
    return BODY[api](model, prepare(model, Context(talk, "S", tools)), given)


def part(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value[int(name)] if isinstance(value, list) else value.get(name, GONE)
    return value


SHORT = {"options": {"cache_retention": "short"}}
LONG = {"options": {"cache_retention": "long"}}
HIGH = {"options": {"thinking": "high"}}
NAMED = {"id": "c1", "type": "function", "function": {"name": "read", "arguments": '{"path":"a"}'}}
THOUGHT = Thinking("hm", "reasoning_content")
TEMPLATE = {
    "on": {"$var": "thinking.enabled"},
    "much": {"$var": "thinking.effort"},
    "most": {"$var": "thinking.budget"},
}
FILLED = {"on": True, "much": "high", "most": 16_384}
RULE = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: A"}}
CUSTOM = {"type": "custom", "custom": {"name": "sql", "description": "Asks.", "format": RULE}}

# flag, the flags of the case, where it shows, what is there without the flag and with it, and the case itself
Case = tuple[str, dict[str, Any], str, Any, Any, tuple[Any, ...], dict[str, Any]]
OF_COMPLETIONS: list[Case] = [
    ("supportsStore", {"supportsStore": False}, "store", False, GONE, (), {}),
    (
        "supportsDeveloperRole",
        {"supportsDeveloperRole": False},
        "messages.0.role",
        "developer",
        "system",
        (),
        {},
    ),
    (
        "supportsReasoningEffort",
        {"supportsReasoningEffort": False},
        "reasoning_effort",
        "high",
        GONE,
        (),
        HIGH,
    ),
    (
        "supportsUsageInStreaming",
        {"supportsUsageInStreaming": False},
        "stream_options",
        {"include_usage": True},
        GONE,
        (),
        {},
    ),
    ("maxTokensField", {"maxTokensField": "max_tokens"}, "max_tokens", GONE, 30_000, (), {}),
    (
        "requiresToolResultName",
        {"requiresToolResultName": True},
        "messages.3.name",
        GONE,
        "read",
        (HI, (CALL,), DONE),
        {},
    ),
    (
        "requiresAssistantAfterToolResult",
        {"requiresAssistantAfterToolResult": True},
        "messages.4.role",
        "user",
        "assistant",
        (HI, (CALL,), DONE, HI),
        {},
    ),
    (
        "requiresNonNullAssistantContent",
        {"requiresNonNullAssistantContent": True},
        "messages.2.content",
        None,
        "",
        (HI, (CALL,), DONE),
        {},
    ),
    (
        "requiresToolsWithToolHistory",
        {"requiresToolsWithToolHistory": True},
        "tools",
        GONE,
        [],
        (HI, (CALL,), DONE),
        {},
    ),
    (
        "requiresThinkingAsText",
        {"requiresThinkingAsText": True},
        "messages.2.content",
        "yes",
        [{"type": "text", "text": "hm"}, {"type": "text", "text": "yes"}],
        (HI, (THOUGHT, Text("yes")), HI),
        {},
    ),
    (
        "requiresReasoningContentOnAssistantMessages",
        {"requiresReasoningContentOnAssistantMessages": True},
        "messages.2.reasoning_content",
        GONE,
        "",
        (HI, (Text("yes"),), HI),
        {},
    ),
    ("thinkingFormat", {"thinkingFormat": "openrouter"}, "reasoning", GONE, {"effort": "high"}, (), HIGH),
    (
        "chatTemplateKwargs",
        {"thinkingFormat": "chat-template", "chatTemplateKwargs": TEMPLATE},
        "chat_template_kwargs",
        GONE,
        FILLED,
        (),
        HIGH,
    ),
    (
        "chatTemplateArgs",
        {"thinkingFormat": "baseten", "chatTemplateArgs": TEMPLATE},
        "chat_template_args",
        GONE,
        FILLED,
        (),
        HIGH,
    ),
    ("openRouterRouting", {"openRouterRouting": {"only": ["a"]}}, "provider", GONE, {"only": ["a"]}, (), {}),
    (
        "vercelGatewayRouting",
        {"vercelGatewayRouting": {"order": ["b"]}},
        "providerOptions",
        GONE,
        {"gateway": {"order": ["b"]}},
        (),
        {},
    ),
    ("zaiToolStream", {"zaiToolStream": True}, "tool_stream", GONE, True, (), {"tools": (READ,)}),
    (
        "thinkingTokenBudgetField",
        {"thinkingTokenBudgetField": "thinking_budget"},
        "thinking_budget",
        GONE,
        16_384,
        (),
        HIGH,
    ),
    (
        "supportsThinkingTokenBudget",
        {"supportsThinkingTokenBudget": True},
        "thinking_token_budget",
        GONE,
        16_384,
        (),
        HIGH,
    ),
    (
        "supportsOpenAIGrammarTools",
        {"supportsOpenAIGrammarTools": True},
        "tools.0",
        {"type": "function", "function": {"name": "sql", "description": "Asks.", "parameters": SCHEMA}},
        CUSTOM,
        (),
        {"tools": (SQL,)},
    ),
    (
        "supportsMidConvoSystemMessages",
        {"supportsMidConvoSystemMessages": True},
        "messages",
        [{"role": "developer", "content": "S\n\nBe brief."}, *[{"role": "user", "content": "hi"}] * 2],
        [
            {"role": "developer", "content": "S"},
            {"role": "user", "content": "hi"},
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "hi"},
        ],
        (HI, LATER, HI),
        {},
    ),
    (
        "supportsMidConvoToolAdditions",
        {"supportsMidConvoSystemMessages": True, "supportsMidConvoToolAdditions": True},
        "messages.2",
        {"role": "user", "content": "hi"},
        {
            "role": "system",
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "held", "description": "Holds.", "parameters": SCHEMA},
                }
            ],
        },
        (HI, LATER, HI),
        {},
    ),
    (
        "supportsStrictMode",
        {"supportsStrictMode": True},
        "tools.0.function",
        {"name": "held", "description": "Holds.", "parameters": SCHEMA},
        {
            "name": "held",
            "description": "Holds.",
            "parameters": SCHEMA | {"additionalProperties": False},
            "strict": True,
        },
        (),
        {"tools": (HELD,)},
    ),
    (
        "cacheControlFormat",
        {"cacheControlFormat": "anthropic"},
        "messages.1.content",
        "hi",
        [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}],
        (),
        SHORT,
    ),
    ("promptCacheKeyMode", {"promptCacheKeyMode": "enabled"}, "prompt_cache_key", GONE, "s", (), SHORT),
    ("promptCacheKeyMode", {"promptCacheKeyMode": "disabled"}, "prompt_cache_key", "s", GONE, (), LONG),
    (
        "supportsLongCacheRetention",
        {"supportsLongCacheRetention": False},
        "prompt_cache_retention",
        "24h",
        GONE,
        (),
        LONG,
    ),
    ("vllmPriority", {"vllmPriority": -1}, "priority", GONE, -1, (), {}),
]
HELD_ITEM = {"type": "function", "name": "held", "description": "Holds.", "parameters": SCHEMA}
STRICT_ITEM = HELD_ITEM | {"parameters": SCHEMA | {"additionalProperties": False}, "strict": True}
OF_RESPONSES: list[Case] = [
    (
        "supportsDeveloperRole",
        {"supportsDeveloperRole": False},
        "input.0.role",
        "developer",
        "system",
        (),
        {},
    ),
    (
        "supportsMidConvoSystemMessages",
        {"supportsMidConvoSystemMessages": True},
        "input.2",
        {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"role": "developer", "content": "Be brief."},
        (HI, LATER, HI),
        {},
    ),
    # the original that our recordings are of has no such flag here: it changes nothing
    ("promptCacheKeyMode", {"promptCacheKeyMode": "disabled"}, "prompt_cache_key", "s", "s", (), SHORT),
    (
        "supportsLongCacheRetention",
        {"supportsLongCacheRetention": False},
        "prompt_cache_retention",
        "24h",
        GONE,
        (),
        LONG,
    ),
    (
        "supportsStrictMode",
        {"supportsStrictMode": True},
        "tools.0",
        HELD_ITEM,
        STRICT_ITEM,
        (),
        {"tools": (HELD,)},
    ),
    (
        "supportsOpenAIGrammarTools",
        {"supportsOpenAIGrammarTools": True},
        "tools.0.format",
        GONE,
        {"type": "grammar", "syntax": "lark", "definition": "start: A"},
        (),
        {"tools": (SQL,)},
    ),
    (
        "supportsAdditionalTools",
        {"supportsMidConvoSystemMessages": True, "supportsAdditionalTools": True},
        "input.2",
        {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "additional_tools", "role": "developer", "tools": [HELD_ITEM]},
        (HI, LATER, HI),
        {},
    ),
    (
        "supportsToolSearch",
        {"supportsMidConvoSystemMessages": True, "supportsToolSearch": True},
        "input.2.arguments",
        GONE,
        {"query": "held", "limit": 1},
        (HI, LATER, HI),
        {},
    ),
    (
        "supportsExplicitPromptCacheMode",
        {"supportsExplicitPromptCacheMode": True},
        "prompt_cache_options",
        GONE,
        {"ttl": "30m"},
        (),
        LONG,
    ),
    (
        "supportsMidConvoEffort",
        {"supportsMidConvoEffort": True},
        "reasoning.effort",
        "high",
        "medium",
        (),
        HIGH,
    ),
    (
        "supportsMaxOutputTokens",
        {"supportsMaxOutputTokens": False},
        "max_output_tokens",
        30_000,
        GONE,
        (),
        {},
    ),
]
CACHED = {"cache_control": {"type": "ephemeral"}}
OF_ANTHROPIC: list[Case] = [
    (
        "supportsEagerToolInputStreaming",
        {"supportsEagerToolInputStreaming": False},
        "tools.0.eager_input_streaming",
        True,
        GONE,
        (),
        {"tools": (READ,)},
    ),
    (
        "supportsLongCacheRetention",
        {"supportsLongCacheRetention": False},
        "system.0.cache_control",
        {"type": "ephemeral", "ttl": "1h"},
        {"type": "ephemeral"},
        (),
        LONG,
    ),
    (
        "supportsCacheControlOnTools",
        {"supportsCacheControlOnTools": False},
        "tools.0.cache_control",
        {"type": "ephemeral"},
        GONE,
        (),
        SHORT | {"tools": (READ,)},
    ),
    (
        "supportsTemperature",
        {"supportsTemperature": False},
        "temperature",
        0.5,
        GONE,
        (),
        {"options": {"temperature": 0.5}},
    ),
    (
        "forceAdaptiveThinking",
        {"forceAdaptiveThinking": True},
        "thinking",
        {"type": "enabled", "budget_tokens": 16_384, "display": "summarized"},
        {"type": "adaptive", "display": "summarized"},
        (),
        HIGH,
    ),
    (
        "allowEmptySignature",
        {"allowEmptySignature": True},
        "messages.1.content.0",
        {"type": "text", "text": "hm"},
        {"type": "thinking", "thinking": "hm", "signature": ""},
        (HI, (Thinking("hm"), Text("yes")), HI),
        {},
    ),
    (
        "supportsStrictTools",
        {"supportsStrictTools": True},
        "tools.0.strict",
        GONE,
        True,
        (),
        {"tools": (HELD,)},
    ),
    (
        "supportsMidConvoEffort",
        {"supportsMidConvoEffort": True},
        "messages",
        [{"role": "user", "content": "hi"}],
        [
            {"role": "user", "content": "hi"},
            {"role": "system", "content": [], "output_config": {"effort": "high"}},
        ],
        (),
        HIGH,
    ),
    (
        "supportsMidConvoSystemMessages",
        {"supportsMidConvoSystemMessages": True},
        "messages",
        [{"role": "user", "content": "hi"}] * 2,
        [
            *[{"role": "user", "content": "hi"}] * 2,
            {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
        ],
        (HI, LATER, HI),
        {},
    ),
    (
        "supportsMidConvoToolChanges",
        {"supportsMidConvoSystemMessages": True, "supportsMidConvoToolChanges": True},
        "tools.1.name",
        "held",
        "__pi_deferred_placeholder__",
        (HI, LATER, HI),
        {"tools": (READ,)},
    ),
    (
        "allowedFallbackModels",
        {"allowedFallbackModels": [{"provider": "mine", "model": "small", "cost": {}}]},
        "fallbacks",
        GONE,
        [{"model": "small"}],
        (),
        {},
    ),
]
CASES = {
    "openai-completions": OF_COMPLETIONS,
    "openai-responses": OF_RESPONSES,
    "anthropic-messages": OF_ANTHROPIC,
}


@pytest.mark.parametrize(("api", "case"), [(api, case) for api, cases in CASES.items() for case in cases])
def test_a_flag_changes_the_request(api: str, case: Case) -> None:
    _, flags, path, without, having, talk, more = case
    assert (part(body(api, {}, *talk, **more), path), part(body(api, flags, *talk, **more), path)) == (
        without,
        having,
    )


IN_SESSION = StreamOptions(api_key="k", session_id="s")
# flag, flags, the headers of the session that are sent; without any flag it is those in the first row
HEADERS: dict[str, list[tuple[str, dict[str, Any], set[str]]]] = {
    "openai-completions": [
        ("", {}, set()),
        (
            "sendSessionAffinityHeaders",
            {"sendSessionAffinityHeaders": True},
            {"session_id", "x-client-request-id", "x-session-affinity"},
        ),
        (
            "sessionAffinityFormat",
            {"sendSessionAffinityHeaders": True, "sessionAffinityFormat": "openai-nosession"},
            {"x-client-request-id", "x-session-affinity"},
        ),
        (
            "sessionAffinityFormat",
            {"sendSessionAffinityHeaders": True, "sessionAffinityFormat": "openrouter"},
            {"x-session-id"},
        ),
    ],
    "openai-responses": [
        ("", {}, {"session_id", "x-client-request-id"}),
        ("sessionAffinityFormat", {"sessionAffinityFormat": "openai-nosession"}, {"x-client-request-id"}),
        ("sessionAffinityFormat", {"sessionAffinityFormat": "openrouter"}, {"x-session-id"}),
    ],
    "anthropic-messages": [
        ("", {}, set()),
        ("sendSessionAffinityHeaders", {"sendSessionAffinityHeaders": True}, {"x-session-affinity"}),
        (
            "sessionAffinityFormat",
            {"sendSessionAffinityHeaders": True, "sessionAffinityFormat": "openrouter"},
            {"x-session-id"},
        ),
    ],
}


@pytest.mark.parametrize(("api", "row"), [(api, row) for api, rows in HEADERS.items() for row in rows])
def test_a_flag_changes_the_headers(api: str, row: tuple[str, dict[str, Any], set[str]]) -> None:
    _, flags, names = row
    model = model_of(api, flags)
    headers = {
        "openai-completions": lambda: openai_completions.build_headers(model, IN_SESSION),
        "openai-responses": lambda: openai_responses.build_headers(model, IN_SESSION),
        "anthropic-messages": lambda: anthropic_payload.build_headers(model, Context((HI,)), IN_SESSION),
    }[api]()
    assert {name for name, value in headers.items() if value == "s"} == names


def test_a_host_without_finish_reasons_is_read_to_its_end() -> None:
    raw = answer(data({"id": "c", "choices": [{"delta": {"content": "yes"}}]}), data("[DONE]"))

    async def ask(host: str) -> Draft:
        draft = Draft(model_of("openai-completions", {"supportsFinishReason": False}, base_url=host))
        async for _ in openai_completions.stream(draft, Context((HI,)), StreamOptions(api_key="k")):
            pass
        return draft

    draft, _ = asyncio.run(serve(raw, ask))
    assert (draft.stop_reason, draft.freeze("stop").text) == ("stop", "yes")


def test_threads_are_anthropics_own_unless_a_gateway_says_so() -> None:
    def takes(model: Model) -> bool:
        return takes_threads(model, compat_of(model))

    here = model_of("anthropic-messages", {})
    there = replace(here, provider="anthropic", base_url="https://api.anthropic.com")
    assert [takes(here), takes(there), takes(replace(there, base_url="http://proxy"))] == [False, True, False]
    assert takes(replace(here, compat={"supportsMessageThreads": True}))
    assert not takes(replace(there, compat={"supportsMessageThreads": False}))


ELSEWHERE = {"supportsFinishReason", "supportsMessageThreads"}  # the tests above


@pytest.mark.parametrize(
    ("api", "documented", "kind"),
    [
        ("openai-completions", COMPLETIONS, CompletionsCompat),
        ("openai-responses", RESPONSES, ResponsesCompat),
        ("anthropic-messages", ANTHROPIC, Compat),
    ],
)
def test_every_documented_flag_has_a_case(api: str, documented: list[str], kind: Any) -> None:
    tried = {case[0] for case in CASES[api]} | {row[0] for row in HEADERS[api] if row[0]} | ELSEWHERE
    assert set(documented) <= tried
    known = set(kind.__struct_encode_fields__)
    assert set(documented) - known == ({"promptCacheKeyMode"} if api == "openai-responses" else set())


LEVELS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("openai", {}, {"reasoning_effort": "high"}),
    ("openrouter", {"reasoning": {"effort": "none"}}, {"reasoning": {"effort": "high"}}),
    (
        "deepseek",
        {"thinking": {"type": "disabled"}},
        {"thinking": {"type": "enabled"}, "reasoning_effort": "high"},
    ),
    (
        "zai",
        {"thinking": {"type": "disabled"}},
        {"thinking": {"type": "enabled", "clear_thinking": False}, "reasoning_effort": "high"},
    ),
    ("qwen", {"enable_thinking": False}, {"enable_thinking": True, "reasoning_effort": "high"}),
    (
        "qwen-chat-template",
        {"chat_template_kwargs": {"enable_thinking": False, "preserve_thinking": True}},
        {"chat_template_kwargs": {"enable_thinking": True, "preserve_thinking": True}},
    ),
    (
        "chat-template",
        {"chat_template_kwargs": {"on": False}},
        {"chat_template_kwargs": {"on": True, "much": "high"}},
    ),
    (
        "baseten",
        {"chat_template_args": {"on": False}},
        {"chat_template_args": {"on": True, "much": "high"}, "reasoning_effort": "high"},
    ),
    (
        "together",
        {"reasoning": {"enabled": False}},
        {"reasoning": {"enabled": True}, "reasoning_effort": "high"},
    ),
    ("string-thinking", {"thinking": "none"}, {"thinking": "high"}),
    ("ant-ling", {}, {}),
]


@pytest.mark.parametrize(("name", "off", "high"), LEVELS)
def test_each_thinking_format_says_off_and_on_its_own_way(
    name: str, off: dict[str, Any], high: dict[str, Any]
) -> None:
    values = {"on": {"$var": "thinking.enabled"}, "much": {"$var": "thinking.effort", "omitWhenOff": True}}
    flags = {"thinkingFormat": name, "chatTemplateKwargs": values, "chatTemplateArgs": values}
    plain = body("openai-completions", flags, reasoning=False)
    for level, fields in (("off", off), ("high", high)):
        asked = body("openai-completions", flags, options={"thinking": level})
        assert {key: value for key, value in asked.items() if key not in plain} == fields


def test_ant_ling_takes_only_efforts_that_are_mapped() -> None:
    mapped = body(
        "openai-completions", {"thinkingFormat": "ant-ling"}, thinking_level_map={"high": "deep"}, **HIGH
    )
    assert mapped["reasoning"] == {"effort": "deep"}


@pytest.mark.parametrize("api", ["openai-completions", "openai-responses"])
def test_sampling_parameters_go_from_the_model_over_the_level_to_the_request(api: str) -> None:
    more = {
        "sampling_params": {"top_p": 1, "top_k": 1, "min_p": 1},
        "sampling_params_by_thinking_level": {"low": {"top_k": 2, "min_p": 2}, "high": {"top_k": 9}},
        "thinking_level_map": {"off": None, "minimal": None},
    }
    sent = body(
        api, {}, options={"sampling_params": {"min_p": 3}}, **more
    )  # off is none of its levels: low is
    assert {name: sent[name] for name in ("top_p", "top_k", "min_p")} == {"top_p": 1, "top_k": 2, "min_p": 3}


def test_sampling_parameters_are_no_field_of_other_protocols() -> None:
    assert body("anthropic-messages", {}, sampling_params={"top_p": 1}) == body("anthropic-messages", {})

"""What we send, held against the types of the vendors' SDKs: for every kind of context and of thinking."""

import asyncio
import json
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from pi.llm.catalog import catalog_models, catalog_providers
from pi.llm.messages import (
    AssistantMessage,
    CacheRetention,
    Context,
    Image,
    StopReason,
    SystemMessage,
    Text,
    Thinking,
    ToolCall,
    ToolDeclaration,
    ToolResultMessage,
    Usage,
    UserMessage,
)
from pi.llm.models import Model, supported_levels
from pi.llm.options import StreamOptions
from pi.llm.transcript import prepare
from tests.conformance.golden.fake_provider import serve
from tests.oracles.sdks import APIS, BUILD, KEY, PATHS, Payload, accepted, send_by_google

# What we send beyond the SDK's types, by protocol: `a.b` is field b inside of a.
EXTENSIONS: dict[str, frozenset[str]] = {
    # gone from the newest types; older models take it, and for newer ones it is sent only when set
    "anthropic-messages": frozenset(("temperature",)),
    "google-generative-ai": frozenset(),
    # hosts that copied OpenAI's API and added to it, each in its own dialect
    "openai-completions": frozenset(
        (
            "chat_template_args",
            "chat_template_kwargs",
            "enable_thinking",
            "messages.content.cache_control",
            "messages.reasoning",
            "messages.reasoning_content",
            "messages.reasoning_details",
            "messages.reasoning_text",
            "reasoning",
            "thinking",
            "tool_stream",
            "tools.cache_control",
        )
    ),
    "openai-responses": frozenset(),
}
SAME_FOR_THE_TYPES = ("model", "max_tokens", "max_completion_tokens", "max_output_tokens")
SIGNATURES = {
    "anthropic-messages": "c2lnbmF0dXJl",
    "google-generative-ai": "c2lnbmF0dXJl",
    "openai-completions": "reasoning_content",
    "openai-responses": json.dumps(
        {
            "id": "rs_1",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "ZW5j",
        }
    ),
}
RETENTIONS: tuple[CacheRetention, ...] = ("none", "short", "long")
IMAGE = Image("iVBORw0KGgo=", "image/png")
READ = ToolDeclaration(
    "read",
    "Reads a file.",
    {"type": "object", "properties": {"path": {"type": "string", "minLength": 1}}, "required": ["path"]},
)
STRICT = replace(READ, name="held", constrained_sampling={"type": "json_schema"})
QUERY = ToolDeclaration(
    "query",
    "Asks.",
    {"type": "object", "properties": {"sql": {"type": "string"}}, "required": ["sql"]},
    {"type": "grammar", "variants": {"openai_regex": "select .*"}},
)
HI = UserMessage("hi", 1)


def model_of(api: str, **more: Any) -> Model:
    return Model("gemini-3-pro", "oracle", api, "http://127.0.0.1", input=("text", "image"), **more)


def answer(model: Model, *content: Text | Thinking | ToolCall, stop: StopReason = "stop") -> AssistantMessage:
    return AssistantMessage(
        content, model.api, model.provider, model.id, Usage(), stop, 1, provider_thinking_level="low"
    )


def whole_conversation(model: Model) -> Context:
    """A bit of everything, as this model itself would have left it."""
    thought = Thinking("hm", SIGNATURES[model.api])
    calls = [ToolCall(f"call_{n}|fc_{n}", "read", {"path": f"{n}.md"}) for n in (1, 2, 3)]
    asked = ToolCall("call_4|ctc_4", "query", {"sql": "select 1"})
    return Context(
        (
            HI,
            answer(model, thought, Text("I'll read."), *calls, stop="toolUse"),
            ToolResultMessage(calls[0].id, "read", (Text("one"), IMAGE), False, 1),
            ToolResultMessage(calls[1].id, "read", (), True, 1),
            UserMessage((Text("And this?"), IMAGE), 1),
            answer(model, Thinking("unsigned"), Text("A picture."), asked, stop="toolUse"),
            SystemMessage("Be brief.", 1, {"rules": "No tables."}, (replace(STRICT, name="late"),)),
            ToolResultMessage(asked.id, "query", (Text("1"),), False, 1),
            UserMessage("go on", 1),
        ),
        "You help.",
        (READ, STRICT, QUERY),
    )


def contexts(model: Model) -> dict[str, Context]:
    thought = Thinking("hm", SIGNATURES[model.api])
    call = ToolCall("call_1", "read", {"path": "a"})
    asked = answer(model, call, stop="toolUse")
    foreign = replace(asked, model="another", content=(thought, Text("so", "opaque"), call))
    return {
        "a prompt": Context((HI,)),
        "instructions": Context((HI,), "You help."),
        "instructions on the way": Context((HI, SystemMessage("Be brief.", 1), HI)),
        "an image": Context((UserMessage((Text("see"), IMAGE), 1),)),
        "an image alone": Context((UserMessage((IMAGE,), 1),)),
        "tools": Context((HI,), tools=(READ, STRICT)),
        "a call": Context((HI, asked, ToolResultMessage("call_1", "read", (Text("ok"),), False, 1))),
        "an empty result": Context((HI, asked, ToolResultMessage("call_1", "read", (), False, 1))),
        "an image as result": Context((HI, asked, ToolResultMessage("call_1", "read", (IMAGE,), False, 1))),
        "a call without its result": Context((HI, asked, HI)),
        "a call for no arguments": Context((HI, answer(model, replace(call, arguments={}), stop="toolUse"))),
        "thinking": Context((HI, answer(model, thought, Text("yes")), HI)),
        "thinking alone": Context((HI, answer(model, thought), HI)),
        "unsigned thinking": Context((HI, answer(model, Thinking("hm"), Text("yes")), HI)),
        "redacted thinking": Context((HI, answer(model, Thinking("", "ZW5j", redacted=True), Text("y")), HI)),
        "another model's answer": Context((HI, foreign, HI)),
        "a failed answer": Context((HI, answer(model, Text("I"), stop="error"), HI)),
        "everything": whole_conversation(model),
    }


def built(model: Model, context: Context, options: StreamOptions) -> Payload:
    payload = BUILD[model.api](model, prepare(model, context), options)
    return json.loads(json.dumps(payload))  # as the SDK would see it on the wire: no value stands twice


def as_the_vendor_knows_it(api: str, payload: Payload) -> Payload:
    """The body without what only other hosts know."""
    if api == "openai-completions":  # tools that come up on the way: Moonshot's
        payload["messages"] = [message for message in payload["messages"] if "tools" not in message]
    for path in EXTENSIONS[api]:
        _cut(payload, path)
    if api == "openai-responses":
        later = [item["tools"] for item in payload["input"] if "tools" in item]
        for tool in [tool for tools in (payload.get("tools", ()), *later) for tool in tools]:
            if tool["type"] == "function":
                tool.setdefault("strict", None)  # the type wants it said; hosts without strict mode refuse it
    return payload


def _cut(holder: Any, path: str) -> None:
    head, _, rest = path.partition(".")
    if isinstance(holder, list):
        for item in holder:
            _cut(item, path)
    elif isinstance(holder, dict) and rest:
        _cut(holder.get(head), rest)
    elif isinstance(holder, dict):
        holder.pop(head, None)


@pytest.mark.parametrize("retention", RETENTIONS)
@pytest.mark.parametrize("api", APIS)
def test_the_sdk_takes_every_kind_of_context(api: str, retention: CacheRetention) -> None:
    model = model_of(api, reasoning=True, compat={"supportsStrictTools": True, "supportsStrictMode": True})
    options = StreamOptions(api_key=KEY, thinking="high", cache_retention=retention, session_id="s1")
    for name, context in contexts(model).items():
        payload = as_the_vendor_knows_it(api, built(model, context, options))
        assert accepted(api, payload) == payload, name


@pytest.mark.parametrize("tool_choice", ["auto", "none"])
@pytest.mark.parametrize("api", APIS)
def test_the_sdk_takes_every_option(api: str, tool_choice: Any) -> None:
    model = model_of(api)
    options = StreamOptions(api_key=KEY, max_tokens=500, temperature=0.5, tool_choice=tool_choice)
    payload = as_the_vendor_knows_it(api, built(model, Context((HI,), tools=(READ,)), options))
    assert accepted(api, payload) == payload


@pytest.mark.parametrize("provider", catalog_providers())
def test_the_sdk_takes_every_thinking_level_of_every_built_in_model(provider: str) -> None:
    seen: set[str] = set()
    for model in catalog_models(provider):
        if model.api not in APIS:
            continue  # its vendor has no SDK here
        context = whole_conversation(model)
        for level in supported_levels(model):
            options = StreamOptions(api_key=KEY, thinking=level, cache_retention="long", session_id="s1")
            payload = as_the_vendor_knows_it(model.api, built(model, context, options))
            shape = json.dumps(payload | dict.fromkeys(SAME_FOR_THE_TYPES, 0))
            if shape not in seen:
                assert accepted(model.api, payload) == payload, (model.ref, level)
            seen.add(shape)


def test_openais_own_chat_models_get_no_extension() -> None:
    model = Model("gpt-4", "openai", "openai-completions", "https://api.openai.com/v1", reasoning=True)
    context = whole_conversation(replace(model, id="another"))
    for level in supported_levels(model):
        payload = built(model, context, StreamOptions(api_key=KEY, thinking=level, session_id="s1"))
        assert accepted(model.api, payload) == payload


@pytest.mark.parametrize("api", APIS)
def test_the_oracle_refuses_what_its_vendor_does_not_know(api: str) -> None:
    payload = built(model_of(api), Context((HI,)), StreamOptions(api_key=KEY))
    assert accepted(api, payload) == payload
    with pytest.raises(ValidationError):
        accepted(api, payload | {"unheard_of": 1})
    key = {"google-generative-ai": "contents", "openai-responses": "input"}.get(api, "messages")
    message = payload[key][0] | {"unheard_of": 1}
    with pytest.raises(ValidationError):
        accepted(api, payload | {key: [message]})


def test_googles_sdk_sends_the_same_body_for_the_same_conversation() -> None:
    model = model_of("google-generative-ai", reasoning=True)
    for context in contexts(model).values():
        payload = built(model, context, StreamOptions(api_key=KEY, thinking="low"))

        async def send(payload: Payload = payload) -> Any:
            server = await serve({"turns": [{"text": "ok"}]})
            try:
                await send_by_google(f"http://127.0.0.1:{server.port}{PATHS[model.api]}", payload)
            finally:
                await server.stop()
            return server.requests[0]["body"]

        assert _camel(asyncio.run(send())) == payload


def _camel(value: Any) -> Any:
    """The SDK says some names in snake_case: Google takes both."""
    match value:
        case dict():
            return {to_camel(name) if "_" in name else name: _camel(item) for name, item in value.items()}
        case list():
            return [_camel(item) for item in value]
        case _:
            return value

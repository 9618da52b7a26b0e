"""Azure: Responses and Chat Completions at the address of a resource, under the names of deployments."""

import asyncio

import pytest

from pi.llm.draft import Draft
from pi.llm.errors import ProviderError
from pi.llm.events import BlockDelta, BlockEnd, BlockStart, StreamStart
from pi.llm.formats.responses_payload import build_payload
from pi.llm.messages import AssistantMessage, Context, Text, ToolCall, ToolDeclaration, Usage, UserMessage
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.protocols import openai_completions
from pi.llm.protocols.azure_openai_responses import build_headers, stream
from pi.llm.transcript import prepare
from pi.platform.errors import ConfigError
from tests.llm.protocols.wire import CONTEXT, answer, data, read, serve

SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
TEXT = {"type": "message", "id": "m1", "content": [{"type": "output_text", "text": "Yes"}]}
DONE = data({"type": "response.completed", "response": {"id": "r1", "status": "completed"}})
SAID = data({"type": "response.output_item.done", "output_index": 0, "item": TEXT})
NAMES = "gpt-5.4=mine,deepseek=seek"


def a_model(url="http://127.0.0.1:1/v1", **fields):
    fields = {"provider": "azure", "api": "azure-openai-responses", "base_url": url} | fields
    return Model(**{"id": "gpt-5.4"} | fields)


def seeing(host, **fields):
    env = {"AZURE_OPENAI_BASE_URL": f"{host}/v1/", "AZURE_OPENAI_DEPLOYMENT_NAME_MAP": NAMES}
    return StreamOptions(env=env, **{"api_key": "k"} | fields)


def ask(raw, protocol, model, **fields):
    async def use(host):
        draft = Draft(model)
        return [event async for event in protocol(draft, CONTEXT, seeing(host, **fields))], draft

    (events, draft), [request] = asyncio.run(serve(raw, use))
    return events, draft, request


def test_a_request_goes_to_the_resource_and_names_the_deployment():
    model = a_model(reasoning=True)
    options = {"session_id": "s" * 70, "thinking": "high"}
    events, draft, (head, body) = ask(answer(SAID, DONE), stream, model, **options)
    assert events == [StreamStart(), BlockStart("text_start", 0), BlockEnd("text_end", 0, "Yes")]
    assert (draft.model, draft.response_id) == (model, "r1")
    assert head.startswith("POST /v1/responses?api-version=v1 HTTP/1.1\r\n")
    assert "api-key: k\r\n" in head and "authorization" not in head and "session" not in head
    assert body == {
        "model": "mine",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        "stream": True,
        "store": False,
        "prompt_cache_key": "s" * 64,
        "max_output_tokens": 16384,
        "reasoning": {"effort": "high", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
    }


def test_azure_takes_strict_tools_and_no_long_cache():
    wish = {"type": "json_schema", "strict": "require"}
    tool = ToolDeclaration("stop", "Stops", SCHEMA, wish)
    options = StreamOptions(cache_retention="long", session_id="s")
    body = build_payload(a_model(provider="own"), Context((UserMessage("hi", 1),), tools=(tool,)), options)
    assert body["tools"] == [
        {"type": "function", "name": "stop", "description": "Stops", "parameters": SCHEMA, "strict": True}
    ]
    assert "prompt_cache_retention" not in body


def test_calls_of_another_model_keep_both_of_their_ids():
    call = ToolCall("call_1|fc_1", "read", {})
    foreign = AssistantMessage((call,), "openai-responses", "openai", "m", Usage(), "toolUse", 1)
    [_, sent, _] = build_payload(
        a_model(), prepare(a_model(), Context((UserMessage("hi", 1), foreign))), StreamOptions()
    )["input"]
    assert (sent["call_id"], sent["id"][:3]) == ("call_1", "fc_")


def test_headers_of_model_and_request_win_over_the_key():
    model = a_model(headers={"X-Mine": "1", "API-Key": "other"})
    options = StreamOptions(api_key="k", headers={"X-Mine": "2"}, session_id="s")
    assert build_headers(model, options) == {"api-key": "other", "x-mine": "2"}
    entra = StreamOptions(headers={"Authorization": "Bearer t"})
    assert build_headers(a_model(), entra) == {"authorization": "Bearer t"}
    with pytest.raises(ProviderError, match="No API key for provider: azure"):
        build_headers(a_model(), StreamOptions())


def test_without_an_address_nothing_is_sent():
    with pytest.raises(ConfigError, match="AZURE_OPENAI_RESOURCE_NAME"):
        stream(Draft(a_model("")), CONTEXT, StreamOptions(api_key="k", env={}))


def test_a_refusal_names_azure():
    raw = answer(b'{"error": {"code": "401", "message": "Denied"}}', status=401)
    _, _, error = read(raw, stream, lambda host: a_model(host))
    assert str(error) == 'Azure OpenAI API error (401): {"code":"401","message":"Denied"}'


def test_a_stream_that_ends_early_is_a_failure():
    events, draft, error = read(answer(SAID), stream, lambda host: a_model(host))
    assert str(error) == "OpenAI Responses stream ended before a terminal response event"
    assert (events[1:], draft.freeze("error").content) == (
        [BlockStart("text_start", 0), BlockEnd("text_end", 0, "Yes")],
        (Text("Yes", '{"v":1,"id":"m1"}'),),
    )


def test_a_foundry_model_is_asked_through_chat_completions_at_the_same_address():
    model = a_model("", id="deepseek", api="openai-completions")
    raw = answer(data({"choices": [{"delta": {"content": "Yes"}, "finish_reason": "stop"}]}), data("[DONE]"))
    events, draft, (head, body) = ask(raw, openai_completions.stream, model)
    assert events[1:] == [
        BlockStart("text_start", 0),
        BlockDelta("text_delta", 0, "Yes"),
        BlockEnd("text_end", 0, "Yes"),
    ]
    assert draft.model == model
    assert head.startswith("POST /v1/chat/completions HTTP/1.1\r\n")
    assert "authorization: Bearer k\r\n" in head
    assert body == openai_completions.build_payload(model, CONTEXT, StreamOptions()) | {"model": "seek"}

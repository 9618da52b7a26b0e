"""What we send to Mistral and read from it, held against the types of its SDK."""

import asyncio
import json
from typing import Any

import pytest
from mistralai.client import Mistral
from mistralai.client.models import ChatCompletionStreamRequest
from msgspec.structs import replace

from pi.llm.catalog import catalog_models, catalog_providers
from pi.llm.draft import Draft
from pi.llm.messages import (
    AssistantMessage,
    Context,
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
from pi.llm.models import Model, supported_levels
from pi.llm.options import StreamOptions
from pi.llm.protocols.mistral_conversations import build_payload, stream
from pi.llm.transcript import prepare
from tests.llm.protocols.wire import CONTEXT, KEYED, answer, data, serve

HI = UserMessage("hi", 1)
IMAGE = Image("iVBORw0KGgo=", "image/png")
READ = ToolDeclaration("read", "Reads.", {"type": "object", "properties": {"path": {"type": "string"}}})
TOOLS = (READ, replace(READ, name="held", constrained_sampling={"type": "json_schema"}))
BUILT_IN = [model for name in catalog_providers() for model in catalog_models(name)]
MISTRALS = [model for model in BUILT_IN if model.api == "mistral-conversations"]
BASE = Model("m", "mistral", "mistral-conversations", "http://127.0.0.1", input=("text", "image"))


def conversation(model: Model) -> Context:
    """A bit of everything, as this model itself and another one would have left it."""
    calls = [ToolCall(f"abcdefgh{n}", "read", {"path": f"{n}.md"}) for n in (1, 2, 3)]
    own = AssistantMessage(
        (Thinking("hm"), Text("I'll read."), *calls),
        model.api,
        model.provider,
        model.id,
        Usage(),
        "toolUse",
        1,
    )
    foreign = ToolCall("call_1|fc_1", "read", {})
    return Context(
        (
            HI,
            own,
            ToolResultMessage(calls[0].id, "read", (Text("one"), IMAGE), False, 1),
            ToolResultMessage(calls[1].id, "read", (), True, 1),
            UserMessage((Text("And this?"), IMAGE), 1),
            replace(own, content=(Text("A picture."), foreign), model="another"),
            SystemMessage("Be brief.", 1),
            UserMessage((IMAGE,), 1),
        ),
        "You help.",
        TOOLS,
    )


def sent(model: Model, options: StreamOptions) -> dict[str, Any]:
    payload = build_payload(model, prepare(model, conversation(model)), options)
    return json.loads(json.dumps(payload))


def accepted(payload: dict[str, Any]) -> dict[str, Any]:
    """The body as the SDK's types read it: what they don't know is missing here."""
    read = ChatCompletionStreamRequest.model_validate(payload)
    return read.model_dump(mode="json", by_alias=True, exclude_unset=True)


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("level", ["off", "high"])
def test_the_sdk_takes_every_kind_of_message_and_option(level: Any, in_place: bool) -> None:
    model = replace(BASE, reasoning=True, compat={"supportsMidConvoSystemMessages": in_place})
    payload = sent(model, StreamOptions(thinking=level, temperature=0.5, tool_choice="none", session_id="s"))
    assert accepted(payload) == payload


def test_the_sdk_takes_every_thinking_level_of_every_built_in_model() -> None:
    for model in MISTRALS:
        for level in supported_levels(model):
            payload = sent(model, StreamOptions(thinking=level, session_id="s"))
            assert accepted(payload) == payload, (model.ref, level)


def chunk(delta: dict[str, Any], stop: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": stop}
    return data({"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]} | more)


def test_the_sdk_reads_an_answer_as_we_do() -> None:
    usage = {
        "prompt_tokens": 20,
        "completion_tokens": 5,
        "total_tokens": 25,
        "prompt_tokens_details": {"cached_tokens": 8},
    }
    function = {"name": "read", "arguments": '{"path":"a"}'}
    raw = answer(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
        chunk({"content": [{"type": "text", "text": "Rea"}]}),
        chunk({"content": "ding"}),
        chunk(
            {"tool_calls": [{"id": "abcdefghi", "index": 0, "function": function}]}, "tool_calls", usage=usage
        ),
        data("[DONE]"),
        headers="content-type: text/event-stream\r\n",
    )
    model = replace(BASE, id="m")

    async def ours(host: str) -> tuple[Any, ...]:
        draft = Draft(replace(model, base_url=host))
        async for _ in stream(draft, CONTEXT, KEYED):
            pass
        message = draft.freeze(draft.stop_reason)
        thinking, text, call = message.content
        assert isinstance(thinking, Thinking) and isinstance(text, Text) and isinstance(call, ToolCall)
        counts = (message.usage.input, message.usage.cache_read, message.usage.output)
        return thinking.thinking, text.text, call.id, call.arguments, counts, message.raw_stop_reason

    async def theirs(host: str) -> tuple[Any, ...]:
        thinking = text = ""
        call = stop = counts = None
        payload = build_payload(model, CONTEXT, KEYED)
        async with Mistral(api_key="k", server_url=host) as client:
            async for event in await client.chat.stream_async(**payload | {"stream": True}):
                [choice] = event.data.choices
                content = choice.delta.content or ""
                for part in [content] if isinstance(content, str) else content:
                    if isinstance(part, str):
                        text += part
                    elif part.type == "thinking":
                        thinking += "".join(piece.text for piece in part.thinking)
                    else:
                        text += part.text
                call = choice.delta.tool_calls[0] if choice.delta.tool_calls else call
                stop = choice.finish_reason or stop
                if seen := event.data.usage:
                    cached = seen.prompt_tokens_details["cached_tokens"]
                    counts = seen.prompt_tokens - cached, cached, seen.completion_tokens
        assert call is not None
        return thinking, text, call.id, json.loads(call.function.arguments), counts, stop

    (mine, _), (other, _) = asyncio.run(serve(raw, ours)), asyncio.run(serve(raw, theirs))
    assert mine == other

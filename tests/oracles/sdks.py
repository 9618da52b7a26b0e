"""The vendors' SDKs behind one shape: what they read from a stream, and which requests their types take."""

import base64
import json
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter

from pi.llm.formats.anthropic_payload import build_payload as anthropic_payload
from pi.llm.formats.google_payload import build_payload as google_payload
from pi.llm.formats.responses_payload import build_payload as responses_payload
from pi.llm.messages import AssistantMessage, Context, Text, Thinking, ToolCall
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.protocols.openai_completions import build_payload as completions_payload

Payload = dict[str, Any]
Block = tuple[Any, ...]

KEY = "sk-test"
PATHS = {  # below a host: what a model's base URL ends with
    "anthropic-messages": "",
    "google-generative-ai": "/v1beta",
    "openai-completions": "/v1",
    "openai-responses": "/v1",
}
APIS = tuple(PATHS)
BUILD: dict[str, Callable[[Model, Context, StreamOptions], Payload]] = {
    "anthropic-messages": anthropic_payload,
    "google-generative-ai": google_payload,
    "openai-completions": completions_payload,
    "openai-responses": responses_payload,
}


@dataclass(frozen=True)
class Reading:
    """An answer as somebody read it: `blocks` are (kind, ...) tuples, `tokens` as in our `Usage`."""

    blocks: tuple[Block, ...]
    tokens: dict[str, int]
    stop: str | None


def tokens(input: int | None, output: int | None, read: int | None, write: int | None, thought: int | None):
    """The parts of a usage; what a vendor leaves out is none."""
    names = ("input", "output", "cache_read", "cache_write", "reasoning")
    return dict(zip(names, (value or 0 for value in (input, output, read, write, thought)), strict=True))


def our_reading(message: AssistantMessage) -> Reading:
    """What we read, in terms that every SDK has."""
    blocks = [_our_block(message.api, block) for block in message.content]
    if message.api == "openai-completions":  # there, an answer has a text and calls, but no order of them
        blocks.sort(key=lambda block: ("thinking", "text", "call").index(block[0]))
    usage = message.usage
    thought = usage.reasoning if isinstance(usage.reasoning, int) else 0
    counts = tokens(usage.input, usage.output, usage.cache_read, usage.cache_write, thought)
    return Reading(tuple(filter(_says_something, blocks)), counts, message.raw_stop_reason)


def _our_block(api: str, block: Text | Thinking | ToolCall) -> Block:
    match block:
        case Text(text=text, text_signature=signature):
            return ("text", text, signature if api == "google-generative-ai" else None)
        case Thinking(thinking_signature=signature) if block.redacted:
            return ("redacted", signature)
        case Thinking(thinking=text, thinking_signature=signature):
            match api:
                case "openai-completions":
                    signature = None  # the field that it came in: ours
                case "openai-responses":
                    signature = json.loads(signature or "{}").get("encrypted_content")
                case _:
                    pass
            return ("thinking", text, signature or None)
        case ToolCall(id=id, name=name, arguments=arguments, thought_signature=signature):
            return ("call", id, name, arguments, signature)


def _says_something(block: Block) -> bool:
    return block[0] not in ("text", "thinking") or any(block[1:])


async def _read_anthropic(base_url: str, payload: Payload) -> Reading:
    from anthropic import AsyncAnthropic

    asked = {name: value for name, value in payload.items() if name != "stream"}
    async with (
        AsyncAnthropic(api_key=KEY, base_url=base_url, max_retries=0) as client,
        client.beta.messages.stream(**asked) as stream,
    ):
        message = await stream.get_final_message()
    blocks: list[Block] = []
    for block in message.content:
        match block.type:
            case "text":
                blocks.append(("text", block.text, None))
            case "thinking":
                blocks.append(("thinking", block.thinking, block.signature or None))
            case "redacted_thinking":
                blocks.append(("redacted", block.data))
            case "tool_use":
                blocks.append(("call", block.id, block.name, block.input, None))
            case other:
                raise AssertionError(other)
    usage = message.usage
    counts = tokens(
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_input_tokens,
        usage.cache_creation_input_tokens,
        0,
    )
    return Reading(tuple(filter(_says_something, blocks)), counts, message.stop_reason)


async def _read_completions(base_url: str, payload: Payload) -> Reading:
    from openai import AsyncOpenAI

    asked = {name: value for name, value in payload.items() if name != "stream"}
    async with (
        AsyncOpenAI(api_key=KEY, base_url=base_url, max_retries=0) as client,
        client.chat.completions.stream(**asked) as stream,
    ):
        await stream.until_done()
        completion = stream.current_completion_snapshot  # `get_final_completion` refuses a cut answer
    [choice] = completion.choices
    message = choice.message
    blocks: list[Block] = [("thinking", (message.model_extra or {}).get("reasoning_content"), None)]
    blocks.append(("text", message.content, None))
    for call in message.tool_calls or ():
        assert call.type == "function"
        arguments = json.loads(call.function.arguments or "{}")
        blocks.append(("call", call.id, call.function.name, arguments, None))
    usage = completion.usage
    assert usage and usage.prompt_tokens_details and usage.completion_tokens_details
    cached = usage.prompt_tokens_details.cached_tokens or 0
    thought = usage.completion_tokens_details.reasoning_tokens
    counts = tokens(usage.prompt_tokens - cached, usage.completion_tokens, cached, 0, thought)
    return Reading(tuple(filter(_says_something, blocks)), counts, choice.finish_reason)


_RESPONSES_END = ("response.completed", "response.incomplete")


async def _read_responses(base_url: str, payload: Payload) -> Reading:
    from openai import AsyncOpenAI

    asked = {name: value for name, value in payload.items() if name != "stream"}
    async with (
        AsyncOpenAI(api_key=KEY, base_url=base_url, max_retries=0) as client,
        client.responses.stream(**asked) as stream,
    ):
        # `get_final_response` knows no incomplete one.
        [response] = [event.response async for event in stream if event.type in _RESPONSES_END]
    blocks: list[Block] = []
    for item in response.output:
        match item.type:
            case "reasoning":
                text = "\n\n".join(part.text for part in item.summary)
                blocks.append(("thinking", text, item.encrypted_content))
            case "message":
                blocks.append(("text", "".join(part.text for part in item.content), None))
            case "function_call":
                arguments = json.loads(item.arguments or "{}")
                blocks.append(("call", f"{item.call_id}|{item.id}", item.name, arguments, None))
            case other:
                raise AssertionError(other)
    usage, why = response.usage, response.incomplete_details
    assert usage
    cached, thought = usage.input_tokens_details.cached_tokens, usage.output_tokens_details.reasoning_tokens
    counts = tokens(usage.input_tokens - cached, usage.output_tokens, cached, 0, thought)
    stop = f"{response.status}.{why.reason}" if why else response.status
    return Reading(tuple(filter(_says_something, blocks)), counts, stop)


async def _read_google(base_url: str, payload: Payload) -> Reading:
    blocks: list[Block] = []
    counts, stop = tokens(0, 0, 0, 0, 0), None
    async for chunk in _google_chunks(base_url, payload):
        for candidate in chunk.candidates or ():
            for part in (candidate.content and candidate.content.parts) or ():
                _add_part(blocks, part)
            stop = candidate.finish_reason.value if candidate.finish_reason else stop
        if usage := chunk.usage_metadata:
            cached, thought = usage.cached_content_token_count or 0, usage.thoughts_token_count or 0
            output = (usage.candidates_token_count or 0) + thought
            counts = tokens((usage.prompt_token_count or 0) - cached, output, cached, 0, thought)
    return Reading(tuple(filter(_says_something, blocks)), counts, stop)


def _add_part(blocks: list[Block], part: Any) -> None:
    """This SDK hands out parts as they come: neighbours of a kind are one block."""
    signature = base64.b64encode(part.thought_signature).decode() if part.thought_signature else None
    if call := part.function_call:
        blocks.append(("call", call.id, call.name, call.args or {}, signature))
        return
    kind = "thinking" if part.thought else "text"
    if blocks and blocks[-1][0] == kind:
        _, before, signed = blocks.pop()
        blocks.append((kind, before + part.text, signature or signed))
    else:
        blocks.append((kind, part.text, signature))


async def _google_chunks(base_url: str, payload: Payload):
    from google import genai
    from google.genai import types

    host, _, version = base_url.rpartition("/")
    options = types.HttpOptions(base_url=host, api_version=version)
    contents, config = google_models(payload)
    client = genai.Client(api_key=KEY, http_options=options)
    try:
        chunks = await client.aio.models.generate_content_stream(
            model="gemini", contents=contents, config=config
        )
        async for chunk in chunks:
            yield chunk
    finally:
        await client.aio.aclose()
        client.close()


READ: dict[str, Callable[[str, Payload], Awaitable[Reading]]] = {
    "anthropic-messages": _read_anthropic,
    "google-generative-ai": _read_google,
    "openai-completions": _read_completions,
    "openai-responses": _read_responses,
}


async def send_by_google(base_url: str, payload: Payload) -> None:
    """Let Google's SDK send what `payload` says, as its own models."""
    async for _ in _google_chunks(base_url, payload):
        pass


def google_models(payload: Payload) -> tuple[list[Any], Any]:
    """A body in the shape of the SDK's arguments: contents, and all the rest in one configuration."""
    contents, config = _google_adapters()
    rest = {name: value for name, value in payload.items() if name not in ("contents", "generationConfig")}
    said = contents.validate_json(json.dumps(payload["contents"]))
    return said, config.validate_json(json.dumps(rest | payload["generationConfig"]))


def accepted(api: str, payload: Payload) -> Payload:
    """The body as the SDK's types read it: what they don't know is an error, or is missing here."""
    if api == "google-generative-ai":
        contents, config = google_models(payload)
        outside = {"systemInstruction", "tools", "toolConfig"}
        settings = _dumped(config)
        return {
            "contents": [_dumped(content) for content in contents],
            "generationConfig": {k: v for k, v in settings.items() if k not in outside},
            **{k: v for k, v in settings.items() if k in outside},
        }
    [read] = _adapter(api).validate_python([payload])
    return _forced(read)


def _dumped(value: BaseModel) -> Payload:
    return value.model_dump(mode="json", by_alias=True, exclude_unset=True)


@cache
def _google_adapters() -> tuple[TypeAdapter[list[Any]], TypeAdapter[Any]]:
    from google.genai import types

    return TypeAdapter(list[types.Content]), TypeAdapter(types.GenerateContentConfig)


@cache
def _adapter(api: str) -> TypeAdapter[list[Payload]]:
    match api:
        case "anthropic-messages":
            from anthropic.types.beta.message_create_params import MessageCreateParamsStreaming as Params
        case "openai-completions":
            from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming as Params
        case _:
            from openai.types.responses.response_create_params import ResponseCreateParamsStreaming as Params
    # A list, because only what is around a TypedDict can be configured; it hands that on to all inside.
    config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", strict=True)
    with warnings.catch_warnings():
        # One type of Anthropic's is open on purpose, and pydantic says that it stays so.
        warnings.filterwarnings("ignore", "TypedDict class 'BetaFallbackParam' allows extra items")
        return TypeAdapter(list[Params], config=config)


def _forced(value: Any) -> Any:
    """With every iterator run: pydantic looks at an `Iterable` only while somebody iterates."""
    match value:
        case dict():
            return {name: _forced(item) for name, item in value.items()}
        case str() | bytes() | int() | float() | None | BaseModel():
            return value
        case _:
            return [_forced(item) for item in value]

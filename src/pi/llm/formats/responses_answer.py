"""An answer of the Responses protocol: asked for, read event by event, turned into blocks of a draft."""

from collections.abc import AsyncGenerator
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace

from pi.llm.cost import priced
from pi.llm.draft import Draft, DraftBlock, Kind
from pi.llm.errors import ProtocolError, ProviderError
from pi.llm.events import BlockEvent, StreamStart
from pi.llm.formats.grammar import UNKNOWN, Inputs, RawInput
from pi.llm.formats.lenient import as_dict, as_list, as_text
from pi.llm.formats.openai_errors import error_text, refusal_text
from pi.llm.formats.responses_events import Event, read_event
from pi.llm.formats.responses_items import text_signature
from pi.llm.http import Response, post_json
from pi.llm.messages import Cost, StopReason, Usage
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.retry import retry_after_ms
from pi.llm.sse import sse_events, watched

_KINDS: dict[str, Kind] = {
    "reasoning": "thinking",
    "message": "text",
    "function_call": "toolcall",
    "custom_tool_call": "toolcall",
}
_GROWS: dict[str, Kind] = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "text",
    "response.reasoning_summary_text.delta": "thinking",
    "response.reasoning_text.delta": "thinking",
    "response.function_call_arguments.delta": "toolcall",
}


async def responses_stream(
    draft: Draft,
    url: str,
    payload: dict[str, Any],
    headers: dict[str, str],
    options: StreamOptions,
    host: str,
    inputs: Inputs,
) -> AsyncGenerator[StreamStart | BlockEvent]:
    """Post a request and feed its answer to the draft; raises ProviderError, which names `host`."""
    answer = ResponsesAnswer(draft, inputs)
    done = False
    async with post_json(url, payload, headers, options) as response:
        if response.status >= 300:
            raise await _refusal(host, response)
        yield StreamStart()
        async for _, data in watched(sse_events(response.chunks()), options.on_stream_event):
            done = done or data.startswith(b"[DONE]")
            if done or not data:  # read on to the end all the same: the connection is used again
                continue
            for event in answer.read(read_event(data)):
                yield event
    answer.finish()
    for event in draft.close_all():
        yield event


class ResponsesAnswer:
    """Turns the server's items into blocks; `inputs` names the argument of tools that take raw text."""

    def __init__(self, draft: Draft, inputs: Inputs = MappingProxyType({})):
        self._draft = draft
        self._inputs = inputs
        self._raw: dict[int, RawInput] = {}  # calls with raw text, by the index of their blocks
        self._open: dict[int | float | None, DraftBlock] = {}  # by the server's index
        self._reasoning: dict[str, tuple[DraftBlock, dict[str, Any]]] = {}  # with their items, by id
        self._ended = False

    def read(self, event: Event) -> list[BlockEvent]:
        """Take an event in; raises ProviderError when it tells of a failure."""
        if event.error:
            raise ProviderError(error_text(event.error))
        if kind := _GROWS.get(event.type):
            return self._grow(kind, event.output_index, event.delta)
        match event.type:
            case "response.reasoning_summary_part.done":
                return self._grow("thinking", event.output_index, "\n\n")
            case "response.function_call_arguments.done":
                return self._complete(event.output_index, event.arguments)
            case "response.custom_tool_call_input.delta":
                return self._grow_raw(event.output_index, event.delta)
            case "response.output_item.added":
                return self._start(event.output_index, as_dict(event.item))
            case "response.output_item.done":
                return self._close(event.output_index, as_dict(event.item))
            case _:
                self._follow(event)
                return []

    def finish(self) -> None:
        """The connection is at its end: was the answer?"""
        if not self._ended:
            raise ProtocolError("OpenAI Responses stream ended before a terminal response event")

    def _follow(self, event: Event) -> None:
        """Take in how the response as a whole fares."""
        match event.type:
            case "response.created":
                self._draft.response_id = as_text(as_dict(event.response).get("id")) or None
            case "response.completed" | "response.incomplete":
                self._end(as_dict(event.response))
            case "response.failed":
                self._fail(as_dict(event.response))
            case "error":
                code, text = ("null" if value is None else value for value in (event.code, event.message))
                raise ProviderError(f"Error Code {code}: {text}")
            case _:
                pass

    def _grow(self, kind: Kind, index: int | float | None, delta: Any) -> list[BlockEvent]:
        block = self._open.get(index)
        if block is None or block.kind != kind or not isinstance(delta, str):
            return []
        return [self._draft.grow(block, delta)]

    def _grow_raw(self, index: int | float | None, delta: Any) -> list[BlockEvent]:
        block = self._open.get(index)
        raw = self._raw.get(block.index) if block else None
        if block is None or raw is None or not isinstance(delta, str):
            return []
        return [self._draft.grow(block, raw.grow(delta))]

    def _complete(self, index: int | float | None, arguments: Any) -> list[BlockEvent]:
        """The arguments as a whole: what no piece brought is still to be told."""
        block = self._open.get(index)
        if block is None or block.kind != "toolcall" or not isinstance(arguments, str):
            return []
        before = block.value
        if len(arguments) > len(before) and arguments.startswith(before):
            return [self._draft.grow(block, arguments[len(before) :])]
        block.pieces = [arguments]
        return []

    def _start(self, index: int | float | None, item: dict[str, Any]) -> list[BlockEvent]:
        kind = _KINDS.get(as_text(item.get("type")))
        if kind is None:
            return []
        if kind == "toolcall":
            id = "|".join(filter(None, (as_text(item.get("call_id")), as_text(item.get("id")))))
            block, opened = self._draft.open(kind, id=id, name=as_text(item.get("name")))
            block.namespace = as_text(item.get("namespace")) or None
            if item.get("type") == "custom_tool_call":
                raw = self._raw[block.index] = RawInput(self._inputs.get(block.name, UNKNOWN))
                block.pieces = [raw.grow(as_text(item.get("input")))]
            else:
                block.pieces = [as_text(item.get("arguments"))]
        else:
            block, opened = self._draft.open(kind)
        self._open[index] = block
        return [opened]

    def _close(self, index: int | float | None, item: dict[str, Any]) -> list[BlockEvent]:
        """The item as a whole: it replaces what its pieces said."""
        events = [] if index in self._open else self._start(index, item)
        block = self._open.get(index)
        if block is None or block.kind != _KINDS.get(as_text(item.get("type"))):
            return events
        block.namespace = as_text(item.get("namespace")) or block.namespace
        match block.kind:
            case "thinking":
                whole = _joined(item.get("summary"), "\n\n") or _joined(item.get("content"), "\n\n")
                block.signature = _compact(item)
                self._reasoning[as_text(item.get("id"))] = block, item
            case "text":
                whole = _joined(item.get("content"), "")
                block.signature = text_signature(as_text(item.get("id")), as_text(item.get("phase")))
            case "toolcall" if block.index in self._raw:
                whole = ""
                rest = self._raw[block.index].close(as_text(item.get("input")))
                events.append(self._draft.grow(block, rest))
            case "toolcall":
                whole = as_text(item.get("arguments"))
        if whole:
            block.pieces = [whole]
        del self._open[index]
        return [*events, self._draft.close(block)]

    def _end(self, response: dict[str, Any]) -> None:
        self._ended = True
        draft = self._draft
        self._add_encrypted(response.get("output"))
        draft.response_id = as_text(response.get("id")) or draft.response_id
        if usage := as_dict(response.get("usage")):
            draft.usage = _priced(draft.model, _usage(usage), response.get("service_tier"))
        status, reason = as_text(response.get("status")), _reason(response)
        draft.raw_stop_reason = f"{status}.{reason}" if reason else status or None
        draft.stop_reason, draft.error_message = _stop(status, reason)
        if draft.stop_reason == "stop" and any(block.kind == "toolcall" for block in draft.blocks):
            draft.stop_reason = "toolUse"

    def _add_encrypted(self, output: Any) -> None:
        """Azure hands the encrypted reasoning out only here."""
        for item in map(as_dict, as_list(output)):
            encrypted, known = item.get("encrypted_content"), self._reasoning.get(as_text(item.get("id")))
            if encrypted and known and not known[1].get("encrypted_content"):
                block, kept = known
                block.signature = _compact(kept | {"encrypted_content": encrypted})

    def _fail(self, response: dict[str, Any]) -> None:
        self._draft.raw_stop_reason = as_text(response.get("status")) or None
        if error := as_dict(response.get("error")):
            text = f"{error.get('code') or 'unknown'}: {error.get('message') or 'no message'}"
        elif reason := _reason(response):
            text = f"incomplete: {reason}"
        else:
            text = "Unknown error (no error details in response)"
        raise ProviderError(text)


def _reason(response: dict[str, Any]) -> str:
    return as_text(as_dict(response.get("incomplete_details")).get("reason"))


def _stop(status: str, reason: str) -> tuple[StopReason, str | None]:
    """The stop reason, and the text when it is an error."""
    match status:
        case "" | "completed" | "in_progress" | "queued":
            return "stop", None
        case "incomplete" if reason == "max_output_tokens":
            return "length", None
        case "incomplete" if reason:
            return "error", f"Response incomplete: {reason}"
        case "incomplete":
            return "error", "Response incomplete without a provider reason"
        case "failed" | "cancelled":
            return "error", "An unknown error occurred"
        case _:
            raise ProtocolError(f"Unhandled stop reason: {status}")


def _compact(item: dict[str, Any]) -> str:
    return msgspec.json.encode(item).decode()


def _joined(parts: Any, separator: str) -> str:
    """The texts of a summary, of reasoning, of an answer or of a refusal."""
    texts = map(as_dict, as_list(parts))
    return separator.join(as_text(text.get("text")) or as_text(text.get("refusal")) for text in texts)


def _usage(raw: dict[str, Any]) -> Usage:
    """Tokens: what the cache gave and took is inside `input_tokens`."""
    details = as_dict(raw.get("input_tokens_details"))
    read, write = _count(details.get("cached_tokens")), _count(details.get("cache_write_tokens"))
    return Usage(
        input=max(0, _count(raw.get("input_tokens")) - read - write),
        output=_count(raw.get("output_tokens")),
        cache_read=read,
        cache_write=write,
        total_tokens=_count(raw.get("total_tokens")),
        reasoning=_count(as_dict(raw.get("output_tokens_details")).get("reasoning_tokens")),
    )


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _priced(model: Model, usage: Usage, tier: Any) -> Usage:
    """The usage with its cost; the tier that served the request sets a factor."""
    usage = priced(model, usage)
    match tier:
        case "flex":
            factor = 0.5
        case "priority":
            factor = 2.5 if model.id == "gpt-5.5" else 2
        case _:
            return usage
    cost = usage.cost
    spent_in, spent_out = cost.input * factor, cost.output * factor
    read, write = cost.cache_read * factor, cost.cache_write * factor
    total = spent_in + spent_out + read + write
    return replace(usage, cost=Cost(spent_in or 0, spent_out or 0, read or 0, write or 0, total or 0))


async def _refusal(host: str, response: Response) -> ProviderError:
    body = (await response.read()).decode("utf-8", "replace")
    text = refusal_text(response.status, body).removeprefix(f"{response.status}: ")
    return ProviderError(
        f"{host} API error ({response.status}): {text}",
        status=response.status,
        retry_after_ms=retry_after_ms(response.headers),
    )

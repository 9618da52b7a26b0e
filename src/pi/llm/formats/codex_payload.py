"""The body of a request to ChatGPT's Codex backend, and its short form for a conversation that only grew."""

from typing import Any, NamedTuple

from msgspec.structs import replace

from pi.llm.formats.lenient import as_list
from pi.llm.formats.responses_compat import responses_compat
from pi.llm.formats.responses_items import Item, request_tools, to_input, to_tools
from pi.llm.formats.responses_payload import CACHE_KEY_LENGTH
from pi.llm.messages import AssistantMessage, Context
from pi.llm.models import Model, clamp_level
from pi.llm.options import StreamOptions
from pi.llm.transcript import declared_tools

Payload = dict[str, Any]


class Answered(NamedTuple):
    """A request that the host remembers as long as its connection lasts: its body, and what it answered."""

    payload: Payload
    response_id: str
    items: list[Item]


def build_payload(model: Model, context: Context, options: StreamOptions) -> Payload:
    """The body of a request."""
    payload: Payload = {
        "model": model.id,
        "store": False,  # the backend takes nothing else
        "stream": True,
        "instructions": context.system or "You are a helpful assistant.",  # it refuses to do without
        "input": _input(model, context),
        "text": {"verbosity": "low"},
        "include": ["reasoning.encrypted_content"],
        "tool_choice": options.tool_choice or "auto",
        "parallel_tool_calls": True,
    }
    if session := session_key(options):
        payload["prompt_cache_key"] = session
    if options.temperature is not None:
        payload["temperature"] = options.temperature
    if tools := request_tools(context, responses_compat(model)):
        payload["tools"] = to_tools(tools, responses_compat(model))
    for holder in (payload, *payload["input"]):
        if "tools" in holder:
            holder["tools"] = [_unheld(tool) for tool in holder["tools"]]
    if reasoning := _reasoning(model, options):
        payload["reasoning"] = reasoning
    return payload


def session_key(options: StreamOptions) -> str | None:
    """What a session is called on the wire, None when nothing shall be kept for it."""
    if options.cache_retention == "none" or not options.session_id:
        return None
    return options.session_id[:CACHE_KEY_LENGTH]


def answered(payload: Payload, model: Model, context: Context, message: AssistantMessage) -> Answered | None:
    """What to remember of a request, made of `context`, and its answer; None when nothing can follow it."""
    if not message.response_id:
        return None
    answer = Context((message,), tools=declared_tools(context))
    return Answered(payload, message.response_id, _input(model, answer))


def growth(payload: Payload, last: Answered | None) -> Payload | None:
    """A body with only the items that are new since `last`; None when more than these differ."""
    if last is None or _without_input(payload) != _without_input(last.payload):
        return None
    items, known = as_list(payload.get("input")), [*as_list(last.payload.get("input")), *last.items]
    if items[: len(known)] != known:
        return None
    return payload | {"previous_response_id": last.response_id, "input": items[len(known) :]}


def _without_input(payload: Payload) -> Payload:
    return {name: value for name, value in payload.items() if name not in ("input", "previous_response_id")}


def _input(model: Model, context: Context) -> list[Item]:
    return to_input(model, replace(context, system=""), responses_compat(model))


def _unheld(tool: Item) -> Item:
    """The backend decides itself about tools that needn't be held to their schema."""
    return tool | {"strict": None} if tool.get("strict") is False else tool


def _reasoning(model: Model, options: StreamOptions) -> Payload | None:
    mapped = model.thinking_level_map or {}
    level = options.thinking if options.thinking == "off" else clamp_level(model, options.thinking)
    if level != "off":
        return {"effort": mapped.get(level) or level, "summary": "auto"}
    effort = mapped.get("off", "none") if model.reasoning else None
    return {"effort": effort} if effort else None

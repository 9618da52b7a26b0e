"""All the ways in which a provider is known to fail, as data from which a seeded plan picks."""

import json
from random import Random
from typing import Literal

from msgspec import Struct

Family = Literal["transient", "limit", "login", "overflow", "wrong", "network", "broken"]


class Refusal(Struct, frozen=True):
    """An answer with a status that says no."""

    family: Family
    status: int
    body: str
    headers: tuple[str, ...] = ()


class Reset(Struct, frozen=True):
    """The connection is reset before an answer begins."""

    family: Family = "network"


class Silence(Struct, frozen=True):
    """Nothing comes, until the client has waited long enough."""

    family: Family = "network"


class Cut(Struct, frozen=True):
    """An answer stops at some byte of its text, its calls or anywhere, or before an event that ends it."""

    where: Literal["text", "call", "any", "end"]
    then: Literal["drop", "end", "silence"]  # the connection breaks, the body ends in order, nothing comes
    family: Family = "network"


class Failure(Struct, frozen=True):
    """An event in the middle of an answer says that it failed."""

    text: str
    family: Family = "transient"


class Nonsense(Struct, frozen=True):
    """A success whose body isn't what the protocol promises."""

    body: str
    kind: str
    family: Family = "broken"


class TooMuch(Struct, frozen=True):
    """An answer whose count of tokens tells that the window was too small; `cut`: it had no room at all."""

    cut: bool
    family: Family = "overflow"


class Short(Struct, frozen=True):
    """A whole answer that stops for length, its calls perhaps in the middle of their arguments."""

    family: Family = "broken"


Fault = Refusal | Reset | Silence | Cut | Failure | Nonsense | TooMuch | Short

_HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_TRANSIENT = (
    "Overloaded",
    "server_busy",
    "Our servers are currently busy",
    "We are currently experiencing high demand",
    "The selected model is at capacity",
    "Rate limit reached for requests",
    "Throttling error: slow down",
    "Too many requests",
    "The upstream said 524",
    "Service temporarily unavailable",
    "The server had an error: server_error",
    "Internal error encountered",
    "ResourceExhausted",
    "Provider returned error",
    "exceeded request buffer limit while retrying upstream",
    "unable to forward upstream",
    "upstream request failed",
    "upstream_stream_read_error",
    "upstream connect error or disconnect/reset before headers",
    "network error",
    "connection refused",
    "connection lost",
    "other side closed",
    "fetch failed",
    "getaddrinfo EAI_AGAIN",
    "socket hang up",
    "Request timed out",
    "terminated",
    "websocket closed 1012",
    "http2 request did not get a response",
    "The stream was interrupted",
    "stream disconnected before completion",
    "pending stream has been canceled",
    "You can retry your request",
    "Please retry your request",
)
_LIMIT = (
    "GoUsageLimitError: wait for next month",
    "FreeUsageLimitError",
    "Monthly usage limit reached",
    "Your available balance is 0",
    "You exceeded your current quota: insufficient_quota",
    "This key is out of budget",
    "Quota exceeded for this project",
    "Check your plan and billing details",
    "subscription_sharing_usage_limit_exceeded",
    "subscription_sharing_workplace_individual_usage_limit_exceeded",
)
_OVERFLOW = (
    "prompt is too long: 213462 tokens > 200000 maximum",
    "Prompt exceeds max length",
    "request_too_large: Request exceeds the maximum size",
    "Input is too long for requested model",
    "Your input exceeds the context window of this model",
    "Input length exceeds the model's maximum context length of 131,072 tokens",
    "context window exceeded",
    "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575)",
    "This model's maximum prompt length is 131072 but the request contains 537812 tokens",
    "Please reduce the length of the messages or completion",
    "This endpoint's maximum context length is 131072 tokens",
    "The input (516368 tokens) is longer than the model's context length (262144 tokens)",
    "prompt token count of 128001 exceeds the limit of 128000",
    "the request exceeds the available context size, try increasing it",
    "number of tokens to keep is greater than the context length",
    "invalid params, context window exceeds limit",
    "Your request exceeded model token limit: 262144",
    "Prompt is too large for model with 131072 maximum context length",
    "model_context_window_exceeded",
    "prompt too long; exceeded max context length by 12 tokens",
    "Range of input length should be [1, 98304]",
    "context_length_exceeded",
    "too many tokens",
    "token limit exceeded",
)


def _error(text: str, **more: str) -> str:
    return json.dumps({"error": {"message": text, **more}})


_TRANSIENT_REFUSALS = (
    *(Refusal("transient", 500, _error(text)) for text in _TRANSIENT),
    *(Refusal("transient", status, _error("oops")) for status in (500, 502, 503, 504, 520, 524, 529)),
    *(Refusal("transient", status, _HTML.format(status)) for status in (502, 503, 520, 524)),
    Refusal("transient", 503, ""),
    Refusal("transient", 429, _error("slow down")),
    Refusal("transient", 429, _error("slow down"), ("retry-after: 0",)),
    Refusal("transient", 429, _error("slow down"), ("retry-after: 1",)),
    Refusal("transient", 429, _error("slow down"), ("retry-after-ms: 20",)),
    Refusal("transient", 429, _error("slow down"), ("retry-after: 3600",)),
    Refusal("transient", 429, _error("slow down"), ("retry-after: Wed, 21 Oct 2099 07:28:00 GMT",)),
    Refusal("transient", 503, _error("overloaded"), ("retry-after: soon",)),
)
_LIMITS = (
    *(Refusal("limit", status, _error(text)) for text in _LIMIT for status in (429, 403)),
    Refusal("limit", 429, _error("used up", code="1308")),
    Refusal("limit", 402, _error("Payment required")),
    Refusal("limit", 402, ""),
)
_LOGINS = tuple(Refusal("login", status, _error("Invalid API key")) for status in (401, 403))
_OVERFLOWS = (
    *(Refusal("overflow", 400, _error(text)) for text in _OVERFLOW),
    Refusal("overflow", 413, _error("Payload too large")),
    Refusal("overflow", 413, ""),
    Refusal("overflow", 413, _HTML.format("413 Request Entity Too Large")),
    TooMuch(cut=False),
    TooMuch(cut=True),
)
_WRONG = (
    Refusal("wrong", 400, _error("messages: this makes no sense")),
    Refusal("wrong", 400, ""),
    Refusal("wrong", 404, _error("No such model")),
    Refusal("wrong", 422, _HTML.format("Unprocessable")),
    Refusal("wrong", 301, "", ("location: /elsewhere",)),
)
_BROKEN = (
    Nonsense(_HTML.format("Log in to this network"), "text/html"),
    Nonsense(_error("not a stream"), "application/json"),
    Nonsense("data: {not json\n\n", "text/event-stream"),
    Nonsense("data: [1, 2\n\ndata: }\n\n", "text/event-stream"),
    Nonsense("event: message_start\ndata: nonsense\n\n", "text/event-stream"),
    Nonsense("", "text/event-stream"),
    Nonsense(": ping\n\n: ping\n\n", "text/event-stream"),
    Short(),
    *(Failure(text) for text in _TRANSIENT),
    *(Failure(text, "limit") for text in _LIMIT),
    *(Failure(text, "overflow") for text in _OVERFLOW),
    Failure("this makes no sense", "wrong"),
)
_NETWORK = (
    Reset(),
    Silence(),
    *(Cut(where, "drop") for where in ("text", "call", "any", "end")),
    *(Cut(where, "end") for where in ("text", "call", "any", "end")),
    Cut("any", "silence"),
)
_FAMILIES: dict[tuple[Fault, ...], int] = {
    _TRANSIENT_REFUSALS: 5,
    _NETWORK: 6,
    _BROKEN: 4,
    _LIMITS: 2,
    _OVERFLOWS: 2,
    _LOGINS: 1,
    _WRONG: 1,
}


def pick(rng: Random) -> Fault:
    """A fault: first of which family, by how often they come, then which of it."""
    [family] = rng.choices(list(_FAMILIES), list(_FAMILIES.values()))
    return rng.choice(family)

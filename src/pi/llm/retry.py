"""Which failures may pass when asked again, and how long to wait before."""

import math
import random
import re
from collections.abc import Mapping
from functools import cache

from pi.llm.errors import ProviderError, TransportError
from pi.llm.messages import AssistantMessage
from pi.llm.options import StreamOptions

_RETRYABLE_STATUS = frozenset({408, 409, 429})  # and everything from 500
_FIRST_DELAY_MS = 500
_LONGEST_DELAY_MS = 8_000

# Limits of an account don't pass by waiting, although many come as a 429.
_PERMANENT = (
    r"GoUsageLimitError",
    r"FreeUsageLimitError",
    r"Monthly usage limit reached",
    r"available balance",
    r"insufficient_quota",
    r"out of budget",
    r"quota exceeded",
    r"billing",
    r"subscription_sharing_usage_limit_exceeded",
    r"subscription_sharing_workplace_individual_usage_limit_exceeded",
    r'"code"\s*:\s*"?1308(?![0-9])',  # z.ai: the plan's usage limit
)
_TRANSIENT = (
    # load and faults of the server
    r"overloaded",
    r"server_busy",
    r"servers are currently busy",
    r"currently experiencing high demand",
    r"model is at capacity",
    r"rate.?limit",
    r"throttling error",
    r"too many requests",
    r"(?<![a-z0-9])(?:429|500|502|503|504|520|524)(?![a-z0-9])",
    r"service.?(?:is.?)?(?:temporarily.?)?unavailable",
    r"server.?error",
    r"internal.?error",
    r"ResourceExhausted",
    r"subscription_sharing_usage_unavailable",
    r"subscription_sharing_user_unavailable",
    # gateways that report their upstream
    r"provider.?returned.?(?:an.?)?error",
    r"exceeded request buffer limit while retrying upstream",
    r"unable to forward upstream",
    r"upstream.?request.?failed",
    r"upstream_stream_read_error",
    r"upstream.?connect",
    # the network
    r"network.?error",
    r"connection.?error",
    r"connection.?refused",
    r"connection.?lost",
    r"other side closed",
    r"fetch failed",
    r"request to \S+ failed, reason:",
    r"getaddrinfo",
    r"ENOTFOUND",
    r"EAI_AGAIN",
    r"reset before headers",
    r"socket hang up",
    r"socket connection was closed",
    r"timed? out",
    r"timeout",
    r"terminated",
    r"websocket.?closed",
    r"websocket.?error",
    r"http2 request did not get a response",
    # streams that end too early
    r"stream was interrupted",
    r"http/?2 stream failed",
    r"ended without",
    r"stream ended before message_stop",
    r"stream ended before a terminal response event",
    r"stream disconnected before completion",
    r"cut short after the reply had begun",
    r"pending stream has been canceled",
    # servers that ask for it
    r"retry delay",
    r"you can retry your request",
    r"try your request again",
    r"please retry your request",
)


def retry_delay_ms(error: ProviderError, attempt: int, options: StreamOptions) -> int | None:
    """How many ms the provider layer waits before it sends again (`attempt` from 0); None: the error goes up.

    What the server asked for is honoured; above `max_retry_delay_ms` (0: no limit) the error goes up at once,
    so that the agent's retry shows the wait and people can end it.
    """
    if attempt >= options.max_retries or not _may_pass(error):
        return None
    if (asked := error.retry_after_ms) is not None:
        return None if 0 < options.max_retry_delay_ms < asked else max(0, asked)
    delay = min(_FIRST_DELAY_MS * 2**attempt, _LONGEST_DELAY_MS)
    return round(delay * random.uniform(0.75, 1))


def _may_pass(error: ProviderError) -> bool:
    if error.status is None:
        return isinstance(error, TransportError)
    return error.status in _RETRYABLE_STATUS or error.status >= 500


def retry_after_ms(headers: Mapping[str, str]) -> int | None:
    """The wait that headers (lower-case names) ask for, in ms, at least 0; None if there is none to read."""
    if (delay := _number(headers.get("retry-after-ms"))) is not None:
        return max(0, round(delay))
    asked = headers.get("retry-after")
    if (seconds := _number(asked)) is not None:
        return max(0, round(seconds * 1000))
    return _until(asked) if asked else None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _until(date: str) -> int | None:
    from email.utils import parsedate_to_datetime  # slow to import, and few servers send a date

    from pi.platform.clock import now_ms

    try:
        return max(0, round(parsedate_to_datetime(date).timestamp() * 1000) - now_ms())
    except (ValueError, OverflowError):
        return None


def is_transient(message: AssistantMessage) -> bool:
    """True if the agent may ask again: the message failed, by its text for a reason that can pass.

    An overflow is not told apart here: ask `is_overflow` first.
    """
    if message.stop_reason != "error" or not message.error_message:
        return False
    if is_permanent(message.error_message):
        return False
    return _pattern(_TRANSIENT).search(message.error_message) is not None


def is_permanent(text: str) -> bool:
    """Whether a failure says that the account's limit is used up: waiting for seconds doesn't help."""
    return _pattern(_PERMANENT).search(text) is not None


def agent_retry_delay_ms(attempt: int, *, base_ms: int, cap_ms: int) -> int:
    """The agent's wait before retry `attempt` (from 1): `base_ms`, doubled each time, at most `cap_ms`.

    What the server asked for plays no part here, as in the original.
    """
    return min(base_ms << min(max(0, attempt - 1), 50), cap_ms)


@cache
def _pattern(alternatives: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE | re.ASCII)

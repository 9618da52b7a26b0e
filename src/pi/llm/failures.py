"""Why a model couldn't answer where another may: a limit, load, an outage, a login, a small window."""

import re
from typing import Literal

from pi.llm.errors import ProtocolError, ProviderError, TransportError
from pi.llm.messages import AssistantMessage
from pi.llm.overflow import is_overflow
from pi.llm.retry import is_permanent, is_transient
from pi.platform.errors import PiError

FailureKind = Literal["quota", "rate_limit", "overload", "outage", "login", "overflow"]

_RATE_LIMIT = re.compile(r"rate.?limit|too many requests|(?<!\d)429(?!\d)", re.IGNORECASE)
_OVERLOAD = re.compile(
    r"overloaded|server_busy|high demand|at capacity|(?<!\d)(?:503|529)(?!\d)", re.IGNORECASE
)


def failure_kind(message: AssistantMessage, error: PiError | None, window: int) -> FailureKind | None:
    """What kept a model from answering; None for a failure that another model would have too.

    `error` is what its stream failed with, where the message has only the text; `window` in tokens.
    """
    if is_overflow(message, window):
        return "overflow"
    if message.stop_reason != "error":
        return None
    text, status = message.error_message or "", getattr(error, "status", None)
    if is_permanent(text) or status == 402:
        return "quota"
    if status in (401, 403) or _needs_login(error):
        return "login"
    if status == 429 or (status is None and _RATE_LIMIT.search(text)):
        return "rate_limit"
    if status in (503, 529) or (status is None and _OVERLOAD.search(text)):
        return "overload"
    gone = status in (404, 410) or (status is not None and status >= 500)  # the model, or the server
    broken = isinstance(error, TransportError | ProtocolError)
    return "outage" if gone or broken or is_transient(message) else None


def asked_wait_ms(error: PiError | None) -> int | None:
    """How long the provider wants nobody to ask again, in ms; None when it didn't say."""
    return error.retry_after_ms if isinstance(error, ProviderError) else None


def _needs_login(error: PiError | None) -> bool:
    from pi.llm.registry import MissingKeyError

    return isinstance(error, MissingKeyError) or bool(getattr(error, "needs_login", False))

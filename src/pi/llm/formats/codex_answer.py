"""An answer of ChatGPT's Codex backend: Responses with an end, errors and limits of its own."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pi.llm.draft import Draft
from pi.llm.errors import ProviderError
from pi.llm.events import BlockEvent
from pi.llm.formats.grammar import Inputs
from pi.llm.formats.lenient import as_dict, as_text
from pi.llm.formats.responses_answer import ResponsesAnswer
from pi.llm.formats.responses_events import Event, read_event
from pi.llm.retry import retry_after_ms
from pi.platform.clock import now_ms

_STATUSES = ("completed", "incomplete", "failed", "cancelled", "queued", "in_progress")
_LIMIT_CODES = ("usage_limit_reached", "usage_not_included", "rate_limit_exceeded")
_WINDOWS = ("primary", "secondary")
_WINDOW_FIELDS = ("used_percent", "window_minutes", "reset_at")
_CREDIT_FIELDS = ("has_credits", "unlimited", "balance")


class CodexError(ProviderError):
    """A failure that the backend reports by an event; `code` is its name for it, "" when it has none."""

    def __init__(self, text: str, code: str, *, status: int | None = None, retry_after_ms: int | None = None):
        super().__init__(text, status=status, retry_after_ms=retry_after_ms)
        self.code = code


class CodexAnswer:
    """Turns the backend's events into blocks; `tier` is the service tier that was asked for.

    `inputs` names the argument of tools that take raw text.
    """

    def __init__(self, draft: Draft, inputs: Inputs, tier: Any = None):
        self.begun = False  # limits alone are no answer yet
        self.ended = False
        self._answer = ResponsesAnswer(draft, inputs)
        self._tier = tier

    def read(self, data: bytes) -> list[BlockEvent]:
        """Take an event in; raises CodexError when it tells of a failure, ProtocolError when it is none."""
        event = read_event(data)
        self.begun = self.begun or not event.type.startswith("codex.")
        match event.type:
            case "error":
                raise _failure(event, data)
            case "response.failed":
                error = as_dict(as_dict(event.response).get("error"))
                text = as_text(error.get("message")) or "Codex response failed"
                raise CodexError(text, as_text(error.get("code")))
            case "response.completed" | "response.done" | "response.incomplete":
                self.ended = True
                return self._answer.read(Event("response.completed", response=self._whole(event)))
            case _:
                return self._answer.read(event)

    def finish(self) -> None:
        """The stream is at its end: was the answer?"""
        self._answer.finish()

    def _whole(self, event: Event) -> dict[str, Any]:
        response = dict(as_dict(event.response))
        if response.get("status") not in _STATUSES:
            response.pop("status", None)
        # The backend says "default" also for requests that it serves, and bills, by the tier they asked for.
        tier = response.get("service_tier") or self._tier
        if tier == "default" and self._tier in ("flex", "priority"):
            tier = self._tier
        return response | {"service_tier": tier}


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error for an answer with another status than success; header names in lower case."""
    text = body.decode("utf-8", "replace")
    error = as_dict(as_dict(_json(body)).get("error"))
    code = as_text(error.get("code")) or as_text(error.get("type"))
    if error and (status == 429 or any(limit in code.lower() for limit in _LIMIT_CODES)):
        shown = _limit_text(error)
    else:
        shown = as_text(error.get("message")) or text or _phrase(status)
    asked = retry_after_ms(headers)
    return ProviderError(
        shown, status=status, retry_after_ms=_until_reset_ms(error) if asked is None else asked
    )


def limits_in(data: bytes) -> tuple[int, dict[str, str]] | None:
    """Status and headers that tell what an event tells of the account's limits; None when it tells nothing.

    The names are those of the headers that an answer over HTTP has.
    """
    if b"codex.rate_limits" not in data and b'"headers"' not in data:
        return None
    event = as_dict(_json(data))
    match event.get("type"):
        case "codex.rate_limits":
            return 200, _limit_headers(event)
        case "error" if headers := _headers_of(event):
            return _status_of(event) or 200, headers
        case _:
            return None


def _limit_headers(event: dict[str, Any]) -> dict[str, str]:
    limit = as_text(event.get("metered_limit_name")) or as_text(event.get("limit_name")) or "codex"
    prefix = f"x-{limit.lower().replace('_', '-')}"
    limits, credits = as_dict(event.get("rate_limits")), as_dict(event.get("credits"))
    facts: dict[str, Any] = {f"{prefix}-plan-type": event.get("plan_type")}
    for name in _WINDOWS:
        window = as_dict(limits.get(name))
        facts |= {f"{prefix}-{name}-{field.replace('_', '-')}": window.get(field) for field in _WINDOW_FIELDS}
    facts |= {f"{prefix}-credits-{name.replace('_', '-')}": credits.get(name) for name in _CREDIT_FIELDS}
    return {name: _header(value) for name, value in facts.items() if isinstance(value, str | int | float)}


def _header(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _failure(event: Event, data: bytes) -> CodexError:
    raw = as_dict(_json(data))
    error = as_dict(event.error)
    code, message = (
        outer if isinstance(outer, str) else as_text(error.get(name))
        for name, outer in (("code", event.code), ("message", event.message))
    )
    asked = retry_after_ms(_headers_of(raw))
    return CodexError(
        f"Codex error: {message or code or msgspec.json.encode(raw).decode()}",
        code,
        status=_status_of(raw),
        retry_after_ms=_until_reset_ms(error) if asked is None else asked,
    )


def _status_of(event: dict[str, Any]) -> int | None:
    status = event.get("status", event.get("status_code"))
    return status if isinstance(status, int) else None


def _headers_of(event: dict[str, Any]) -> dict[str, str]:
    headers = as_dict(event.get("headers")).items()
    return {name.lower(): _header(value) for name, value in headers if isinstance(value, str | int | float)}


def _limit_text(error: dict[str, Any]) -> str:
    plan, wait = as_text(error.get("plan_type")).lower(), _until_reset_ms(error)
    of_plan = f" ({plan} plan)" if plan else ""
    when = "" if wait is None else f" Try again in ~{int(wait / 60_000 + 0.5)} min."
    return f"You have hit your ChatGPT usage limit{of_plan}.{when}"


def _until_reset_ms(error: dict[str, Any]) -> int | None:
    at_s = error.get("resets_at")
    return max(0, round(at_s * 1000) - now_ms()) if isinstance(at_s, int | float) and at_s else None


def _json(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _phrase(status: int) -> str:
    from http import HTTPStatus  # rarely needed

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Request failed"

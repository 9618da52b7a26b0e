"""What providers say about their limits in the headers of every answer: tables of names, one reader."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Literal

from msgspec import Struct

Slot = Literal["used", "limit", "remaining", "left", "at", "after", "minutes"]


class Window(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One limit of a provider: what is used of it (0 to 1), how much there is, when it begins anew.

    Names are "5h", "week", "month", "day", "credits" (USD), "requests" or "tokens", the latter also with
    their span ("requests/day"), and what a limit is for in brackets ("week (opus)"). None: it doesn't say.
    """

    name: str
    used: float | None = None
    limit: float | None = None
    remaining: float | None = None
    resets_at_ms: int | None = None  # since 1970

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left of it."""
        return (self.used is not None and self.used >= 1) or (
            self.remaining is not None and self.remaining <= 0
        )


# Whoever sends limits has one of these in a header's name; most answers have none, so it is asked first.
MARKS = ("ratelimit", "x-codex-", "x-quota-")

# Names of headers: `window` is whose limit it is, `field` what is said of it; without a field the value is a
# query string that says it all. Later rows see only what no earlier one has taken.
_HEADERS = (
    # Anthropic's subscriptions; "overage" and "fallback" are no windows
    r"anthropic-ratelimit-unified-(?P<window>\d+[hd](?:[_-]\w+)?)-(?P<field>utilization|reset|status)",
    r"anthropic-ratelimit-unified-.*",
    r"anthropic-ratelimit-(?P<window>[a-z-]+)-(?P<field>limit|remaining|reset)",
    # OpenAI and all who follow it, OpenRouter (no window), Mistral and Cerebras (with a span)
    r"(?:x-)?ratelimit-(?P<field>limit|remaining|reset)(?:-(?P<window>[\w-]+))?",
    r"x-codex-(?P<window>(?:\w+-)*(?:primary|secondary))"
    r"-(?P<field>used-percent|window-minutes|reset-at|reset-after-seconds)",
    r"x-codex-(?P<window>credits)-(?P<field>balance)",
    # GitHub Copilot
    r"x-(?:quota-snapshot|usage-ratelimit)-(?P<window>\w+)",
)
_NAMES = {  # ours, by what headers call a window
    "": "requests",
    "req": "requests",
    "7d": "week",
    "session": "5h",
    "weekly": "week",
    "premium_interactions": "premium requests",
    "premium_models": "premium requests",
}
_NAMES_OF = {  # where a provider means something else by it
    "groq": {"requests": "requests/day", "tokens": "tokens/minute"},
}
_SPANS = {60: "hour", 300: "5h", 1440: "day", 10080: "week", 43200: "month"}  # by their minutes
_PACKED = {"ent": "limit", "rem": "left-percent", "rst": "reset"}


def says_limits(headers: Mapping[str, str]) -> bool:
    """Whether some header may tell of a limit; cheap, for every answer."""
    return any(mark in name for name in headers for mark in MARKS)


def read_limits(provider: str, headers: Mapping[str, str], now_ms: int) -> tuple[Window, ...]:
    """The windows that an answer's headers (names in lower case) tell of, in their order; empty: none.

    `now_ms` (since 1970) is when the answer came: most tell their reset as a time from then.
    """
    said: dict[str, dict[Slot, float]] = {}
    for name, text in headers.items():
        if any(mark in name for mark in MARKS) and (found := _match(name)):
            parts = found.groupdict()
            window = said.setdefault(parts.get("window") or "", {})
            for field, value in _fields(parts.get("field"), text):
                slot, read = _FIELDS[field]
                if (number := read(value, now_ms)) is not None:
                    window[slot] = max(number, window.get(slot, number))
    windows = (_window(provider, name, slots) for name, slots in said.items())
    return tuple({window.name: window for window in windows if window is not None}.values())


def read_number(text: object) -> float | None:
    """A number as JSON or a header has it ("$5.00", "100;w=60"); None for anything else."""
    if isinstance(text, int | float):
        return float(text)
    found = re.match(r"\s*\$?(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)", text) if isinstance(text, str) else None
    return float(found[1]) if found else None


def read_moment(text: object, now_ms: int) -> float | None:
    """In ms since 1970 what vendors write: a date, s or ms since 1970, s from now, "6m0s" from now."""
    if isinstance(text, str) and re.fullmatch(f"(?:{_DURATION})+", text.strip()):
        parts = re.findall(_DURATION, text)
        return now_ms + sum(float(count) * _UNIT_MS[unit] for count, unit in parts)
    if isinstance(text, str) and re.match(r"\s*\d{4}-\d\d", text):
        return _date(text.strip())
    number = read_number(text)
    if number is None or number < 0:
        return None
    if number < 1e9:  # no clock shows 2001 any more
        return now_ms + number * 1000
    return number if number > 1e11 else number * 1000


def span_name(minutes: float) -> str | None:
    """What people call a window of that length."""
    if not minutes or minutes < 1:
        return None
    whole = round(minutes)
    return _SPANS.get(whole) or (f"{whole // 60}h" if whole % 60 == 0 else f"{whole}min")


def used_share(limit: float | None, remaining: float | None) -> float | None:
    """The share that is used, 0 to 1."""
    if not limit or limit < 0 or remaining is None:
        return None
    return min(max(1 - remaining / limit, 0.0), 1.0)


_DURATION = r"(\d+(?:\.\d+)?)(ms|us|µs|[smhd])"
_UNIT_MS = {"us": 0.001, "µs": 0.001, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def _date(text: str) -> float | None:
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000


def _number(text: str, now_ms: int) -> float | None:
    return read_number(text)


def _percent(text: str, now_ms: int) -> float | None:
    number = read_number(text)
    return None if number is None else number / 100


def _credit(text: str, now_ms: int) -> float | None:
    return read_number(text) or None  # a plan without credits has a balance too: 0


def _refused(text: str, now_ms: int) -> float | None:
    return 1.0 if text == "rejected" else None


_FIELDS: dict[str, tuple[Slot, Callable[[str, int], float | None]]] = {
    "utilization": ("used", _number),
    "status": ("used", _refused),
    "used-percent": ("used", _percent),
    "left-percent": ("left", _percent),
    "limit": ("limit", _number),
    "remaining": ("remaining", _number),
    "balance": ("remaining", _credit),
    "window-minutes": ("minutes", _number),
    "reset": ("at", read_moment),
    "reset-at": ("at", read_moment),
    "reset-after-seconds": ("after", read_moment),
}


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in _HEADERS)


def _match(name: str) -> re.Match[str] | None:
    """How the first row that knows a header reads it; None also when it is known to say nothing."""
    found = next((found for row in _patterns() if (found := row.fullmatch(name))), None)
    return found if found and found.re.groups else None


def _fields(field: str | None, text: str) -> list[tuple[str, str]]:
    if field is not None:
        return [(field, text)]
    from urllib.parse import parse_qsl

    return [(_PACKED[key], value) for key, value in parse_qsl(text) if key in _PACKED]


def _window(provider: str, header: str, slots: Mapping[Slot, float]) -> Window | None:
    limit, remaining, left = slots.get("limit"), slots.get("remaining"), slots.get("left")
    minutes = slots.get("minutes")
    if (limit is not None and limit < 0) or minutes == 0:  # how Copilot says unlimited, and Codex none
        return None
    if left is not None and limit is not None:
        remaining = limit * left
    used = slots.get("used")
    if used is None:
        used = used_share(limit, remaining) if left is None else 1 - left
    at = slots.get("at", slots.get("after"))
    if used is None and limit is None and remaining is None:
        return None
    return Window(
        _name(provider, header, minutes),
        None if used is None else round(used, 6),
        limit,
        remaining,
        None if at is None else round(at),
    )


def _name(provider: str, header: str, minutes: float | None) -> str:
    """What people call the window that headers call so."""
    if own := _NAMES_OF.get(provider, {}).get(header) or _NAMES.get(header):
        return own
    if minutes is not None and (span := span_name(minutes)):
        family, _, _ = header.rpartition("-")
        return f"{span} ({family})" if family else span
    if found := re.fullmatch(r"(\d+[hd])[_-](.+)", header):
        return f"{_NAMES.get(found[1], found[1])} ({found[2]})"
    first, _, span = header.partition("-")
    first = _NAMES.get(first, first)
    return f"{first}/{span}" if span and first in ("requests", "tokens") else header.replace("-", " ")

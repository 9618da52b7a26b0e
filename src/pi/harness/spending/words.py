"""Numbers and times of what was spent and is left, as people read them."""

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pi.llm.quota import Window

_MINUTE_MS = 60_000
_DAY_MS = 86_400_000


def usd(amount: float) -> str:
    """Dollars; small amounts keep their digits."""
    return f"${amount:,.2f}" if amount >= 0.1 or not amount else f"${amount:,.4f}"


def percent(share: float) -> str:
    """A share of 1."""
    return f"{100 * share:.1f} %"


def moment(at_ms: int, now_ms: int) -> str:
    """A point in local time: the hour where it is today's, else with the day."""
    at, now = datetime.fromtimestamp(at_ms / 1000), datetime.fromtimestamp(now_ms / 1000)
    if at.date() == now.date():
        return f"at {at:%H:%M}"
    return f"on {at:%a} {at.day} {at:%b} at {at:%H:%M}"


def span(ms: int) -> str:
    """How long something lasts, in its two largest units."""
    minutes = max(round(ms / _MINUTE_MS), 1)
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def resets(window: "Window", now_ms: int) -> str:
    """When a window begins anew; empty when nobody knows."""
    at = window.resets_at_ms
    return "" if at is None else f"resets in {span(at - now_ms)}, {moment(at, now_ms)}"


def standing(window: "Window") -> str:
    """What is used of a window, and what is left where that is told."""
    used = "" if window.used is None else f"{100 * window.used:.0f} % used"
    rest = left(window)
    return ", ".join(part for part in (used, rest and f"{rest} left") if part)


def left(window: "Window") -> str:
    """What is left of a window, of how much where that is told; empty when nobody knows."""
    if window.remaining is None:
        return ""
    show = usd if window.name.startswith("credits") else _count
    return show(window.remaining) + ("" if window.limit is None else f" of {show(window.limit)}")


def period(since_ms: int | None, until_ms: int | None) -> str:
    """The time that a report is about."""
    if since_ms is None and until_ms is None:
        return "All time"
    first = "" if since_ms is None else f"From {_day(since_ms)}"
    last = "" if until_ms is None else f"until {_day(until_ms - 1)}"
    return f"{first} {last}".strip().capitalize()


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000).date().isoformat()


def _count(number: float) -> str:
    return f"{number:,.0f}"

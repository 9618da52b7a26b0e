"""Numbers as people read them: tokens, money, moments, sizes."""

from datetime import UTC, datetime

from pi.llm.messages import Usage


def count(number: int, one: str, many: str = "") -> str:
    """Such as "1 line", "2,300 lines"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def short(number: int) -> str:
    """Such as "940", "12.3k", "1.2M"."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.1f}".removesuffix(".0") + unit
    return str(number)


def money(usd: float) -> str:
    """Such as "$1.23"; cents have two more digits. Empty for nothing."""
    if usd <= 0:
        return ""
    return f"${usd:,.2f}" if usd >= 1 else f"${usd:.4f}"


def tokens(usage: Usage) -> str:
    """What went in, came out, and was read from and written to caches."""
    parts = [(usage.input, "in"), (usage.output, "out"), (usage.cache_read, "cached")]
    parts.append((usage.cache_write, "written to cache"))
    return " · ".join(f"{short(number)} {what}" for number, what in parts if number)


def moment(ms: int) -> str:
    """A time of the world; empty for none."""
    found = _time(ms)
    return f"{found:%Y-%m-%d %H:%M} UTC" if found else ""


def machine_time(ms: int) -> str:
    """The same for programs, as ISO 8601."""
    found = _time(ms)
    return f"{found:%Y-%m-%dT%H:%M:%SZ}" if found else ""


def _time(ms: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(ms / 1000, UTC) if ms > 0 else None
    except (ValueError, OverflowError, OSError):
        return None

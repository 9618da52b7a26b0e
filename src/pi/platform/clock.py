"""Time and ids as the session files and events carry them."""

import os
import time
from datetime import UTC, datetime


def now_ms() -> int:
    """Milliseconds since 1970, as in every message's `timestamp`."""
    return time.time_ns() // 1_000_000


def iso(ms: int | None = None) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`, as in every session entry's `timestamp`."""
    moment = datetime.fromtimestamp((now_ms() if ms is None else ms) / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def uuid7() -> str:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, then random bits; sorts by time of creation."""
    value = bytearray(now_ms().to_bytes(6, "big") + os.urandom(10))
    value[6] = 0x70 | (value[6] & 0x0F)
    value[8] = 0x80 | (value[8] & 0x3F)
    digits = value.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

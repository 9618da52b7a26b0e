"""What a token says of itself: the claims of a JWT, read and never relied on for what they would prove."""

from typing import Any, cast

import msgspec


def claims(token: str) -> dict[str, Any]:
    """The claims of a JWT, whose signature nobody checked; {} for any other token."""
    from base64 import urlsafe_b64decode

    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        found = msgspec.json.decode(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, msgspec.DecodeError, RecursionError):
        return {}
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}

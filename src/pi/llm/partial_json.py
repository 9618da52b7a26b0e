"""Tool arguments out of JSON that may be cut off, or written a little wrong."""

import re
from functools import cache
from typing import Any, cast

import msgspec

_STRING = r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)'  # also one that the end of the text cuts
_IN_STRING = r"""
    (?P<good> \\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}  # a pair of surrogates
            | \\(?:u[0-9a-fA-F]{0,3})?\Z                                  # cut by the end of the text
            | \\["\\/bfnrt] )
  | (?P<lone> \\u[dD][89a-fA-F][0-9a-fA-F]{2} )
  | (?P<code> \\u[0-9a-fA-F]{4} )
  | (?P<bad> \\ )
  | (?P<control> [\x00-\x1f] )"""


def parse_partial_json(text: str) -> dict[str, Any]:
    """The object in `text` as far as it goes; {} where there is none. Never raises.

    Raw control characters and bad escapes inside strings are taken as they were meant, half of a surrogate
    pair becomes U+FFFD (files and requests can't carry it), and a string that is cut keeps what is there.
    """
    if not text or text.isspace():
        return {}
    value = _strict(text)
    if value is None:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        repaired = _repair(text)
        value = _strict(repaired) or _partial(text) or _partial(repaired)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _strict(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _partial(text: str) -> object:
    import jiter  # here: most arguments are whole

    try:
        return jiter.from_json(text.encode(), partial_mode="trailing-strings")
    except ValueError:
        return None


def _repair(text: str) -> str:
    """Escape control characters and double the backslash of bad escapes, inside strings only."""
    string, fault = _patterns()
    return string.sub(lambda found: fault.sub(_mend, found[0]), text)


def _mend(fault: re.Match[str]) -> str:
    match fault.lastgroup:
        case "control":
            return f"\\u{ord(fault[0]):04x}"
        case "bad":
            return "\\\\"
        case "lone":
            return "\\ufffd"
        case _:
            return fault[0]


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(_STRING, re.DOTALL), re.compile(_IN_STRING, re.VERBOSE)

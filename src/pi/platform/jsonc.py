"""JSON as people write it by hand: with comments, trailing commas and a byte order mark."""

import re
from typing import Any, NoReturn

import msgspec

from pi.platform.errors import ConfigError

# Strings come first, so that what is inside them is left alone.
_COMMENT = r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*(?s:.*?)\*/'
_TRAILING_COMMA = r'"(?:\\.|[^"\\])*"|,(?=\s*[}\]])'


def loads_jsonc(text: str | bytes, *, source: str) -> Any:
    """Decode JSON with `//` and `/* */` comments and trailing commas; `source` names the file in errors.

    Raises ConfigError with line and column of the first fault.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # not plain JSON, or something that only the standard library takes, such as a lone surrogate
        return _loads_by_hand(text, source)


def _loads_by_hand(text: str | bytes, source: str) -> Any:
    import json  # here, because hardly any start comes this way

    def refuse(name: str) -> NoReturn:  # NaN and Infinity, which Python takes and nobody else does
        raise json.JSONDecodeError(f"not JSON: {name}", plain, plain.find(name))

    try:
        plain = text if isinstance(text, str) else text.decode("utf-8")
        plain = _without_extras(plain.removeprefix("\ufeff"))
        return json.loads(plain, parse_constant=refuse)
    except json.JSONDecodeError as error:
        fault = error.msg[0].lower() + error.msg[1:]
        raise ConfigError(f"{source}, line {error.lineno}, column {error.colno}: {fault}.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{source}: byte {error.start} is not UTF-8. Save the file as UTF-8.") from None
    except RecursionError:
        raise ConfigError(f"{source}: nested too deeply.") from None


def _without_extras(text: str) -> str:
    """The same text with comments and trailing commas blanked, so that positions stay as they were."""
    return re.sub(_TRAILING_COMMA, _blank, re.sub(_COMMENT, _blank, text))


def _blank(match: re.Match[str]) -> str:
    found = match[0]
    return found if found[0] == '"' else re.sub(r"[^\n]", " ", found)

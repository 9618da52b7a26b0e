"""The way back from the login page: the code in a redirect's address, brought by a browser or pasted."""

import re

from msgspec import Struct

from pi.llm.oauth.endpoint import printable
from pi.llm.oauth.errors import OAuthError
from pi.platform.errors import PiError

_WHAT_TO_PASTE = (
    "Paste the whole address that the browser ended on (it has `code=` in it, also if the page didn't load), "
    "or the code that the page shows."
)


class PasteError(PiError):
    """What was pasted holds no code; the text says what to paste."""


class Code(Struct, frozen=True):
    """What a redirect brings; without `state` it was a bare code. `issuer` is RFC 9207's `iss`.

    `client_id` is the one that servers issue which register a client at its first login.
    """

    code: str
    state: str | None = None
    issuer: str | None = None
    client_id: str | None = None

    def __repr__(self) -> str:
        return "Code(…)"


def read_query(query: str) -> Code | None:
    """The code in a redirect's query, None if there is none. Raises OAuthError for a refusal in it."""
    from urllib.parse import parse_qs

    values = {name: found[0] for name, found in parse_qs(query).items()}
    if error := values.get("error"):
        description = values.get("error_description")
        raise OAuthError(printable(error), printable(description) if description else None)
    code = values.get("code")
    if not code:
        return None
    return Code(code, values.get("state"), values.get("iss"), values.get("client_id"))


def parse_redirect(text: str) -> Code:
    """The code in what people paste: a redirect's address or query, `code#state`, or the bare code.

    Raises PasteError, and OAuthError for the address of a refusal.
    """
    pasted = re.sub(r"\s*[\r\n]+\s*", "", text.strip())  # terminals break long lines
    pasted = pasted.strip(" '\"<>`")
    if not pasted:
        raise PasteError(f"That was empty. {_WHAT_TO_PASTE}")
    if "://" in pasted or re.match(r"[^#]*\b(?:code|error)=", pasted):
        return _parse_address(pasted)
    code, _, state = pasted.partition("#")
    if not re.fullmatch(r"[!-~]+", code):
        raise PasteError(f"That is neither a code nor an address. {_WHAT_TO_PASTE}")
    return Code(code, state or None)


def _parse_address(pasted: str) -> Code:
    address, _, fragment = pasted.partition("#")
    query = address.partition("?")[2] if "?" in address or "://" in address else address
    if re.search(r"(?:^|&)response_type=", query):
        raise PasteError(f"That is the address to log in at, not the one after it. {_WHAT_TO_PASTE}")
    for part in (query, fragment):  # some servers answer in the fragment
        if code := read_query(part):
            return code
    raise PasteError(f"There is no code in that address. {_WHAT_TO_PASTE}")

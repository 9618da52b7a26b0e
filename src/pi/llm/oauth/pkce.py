"""The way to the login page: its address, with PKCE's challenge and a state that nobody can guess."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from pi.platform.errors import ConfigError


class Pkce(Struct, frozen=True):
    """A secret (`verifier`) and its SHA-256 (`challenge`), both in base64url (RFC 7636, S256)."""

    verifier: str
    challenge: str

    def __repr__(self) -> str:
        return "Pkce(…)"  # whoever has the verifier and the code has the login


def make_pkce() -> Pkce:
    """A new pair, from 256 random bits."""
    import hashlib
    from base64 import urlsafe_b64encode

    verifier = new_state()
    digest = hashlib.sha256(verifier.encode()).digest()
    return Pkce(verifier, urlsafe_b64encode(digest).decode().rstrip("="))


def new_state() -> str:
    """256 random bits in base64url, to know one's own redirect by."""
    import secrets

    return secrets.token_urlsafe(32)


def authorization_url(
    endpoint: str,
    *,
    client_id: str,
    redirect_uri: str,
    state: str,
    challenge: str | None = None,
    scopes: Iterable[str] = (),
    fields: Mapping[str, str] | None = None,
) -> str:
    """The address to open in a browser; the query that `endpoint` has stays, `fields` go along.

    Raises ConfigError for an endpoint that no browser should be sent to.
    """
    from urllib.parse import unquote_plus, urlencode

    if not endpoint.lower().startswith(("https://", "http://")):
        raise ConfigError(f"{endpoint!r} is no address of a login page: it has to begin with https://.")
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
        **({"code_challenge": challenge, "code_challenge_method": "S256"} if challenge else {}),
        **(fields or {}),
    }
    asked = {name: value for name, value in asked.items() if name != "scope" or value}
    base, _, query = endpoint.partition("#")[0].partition("?")
    # RFC 6749, 3.1: no parameter may stand there twice
    kept = [part for part in query.split("&") if part and unquote_plus(part.partition("=")[0]) not in asked]
    return f"{base}?{'&'.join([*kept, urlencode(asked)])}"

"""Tokens: what a login gives, got for a code and got anew when their time is up."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from msgspec import Struct

from pi.llm.errors import ProtocolError
from pi.llm.oauth.endpoint import Client, number, post
from pi.llm.oauth.errors import OAuthError, ends_login
from pi.platform.clock import now_ms

EARLY_MS = 5 * 60_000  # the original's measure: room for clocks that differ, and for a long request
_KNOWN = ("access_token", "refresh_token", "expires_in", "scope", "token_type")


class Tokens(Struct, frozen=True):
    """A login. `expires_at_ms` in ms since 1970, None when the server doesn't say.

    `extra` is what else its answer holds, and what else is stored with it (an account's id, for example).
    """

    access: str
    refresh: str | None = None
    expires_at_ms: int | None = None
    scopes: tuple[str, ...] = ()
    extra: dict[str, Any] = {}

    def is_due(self, *, early_ms: int = EARLY_MS) -> bool:
        """Whether to refresh now: less than `early_ms` are left; 0 asks whether the time is up."""
        return self.expires_at_ms is not None and now_ms() + early_ms >= self.expires_at_ms

    def __repr__(self) -> str:
        return f"Tokens(…, expires_at_ms={self.expires_at_ms}, scopes={self.scopes})"  # no log shows a token


async def exchange_code(
    client: Client,
    code: str,
    *,
    redirect_uri: str,
    verifier: str | None = None,
    fields: Mapping[str, str] | None = None,
) -> Tokens:
    """The tokens for the code of a redirect. `verifier` is PKCE's; `fields` go along. Raises like `post`."""
    asked = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if verifier is not None:
        asked["code_verifier"] = verifier
    return await request_tokens(client, asked | dict(fields or {}))


async def refresh(
    client: Client, tokens: Tokens, *, scopes: Iterable[str] = (), fields: Mapping[str, str] | None = None
) -> Tokens:
    """Newer tokens for `tokens`; what the answer leaves out stays as it was. Raises like `post`.

    To ask for fewer scopes, name them. An OAuthError that `needs_login` says that this login is over.
    """
    if tokens.refresh is None:
        raise OAuthError("invalid_grant", "The login has expired and can't be renewed")
    asked = {"grant_type": "refresh_token", "refresh_token": tokens.refresh}
    if scope := " ".join(scopes):
        asked["scope"] = scope
    with ends_login(401):
        new = await request_tokens(client, asked | dict(fields or {}))
    return Tokens(
        new.access,
        new.refresh or tokens.refresh,
        new.expires_at_ms,
        new.scopes or tokens.scopes,
        tokens.extra | new.extra,
    )


async def request_tokens(client: Client, fields: Mapping[str, str]) -> Tokens:
    """The tokens for any grant, `grant_type` among its `fields`. Raises like `post`."""
    asked_at = now_ms()  # before the request: a slow answer must not make the token look younger
    answer = await post(client, client.token_url, fields)
    access, refresh_token = answer.get("access_token"), answer.get("refresh_token")
    if not access or not isinstance(access, str):
        raise ProtocolError(
            f"The answer of {client.token_url.partition('?')[0]} has no access_token. "
            "Check that this is the token endpoint.",
            status=200,
        )
    lifetime_s = number(answer.get("expires_in"))
    return Tokens(
        access,
        refresh_token if refresh_token and isinstance(refresh_token, str) else None,
        None if lifetime_s is None else asked_at + round(lifetime_s * 1000),
        _scopes(answer.get("scope")),
        {name: value for name, value in answer.items() if name not in _KNOWN},
    )


def _scopes(value: object) -> tuple[str, ...]:
    """A string with spaces, by the RFC; some servers send a list."""
    if isinstance(value, str):
        return tuple(value.split())
    if isinstance(value, list):
        return tuple(scope for scope in cast(list[object], value) if isinstance(scope, str))
    return ()

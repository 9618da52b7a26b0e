"""What a stored login gives to a request: fresh tokens of it, in the form that its provider wants."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pi.llm.auth import Credentials

if TYPE_CHECKING:
    from pi.llm.logins import Login
    from pi.llm.oauth.tokens import Tokens


async def login_credentials(
    auth_file: Path,
    provider: str,
    login: "Login | None",
    *,
    env: Mapping[str, str] | None = None,
    refused: str | None = None,
) -> "tuple[Tokens, Credentials]":
    """The tokens stored for a provider, refreshed when it is time, and what a request gets of them.

    `login` is that of a provider which isn't built in; `env` is as for `login_of`. `refused` is an access
    token that the provider didn't take. A provider without a login of ours gets the token as it is, as long
    as it lasts. Raises OAuthError, TransportError, ConfigError, LockedError.
    """
    from pi.llm.logins import login_of
    from pi.llm.oauth.errors import OAuthError
    from pi.llm.oauth.store import fresh_tokens
    from pi.llm.oauth.tokens import Tokens

    login = login or login_of(provider, env)

    async def not_ours(tokens: Tokens) -> Tokens:
        raise OAuthError(
            "invalid_grant",
            f"The login of {provider} in {auth_file} is not Pi's own and has expired. "
            "Renew it with the program that made it, or use an API key",
        )

    if login is None:
        tokens = await fresh_tokens(auth_file, provider, not_ours, refused=refused, early_ms=0)
        return tokens, Credentials(tokens.access)
    tokens = await fresh_tokens(auth_file, provider, login.refresh, refused=refused)
    return tokens, login.credentials(tokens)

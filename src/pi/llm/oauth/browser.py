"""The login in a browser: open a page, wait for its redirect or a pasted code, get the tokens."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable

from msgspec import Struct

from pi.llm.oauth.callback import LOGIN_MS, LOOPBACK, Paste, callback_server
from pi.llm.oauth.endpoint import Client
from pi.llm.oauth.errors import OAuthError
from pi.llm.oauth.pkce import authorization_url, make_pkce, new_state
from pi.llm.oauth.redirect import Code
from pi.llm.oauth.tokens import Tokens, exchange_code


class BrowserFlow(Struct, frozen=True):
    """A login by redirect. `port` 0 takes a free one; `redirect_host` is as it was registered, and `hosts`
    are where the redirect is waited for.

    `fields` go into the page's address. `issuer`, where known, is compared with the redirect's (RFC 9207).
    """

    client: Client
    authorize_url: str
    scopes: tuple[str, ...] = ()
    port: int = 0
    path: str = "/callback"
    redirect_host: str = "127.0.0.1"
    fields: dict[str, str] = {}
    issuer: str | None = None
    timeout_ms: int = LOGIN_MS
    hosts: tuple[str, ...] = LOOPBACK


class Grant(Struct, frozen=True):
    """What a login page gave, and what else it takes to get tokens for it."""

    code: Code
    redirect_uri: str
    verifier: str

    def __repr__(self) -> str:
        return "Grant(…)"


async def run_browser_flow(
    config: BrowserFlow, show: Callable[[str], Awaitable[None] | None], *, paste: Paste | None = None
) -> Tokens:
    """Log in: `show` gets the address and opens it, or tells it to people.

    With `paste`, a port that is in use is no hindrance. Raises OAuthError, TransportError, ProtocolError, and
    PiError when there is no way for the code.
    """
    grant = await ask_in_browser(config, show, paste=paste)
    return await exchange_code(
        config.client, grant.code.code, redirect_uri=grant.redirect_uri, verifier=grant.verifier
    )


async def ask_in_browser(
    config: BrowserFlow, show: Callable[[str], Awaitable[None] | None], *, paste: Paste | None = None
) -> Grant:
    """The first half of a login: what the page gave, before it is exchanged. Raises likewise."""
    pkce, state = make_pkce(), new_state()
    async with callback_server(
        state,
        port=config.port,
        path=config.path,
        redirect_host=config.redirect_host,
        hosts=config.hosts,
        must_listen=paste is None,
    ) as callback:
        url = authorization_url(
            config.authorize_url,
            client_id=config.client.client_id,
            redirect_uri=callback.redirect_uri,
            state=state,
            challenge=pkce.challenge,
            scopes=config.scopes,
            fields=config.fields,
        )
        if isawaitable(shown := show(url)):
            await shown
        code = await callback.code(paste=paste, timeout_ms=config.timeout_ms)
        if config.issuer and code.issuer not in (None, config.issuer):
            raise OAuthError("access_denied", "The answer came from another authorization server")
    return Grant(code, callback.redirect_uri, pkce.verifier)

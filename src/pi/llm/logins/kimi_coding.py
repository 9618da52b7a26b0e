"""The login of Kimi Code's subscription: on another device, with tokens that are refreshed."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from pi.llm.auth import Credentials
from pi.llm.logins import Login, LoginScreen, Method
from pi.llm.logins.variables import borrowed, client_id, origin
from pi.llm.oauth.endpoint import Client
from pi.llm.oauth.errors import ends_login
from pi.llm.oauth.tokens import Tokens, refresh

if TYPE_CHECKING:
    from pi.llm.oauth.device import Sleep

# A public client, registered for the Kimi command line; its headers that name that program are left out.
CLIENT_ID = "17e5f671-d194-4dfb-9706-5516cb48c098"


class Addresses(Struct, frozen=True):
    """Where Kimi's logins are; its own tools' KIMI_CODE_OAUTH_HOST and KIMI_OAUTH_HOST beat `host`."""

    host: str = "https://auth.kimi.com"


_USUAL = Addresses()


def login(env: Mapping[str, str], at: Addresses = _USUAL, *, sleep: "Sleep" = asyncio.sleep) -> Login:
    """The way in."""
    host = origin(env.get("KIMI_CODE_OAUTH_HOST") or env.get("KIMI_OAUTH_HOST") or at.host)
    client = Client(f"{host}/api/oauth/token", client_id("kimi-coding", env, CLIENT_ID))

    async def log_in(screen: LoginScreen, method: Method) -> Tokens:
        from pi.llm.oauth.device import DeviceFlow, run_device_flow

        if note := borrowed("kimi-coding", env, "the Kimi command line"):
            screen.tell(note)
        got = await run_device_flow(
            DeviceFlow(client, f"{host}/api/oauth/device_authorization"),
            lambda prompt: screen.show(prompt.url, code=prompt.user_code),
            sleep=sleep,
        )
        return replace(got, extra={})

    async def renew(tokens: Tokens) -> Tokens:
        with ends_login(401, 403):
            return replace(await refresh(client, tokens), extra=tokens.extra)

    return Login(("device",), log_in, renew, _credentials)


def _credentials(tokens: Tokens) -> Credentials:
    """As a bearer: the protocol would send a key under another name."""
    return Credentials(None, {"Authorization": f"Bearer {tokens.access}"})

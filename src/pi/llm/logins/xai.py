"""The login of xAI, for SuperGrok and X Premium: on another device, with tokens that are refreshed."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from pi.llm.auth import Credentials
from pi.llm.logins import Login, LoginScreen, Method
from pi.llm.logins.variables import borrowed, client_id
from pi.llm.oauth.endpoint import Client
from pi.llm.oauth.tokens import Tokens, refresh
from pi.platform.clock import now_ms

if TYPE_CHECKING:
    from pi.llm.oauth.device import Sleep

# A public client, registered for the Grok command line; xAI registers no others and lets other agents use it.
CLIENT_ID = "b1a00492-073a-47ea-816f-4c329264a828"
SCOPES = ("openid", "profile", "email", "offline_access", "grok-cli:access", "api:access")
REFERRER = "pi"  # says who we are
_LIFETIME_MS = 3_600_000  # where the answer doesn't say


class Addresses(Struct, frozen=True):
    """Where xAI's logins are."""

    device: str = "https://auth.x.ai/oauth2/device/code"
    token: str = "https://auth.x.ai/oauth2/token"


_USUAL = Addresses()


def login(env: Mapping[str, str], at: Addresses = _USUAL, *, sleep: "Sleep" = asyncio.sleep) -> Login:
    """The way in."""
    client = Client(at.token, client_id("xai", env, CLIENT_ID))

    async def log_in(screen: LoginScreen, method: Method) -> Tokens:
        from pi.llm.oauth.device import DeviceFlow, run_device_flow

        if note := borrowed("xai", env, "the Grok command line"):
            screen.tell(note)
        flow = DeviceFlow(client, at.device, SCOPES, {"referrer": REFERRER})
        got = await run_device_flow(
            flow, lambda prompt: screen.show(prompt.url, code=prompt.user_code), sleep=sleep
        )
        return _kept(got, Tokens(""))

    async def renew(tokens: Tokens) -> Tokens:
        return _kept(await refresh(client, tokens), tokens)

    return Login(("device",), log_in, renew, lambda tokens: Credentials(tokens.access))


def _kept(new: Tokens, old: Tokens) -> Tokens:
    expires_at = new.expires_at_ms or now_ms() + _LIFETIME_MS
    return replace(new, expires_at_ms=expires_at, extra=old.extra)

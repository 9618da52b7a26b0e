"""The login of Radius and of gateways like it: in a browser or on another device, as Pi's own client."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from pi.llm.auth import Credentials
from pi.llm.logins import Login, LoginScreen, Method
from pi.llm.logins.variables import client_id, origin
from pi.llm.oauth.endpoint import Client, call, text_of
from pi.llm.oauth.tokens import Tokens, refresh

if TYPE_CHECKING:
    from pi.llm.oauth.device import Sleep

CLIENT_ID = "pi-gateway"  # registered for Pi
SCOPES = ("gateway", "offline_access")


class Addresses(Struct, frozen=True):
    """The gateway, and the port of the redirect that is registered. PI_RADIUS_GATEWAY beats the usual one."""

    gateway: str = "https://radius.pi.dev"
    port: int = 1456


_USUAL = Addresses()


def login(env: Mapping[str, str], at: Addresses = _USUAL, *, sleep: "Sleep" = asyncio.sleep) -> Login:
    """The way in, to any gateway whose address is given."""
    named = env.get("PI_RADIUS_GATEWAY") if at is _USUAL else None
    gateway = origin(named or at.gateway).removesuffix("/v1")
    client = Client(f"{gateway}/v1/oauth/token", client_id("radius", env, CLIENT_ID))

    async def log_in(screen: LoginScreen, method: Method) -> Tokens:
        if method == "device":
            from pi.llm.oauth.device import DeviceFlow, run_device_flow

            got = await run_device_flow(
                DeviceFlow(client, f"{gateway}/v1/oauth/device", SCOPES),
                lambda prompt: screen.show(prompt.url, code=prompt.user_code),
                sleep=sleep,
            )
        else:
            got = await _in_browser(client, gateway, at.port, screen)
        return replace(got, extra={})

    async def renew(tokens: Tokens) -> Tokens:
        return replace(await refresh(client, tokens), extra=tokens.extra)

    # A token never goes to another gateway than the one that it is of. A gateway of models.json has its
    # address there.
    base_url = f"{gateway}/v1" if named else None
    return Login(
        ("browser", "device"), log_in, renew, lambda tokens: Credentials(tokens.access, base_url=base_url)
    )


async def _in_browser(client: Client, gateway: str, port: int, screen: LoginScreen) -> Tokens:
    """The page's address is the gateway's to say; everything else has its fixed place there."""
    from pi.llm.oauth.browser import BrowserFlow, run_browser_flow

    discovery = f"{gateway}/v1/oauth"
    found = await call(discovery)
    issuer = found.get("issuer")
    flow = BrowserFlow(
        client,
        text_of(found, "authorizationEndpoint", discovery),
        SCOPES,
        port=port,
        path="/oauth/callback",
        fields={"handoff": "url"},
        issuer=issuer if isinstance(issuer, str) else None,
    )
    return await run_browser_flow(flow, screen.show, paste=screen.paste)

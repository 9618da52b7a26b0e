"""The login of Meta's Muse subscription: on another device, for a key that is minted anew every day."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from pi.llm.auth import Credentials
from pi.llm.errors import ProtocolError
from pi.llm.logins import Login, LoginScreen, Method
from pi.llm.logins.variables import borrowed, client_id
from pi.llm.oauth.endpoint import Client, call
from pi.llm.oauth.errors import OAuthError, ends_login
from pi.llm.oauth.tokens import Tokens
from pi.platform.clock import now_ms

if TYPE_CHECKING:
    from pi.llm.oauth.device import Sleep

# A public client, registered for the Muse Code command line.
CLIENT_ID = "1031625952748946"
API_VERSION = {"x-api-version": "1.0.0"}
_KEY_LIFETIME_MS = 24 * 60 * 60_000  # the answer doesn't say


class Addresses(Struct, frozen=True):
    """Where Meta's logins are, and where a login gets its key."""

    device: str = "https://auth.meta.com/oidc/device/authorization/"
    token: str = "https://auth.meta.com/oidc/device/token/"
    key: str = "https://api.meta.ai/muse-code/key"


_USUAL = Addresses()


def login(env: Mapping[str, str], at: Addresses = _USUAL, *, sleep: "Sleep" = asyncio.sleep) -> Login:
    """The way in. What is stored as `refresh` is the token of who is logged in, which nothing renews."""
    client = Client(at.token, client_id("meta", env, CLIENT_ID))

    async def log_in(screen: LoginScreen, method: Method) -> Tokens:
        from pi.llm.oauth.device import DeviceFlow, run_device_flow

        if note := borrowed("meta", env, "Muse Code"):
            screen.tell(note)
        person = await run_device_flow(
            DeviceFlow(client, at.device),
            lambda prompt: screen.show(prompt.url, code=prompt.user_code),
            sleep=sleep,
        )
        screen.tell("Logged in. Meta makes a key for the models…")
        return await _mint(at.key, Tokens("", person.access))

    async def renew(tokens: Tokens) -> Tokens:
        return await _mint(at.key, tokens)

    return Login(("device",), log_in, renew, lambda tokens: Credentials(tokens.access))


async def _mint(url: str, tokens: Tokens) -> Tokens:
    if tokens.refresh is None:
        raise OAuthError("invalid_grant", "The login has no token to get a key with")
    asked_at = now_ms()
    with ends_login(401, 403):
        answer = await call(url, {}, bearer=tokens.refresh, headers=API_VERSION)
    return replace(tokens, access=_key(answer), expires_at_ms=asked_at + _KEY_LIFETIME_MS)


def _key(answer: dict[str, Any]) -> str:
    key, page = answer.get("api_key"), answer.get("action_url")
    if key and isinstance(key, str):
        return key
    todo = "Check that the account has a Muse subscription."
    if isinstance(page, str) and page.startswith(("https://", "http://")) and page.isprintable():
        todo = f"Finish the account's setup at {page}, and log in again."
    raise ProtocolError(f"Meta gave no key for its models. {todo}", status=200)

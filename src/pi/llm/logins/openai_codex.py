"""The login of ChatGPT's Codex models: in a browser or on another device, with tokens that are refreshed."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from pi.llm.auth import Credentials
from pi.llm.errors import ProtocolError, ProviderError
from pi.llm.logins import Login, LoginScreen, Method
from pi.llm.logins.variables import borrowed, callback_hosts, client_id
from pi.llm.oauth.claims import claims
from pi.llm.oauth.endpoint import Client, call, number, text_of
from pi.llm.oauth.errors import OAuthError
from pi.llm.oauth.tokens import Tokens, exchange_code, refresh

if TYPE_CHECKING:
    from pi.llm.oauth.device import Sleep

# A public client, registered for the Codex command line; OpenAI supports its use by other agents, which tell
# their own name as the originator.
CLIENT_ID = "app_EMoamEEZ73f0CkXaXp7hrann"
ORIGINATOR = "pi"
SCOPES = ("openid", "profile", "email", "offline_access")
_DEVICE_CODE_S = 15 * 60.0
_ACCOUNT_CLAIM = "https://api.openai.com/auth"


class Addresses(Struct, frozen=True):
    """Where ChatGPT's logins are, and the port of the redirect that is registered."""

    host: str = "https://auth.openai.com"
    port: int = 1455


_USUAL = Addresses()


def login(env: Mapping[str, str], at: Addresses = _USUAL, *, sleep: "Sleep" = asyncio.sleep) -> Login:
    """The way in."""
    client = Client(f"{at.host}/oauth/token", client_id("openai-codex", env, CLIENT_ID))

    async def log_in(screen: LoginScreen, method: Method) -> Tokens:
        if note := borrowed("openai-codex", env, "Codex"):
            screen.tell(note)
        if method == "device":
            return _with_account(await _on_device(client, at, screen, sleep), {})
        from pi.llm.oauth.browser import BrowserFlow, run_browser_flow

        flow = BrowserFlow(
            client,
            f"{at.host}/oauth/authorize",
            SCOPES,
            port=at.port,
            path="/auth/callback",
            redirect_host="localhost",
            fields={
                "id_token_add_organizations": "true",
                "codex_cli_simplified_flow": "true",  # a page of the login, not a name
                "originator": ORIGINATOR,
            },
            hosts=callback_hosts(env),
        )
        return _with_account(await run_browser_flow(flow, screen.show, paste=screen.paste), {})

    async def renew(tokens: Tokens) -> Tokens:
        return _with_account(await refresh(client, tokens), tokens.extra)

    return Login(("browser", "device"), log_in, renew, _credentials)


async def _on_device(client: Client, at: Addresses, screen: LoginScreen, sleep: "Sleep") -> Tokens:
    """OpenAI's own form of it: what is polled for is a code, together with the verifier for it."""
    from pi.llm.oauth.device import poll

    start = f"{at.host}/api/accounts/deviceauth/usercode"
    answer = await call(start, {"client_id": client.client_id})
    device, code = text_of(answer, "device_auth_id", start), text_of(answer, "user_code", start)
    await screen.show(f"{at.host}/codex/device", code=code)

    async def ask() -> dict[str, Any]:
        try:
            return await call(
                f"{at.host}/api/accounts/deviceauth/token", {"device_auth_id": device, "user_code": code}
            )
        except ProviderError as error:
            if _is_pending(error):
                raise OAuthError("authorization_pending", status=error.status) from None
            raise

    granted = await poll(
        ask, interval_s=number(answer.get("interval")), expires_in_s=_DEVICE_CODE_S, sleep=sleep
    )
    return await exchange_code(
        client,
        text_of(granted, "authorization_code", start),
        redirect_uri=f"{at.host}/deviceauth/callback",
        verifier=text_of(granted, "code_verifier", start),
    )


def _is_pending(error: ProviderError) -> bool:
    code = error.code if isinstance(error, OAuthError) else None
    if code in ("access_denied", "expired_token", "slow_down"):
        return False
    return code == "deviceauth_authorization_pending" or error.status in (403, 404)


def _with_account(got: Tokens, extra: dict[str, Any]) -> Tokens:
    account = _account(got.access)
    if account is None:
        raise ProtocolError(
            "ChatGPT's login names no account. Log in again with an account that has a ChatGPT plan.",
            status=200,
        )
    return replace(got, extra={**extra, "accountId": account})


def _account(token: str) -> str | None:
    found = claims(token).get(_ACCOUNT_CLAIM)
    account: object = found.get("chatgpt_account_id") if isinstance(found, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return account if isinstance(account, str) and account else None


def _credentials(tokens: Tokens) -> Credentials:
    account = _account(tokens.access) or tokens.extra.get("accountId")
    headers = {"originator": ORIGINATOR}
    if isinstance(account, str) and account:
        headers["chatgpt-account-id"] = account
    return Credentials(tokens.access, headers)

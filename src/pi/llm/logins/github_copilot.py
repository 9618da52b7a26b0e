"""The login of GitHub Copilot: with a token of one's own, or on another device with an app of one's own."""

import asyncio
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from pi.llm.auth import Credentials
from pi.llm.auth.store import ApiKeyEntry
from pi.llm.errors import ProtocolError
from pi.llm.logins import Login, LoginScreen, Method
from pi.llm.logins.variables import cancelled, client_id, client_variable
from pi.llm.oauth.endpoint import Client, call, number, text_of
from pi.llm.oauth.errors import OAuthError, ends_login
from pi.llm.oauth.tokens import Tokens
from pi.platform.errors import PiError

if TYPE_CHECKING:
    from pi.llm.oauth.device import Sleep

# None of ours: the client ids that GitHub gives Copilot's tokens to are editors', and so are the headers that
# go with them. Neither is borrowed (docs/adr/0008-log-in-as-ourselves.md).
CLIENT_ID = ""
SCOPES = ("read:user",)
_PUBLIC = "github.com"
_WITHOUT_APP = (
    "GitHub registers logins for Copilot to editors, and Pi doesn't pass for one. Use a GitHub token: "
    "a fine-grained personal access token of an account with Copilot, which may make Copilot requests. "
    f"With an app of your own that GitHub has admitted to Copilot, set {client_variable('github-copilot')}."
)


class Addresses(Struct, frozen=True):
    """Where GitHub's logins are, and where Copilot's token is; `{domain}` may be an Enterprise's."""

    device: str = "https://{domain}/login/device/code"
    token: str = "https://{domain}/login/oauth/access_token"
    copilot: str = "https://api.{domain}/copilot_internal/v2/token"


_USUAL = Addresses()


def login(env: Mapping[str, str], at: Addresses = _USUAL, *, sleep: "Sleep" = asyncio.sleep) -> Login:
    """The way in. What is stored as `refresh` is GitHub's token, which gets Copilot's while it is valid."""
    app = client_id("github-copilot", env, CLIENT_ID)

    async def log_in(screen: LoginScreen, method: Method) -> Tokens | ApiKeyEntry:
        if not app:
            return await _own_token(screen)
        from pi.llm.oauth.device import DeviceFlow, run_device_flow

        domain = await _ask_domain(screen)
        client = Client(_in(at.token, domain), app)
        github = await run_device_flow(
            DeviceFlow(client, _in(at.device, domain), SCOPES),
            lambda prompt: screen.show(prompt.url, code=prompt.user_code),
            sleep=sleep,
        )
        extra = {} if domain == _PUBLIC else {"enterpriseUrl": domain}
        return await _copilot(at, Tokens("", github.access, extra=extra))

    async def renew(tokens: Tokens) -> Tokens:
        return await _copilot(at, tokens)

    return Login(("device",), log_in, renew, _credentials)


async def _own_token(screen: LoginScreen) -> ApiKeyEntry:
    screen.tell(_WITHOUT_APP)
    token = await screen.ask("GitHub token for Copilot", "github_pat_…", secret=True)
    if token is None or not token.strip():
        raise cancelled()
    return ApiKeyEntry(token.strip())


async def _ask_domain(screen: LoginScreen) -> str:
    answer = await screen.ask("GitHub Enterprise domain (empty for github.com)", "company.ghe.com")
    if answer is None:
        raise cancelled()
    domain = _domain(answer) if answer.strip() else _PUBLIC
    if domain is None:
        raise PiError(f"{answer.strip()!r} is no domain. Write it like company.ghe.com, or nothing.")
    return domain


async def _copilot(at: Addresses, tokens: Tokens) -> Tokens:
    """Copilot's token for GitHub's, which is what `tokens` has to refresh with."""
    if tokens.refresh is None:
        raise OAuthError("invalid_grant", "The login has no token of GitHub")
    url = _in(at.copilot, _enterprise(tokens) or _PUBLIC)
    try:
        with ends_login(401):
            answer = await call(url, bearer=tokens.refresh)
    except ProtocolError as error:
        if error.status not in (403, 404):
            raise
        raise ProtocolError(
            "GitHub gives no Copilot token to this login: the account has no Copilot, or the app isn't "
            "admitted. Use a GitHub token instead: COPILOT_GITHUB_TOKEN.",
            status=error.status,
        ) from error
    expires_s = number(answer.get("expires_at"))
    if expires_s is None:
        raise ProtocolError("GitHub's answer doesn't say how long the token lasts. Try again later.")
    return Tokens(text_of(answer, "token", url), tokens.refresh, round(expires_s * 1000), extra=tokens.extra)


def _credentials(tokens: Tokens) -> Credentials:
    return Credentials(tokens.access, base_url=_base_url(tokens))


def _base_url(tokens: Tokens) -> str | None:
    """The account's own host, which the token names as its proxy; None: the usual one."""
    if found := re.search(r"(?:^|;)proxy-ep=(?:proxy\.)?([\w-]+(?:\.[\w-]+)+)(?=;|$)", tokens.access):
        return f"https://api.{found[1]}"
    enterprise = _enterprise(tokens)
    return f"https://copilot-api.{enterprise}" if enterprise else None


def _enterprise(tokens: Tokens) -> str | None:
    stored = tokens.extra.get("enterpriseUrl")
    return _domain(stored) if isinstance(stored, str) else None


def _domain(text: str) -> str | None:
    """The domain in what people write or paste, an address for example."""
    found = re.fullmatch(r"(?:\w+://)?([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)(?:[:/].*)?", text.strip())
    return found[1].lower() if found else None


def _in(address: str, domain: str) -> str:
    return address.replace("{domain}", domain)

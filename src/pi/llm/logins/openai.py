"""The login of OpenAI with a ChatGPT plan: in a browser, where OpenAI registers Pi as what it is."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from pi.llm.auth import Credentials
from pi.llm.errors import ProtocolError
from pi.llm.logins import Login, LoginScreen, Method
from pi.llm.logins.variables import callback_hosts, client_id
from pi.llm.oauth.endpoint import Client
from pi.llm.oauth.errors import OAuthError
from pi.llm.oauth.tokens import Tokens, exchange_code, refresh

# Not a client of its own: with it a login asks to be registered, under the name, and its redirect brings the
# id that was issued.
CLIENT_ID = "dynamic_agent_client"
NAME = "Pi"
DIRECT = "chatgpt.tokens.use.direct"  # without it a token opens nothing for us
SCOPES = ("openid", "profile", "email", "offline_access", "resource.invoke", DIRECT)
RESOURCE = "https://api.openai.com/v1"


class Addresses(Struct, frozen=True):
    """Where OpenAI's logins are, and the port of the redirect that it takes."""

    authorize: str = "https://auth.openai.com/api/accounts/authorize"
    token: str = "https://auth.openai.com/api/accounts/oauth/token"
    port: int = 1455


_USUAL = Addresses()


def login(env: Mapping[str, str], at: Addresses = _USUAL) -> Login:
    """The way in."""
    client = Client(at.token, client_id("openai", env, CLIENT_ID), fields={"resource": RESOURCE})

    async def log_in(screen: LoginScreen, method: Method) -> Tokens:
        from uuid import uuid4

        from pi.llm.oauth.browser import BrowserFlow, ask_in_browser
        from pi.llm.oauth.pkce import new_state

        asked = {
            "agent_name_hint": NAME,
            "ext_agent_host_id": f"urn:uuid:{uuid4()}",  # a new one each time: nobody is to be followed by it
            "resource": RESOURCE,
            "nonce": new_state(),
        }
        flow = BrowserFlow(
            client,
            at.authorize,
            SCOPES,
            port=at.port,
            path="/auth/callback",
            fields=asked,
            hosts=callback_hosts(env),
        )
        grant = await ask_in_browser(flow, screen.show, paste=screen.paste)
        issued = grant.code.client_id or (None if client.client_id == CLIENT_ID else client.client_id)
        if issued is None:
            raise OAuthError(
                "invalid_request",
                "OpenAI's answer names no client. Log in again; if you paste, paste the whole address",
            )
        got = await exchange_code(
            replace(client, client_id=issued),
            grant.code.code,
            redirect_uri=grant.redirect_uri,
            verifier=grant.verifier,
        )
        return _checked(got, {"clientId": issued})

    async def renew(tokens: Tokens) -> Tokens:
        issued = tokens.extra.get("clientId")
        if not isinstance(issued, str) or not issued:
            raise OAuthError("invalid_grant", "The stored login doesn't say which client it belongs to")
        return _checked(await refresh(replace(client, client_id=issued), tokens), tokens.extra)

    return Login(("browser",), log_in, renew, lambda tokens: Credentials(tokens.access))


def _checked(got: Tokens, extra: dict[str, object]) -> Tokens:
    if DIRECT not in got.scopes:
        raise ProtocolError(
            "OpenAI's login doesn't allow to use the models. Log in again and allow what is asked for; "
            "the account needs a ChatGPT plan.",
            status=200,
        )
    return replace(got, extra=extra)

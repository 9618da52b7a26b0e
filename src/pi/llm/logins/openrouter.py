"""The login of OpenRouter: in a browser, for a key that lasts until its owner takes it back."""

from collections.abc import Mapping

from msgspec import Struct

from pi.llm.auth import Credentials
from pi.llm.logins import Login, LoginScreen, Method
from pi.llm.logins.variables import callback_hosts
from pi.llm.oauth.endpoint import call, text_of
from pi.llm.oauth.tokens import Tokens


class Addresses(Struct, frozen=True):
    """Where OpenRouter's logins are. It knows no clients: whoever asks gets a key of the person's own."""

    authorize: str = "https://openrouter.ai/auth"
    key: str = "https://openrouter.ai/api/v1/auth/keys"


_USUAL = Addresses()


def login(env: Mapping[str, str], at: Addresses = _USUAL) -> Login:
    """The way in."""

    async def log_in(screen: LoginScreen, method: Method) -> Tokens:
        from urllib.parse import urlencode

        from pi.llm.oauth.callback import callback_server
        from pi.llm.oauth.pkce import make_pkce, new_state

        pkce, hosts = make_pkce(), callback_hosts(env)
        # It sends no state back: a path that nobody can guess stands in for it.
        async with callback_server(
            None, path=f"/oauth/callback/{new_state()}", redirect_host=hosts[0], hosts=hosts
        ) as callback:
            asked = {
                "callback_url": callback.redirect_uri,
                "code_challenge": pkce.challenge,
                "code_challenge_method": "S256",
            }
            await screen.show(f"{at.authorize}?{urlencode(asked)}")
            code = await callback.code(paste=screen.paste)
        fields = {"code": code.code, "code_verifier": pkce.verifier, "code_challenge_method": "S256"}
        return Tokens(text_of(await call(at.key, fields), "key", at.key))

    async def renew(tokens: Tokens) -> Tokens:
        return tokens

    return Login(("browser",), log_in, renew, lambda tokens: Credentials(tokens.access))

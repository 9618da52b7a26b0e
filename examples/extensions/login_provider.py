"""A provider with a login of its own: people allow Pi in a browser, and its tokens are renewed in time.

    FORGE_URL=https://forge.example pi -e examples/extensions/login_provider.py --model forge/small

Where the extension is installed, `pi auth login forge` opens the page, and `pi auth logout forge` forgets the
login. Its tokens are in auth.json, like those of Pi's own logins.
"""

import os

from pi.ext import ExtensionAPI
from pi.ext.oauth import (
    BrowserFlow,
    Client,
    Credentials,
    Login,
    LoginScreen,
    Method,
    Tokens,
    run_browser_flow,
)
from pi.ext.oauth import refresh as renewed


def extension(pi: ExtensionAPI) -> None:
    url = os.environ.get("FORGE_URL", "http://127.0.0.1:8000").rstrip("/")
    pi.provider(
        "forge",
        login=login_at(url),
        name="The forge",
        baseUrl=f"{url}/v1",
        api="openai-completions",
        models=[{"id": "small", "contextWindow": 128_000, "maxTokens": 8_192}],
    )


def login_at(url: str) -> Login:
    client = Client(f"{url}/token", client_id="pi-example")  # the id that the server knows this program by
    flow = BrowserFlow(client, f"{url}/authorize", scopes=("models",))

    async def log_in(screen: LoginScreen, method: Method) -> Tokens:
        return await run_browser_flow(flow, screen.show, paste=screen.paste)

    async def refresh(tokens: Tokens) -> Tokens:
        return await renewed(client, tokens)

    def credentials(tokens: Tokens) -> Credentials:
        return Credentials(tokens.access)  # and a base_url, where the login tells it

    return Login(("browser",), log_in, refresh, credentials)

"""Logging in from an editor: in the browser where a login can do all there, else in a terminal."""

import asyncio
import sys
from pathlib import Path

from acp import RequestError
from acp.schema import AuthMethodAgent, ClientCapabilities, TerminalAuthMethod

from pi.llm.logins import LOGINS
from pi.llm.logins.doing import log_in
from pi.modes.acp.failures import AUTH_REQUIRED, INVALID
from pi.platform.browsing import open_page
from pi.platform.errors import PiError
from pi.platform.terminal import say

_TERMINAL = "terminal"
_LIMIT_S = 600.0  # nobody leaves a login open for longer; the protocol has no way to give one up


def methods(client: ClientCapabilities | None) -> list[AuthMethodAgent | TerminalAuthMethod]:
    """What an editor with these capabilities can offer. All other logins and keys are there in a terminal."""
    offered: list[AuthMethodAgent | TerminalAuthMethod] = [
        AuthMethodAgent(id=provider, name=file.title, description="Log in in your browser")
        for provider, file in LOGINS.items()
        if "browser" in file.methods
    ]
    meta = (client.field_meta if client is not None else None) or {}
    if meta.get("terminal-auth") or (client is not None and client.auth is not None and client.auth.terminal):
        words = ["-m", "pi", "auth", "login"]
        command = {"command": sys.executable, "args": words, "label": "pi auth login"}
        terminal = TerminalAuthMethod(
            type="terminal",
            id=_TERMINAL,
            name="Log in in a terminal",
            description="With an account or a key, at any provider",
            args=["auth", "login"],
            field_meta={"terminal-auth": command},
        )
        offered.insert(0, terminal)
    return offered


async def authenticate(agent_dir: Path, method: str, usable: bool) -> None:
    """Log in by one of the methods. Raises RequestError, and PiError for a login that fails."""
    if method == _TERMINAL:
        if not usable:
            raise RequestError(AUTH_REQUIRED, "No login or key was stored. Run pi auth login in a terminal.")
        return
    file = LOGINS.get(method)
    if file is None or "browser" not in file.methods:
        offered = ", ".join(name for name, file in LOGINS.items() if "browser" in file.methods)
        raise RequestError(INVALID, f"There is no login {method}. There are: {_TERMINAL}, {offered}.")
    try:
        async with asyncio.timeout(_LIMIT_S):
            await log_in(agent_dir, method, _Browser(method), "browser")
    except TimeoutError:
        raise RequestError(AUTH_REQUIRED, "Nobody has logged in for ten minutes. Try again.") from None


class _Browser:
    """See `pi.llm.logins.LoginScreen`: there is a browser, and nobody who could type anything."""

    def __init__(self, provider: str):
        self._provider = provider

    async def show(self, url: str, *, code: str | None = None) -> None:
        if code is not None or not open_page(url):
            raise PiError(f"There is no browser here. Run in a terminal: pi auth login {self._provider}")

    async def paste(self, wrong: str) -> str | None:
        await asyncio.Event().wait()  # the redirect ends this
        return None

    async def ask(self, title: str, placeholder: str = "", *, secret: bool = False) -> str | None:
        raise PiError(f"This login asks for more. Run in a terminal: pi auth login {self._provider}")

    def tell(self, text: str) -> None:
        say(text)

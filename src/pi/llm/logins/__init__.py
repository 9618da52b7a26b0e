"""Logins with an account instead of a key: one file of one shape each, in a table by provider.

A login's file has `login(env)`. Its client id, addresses and scopes are data at its top; no login pretends to
be another product (docs/adr/0008-log-in-as-ourselves.md).
"""

import os
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import Literal, Protocol

from msgspec import Struct

from pi.llm.auth import Credentials
from pi.llm.auth.store import ApiKeyEntry
from pi.llm.oauth.tokens import Tokens

Method = Literal["browser", "device"]


class LoginScreen(Protocol):
    """What a login needs from people; None is the answer of somebody who gives up."""

    async def show(self, url: str, *, code: str | None = None) -> None:
        """A page to open (the screen opens it where it can) and, for another device, the code to type in."""
        ...

    async def paste(self, wrong: str) -> str | None:
        """The address or code that people paste where no redirect arrives; cancelled when one does.

        `wrong` is what was wrong with the last one, or "". None: nobody will paste anything.
        """
        ...

    async def ask(self, title: str, placeholder: str = "", *, secret: bool = False) -> str | None:
        """A question that the login can't do without; a `secret` answer is not shown while it is typed."""
        ...

    def tell(self, text: str) -> None:
        """What is going on."""
        ...


class Login(Struct, frozen=True):
    """One way in: how to log in, how to get newer tokens, and what a request gets of them.

    `log_in` gives tokens, or a key where there are none. Its first method is the usual one. It and `refresh`
    raise OAuthError, TransportError, ProtocolError, PiError.
    """

    methods: tuple[Method, ...]
    log_in: Callable[[LoginScreen, Method], Awaitable[Tokens | ApiKeyEntry]]
    refresh: Callable[[Tokens], Awaitable[Tokens]]
    credentials: Callable[[Tokens], Credentials]


class LoginFile(Struct, frozen=True):
    """Where a login is, what people know it as, and how they can log in, the usual way first."""

    title: str
    module: str
    methods: tuple[Method, ...]


LOGINS: dict[str, LoginFile] = {
    "github-copilot": LoginFile("GitHub Copilot", "pi.llm.logins.github_copilot", ("device",)),
    "kimi-coding": LoginFile("Kimi Code (subscription)", "pi.llm.logins.kimi_coding", ("device",)),
    "meta": LoginFile("Meta (Muse subscription)", "pi.llm.logins.meta", ("device",)),
    "openai": LoginFile("OpenAI (ChatGPT subscription)", "pi.llm.logins.openai", ("browser",)),
    "openai-codex": LoginFile(
        "OpenAI Codex (ChatGPT Plus or Pro)", "pi.llm.logins.openai_codex", ("browser", "device")
    ),
    "openrouter": LoginFile("OpenRouter", "pi.llm.logins.openrouter", ("browser",)),
    "radius": LoginFile("Radius", "pi.llm.logins.radius", ("browser", "device")),
    "xai": LoginFile("xAI (SuperGrok or X Premium)", "pi.llm.logins.xai", ("device",)),
}


def login_of(provider: str, env: Mapping[str, str] | None = None) -> Login | None:
    """The login of a provider, as `env` (None: the process's) changes it; None when it has none."""
    file = LOGINS.get(provider)
    return None if file is None else import_module(file.module).login(os.environ if env is None else env)

"""Logins with an account instead of a key: one file of one shape each, in a table by provider.

A login's file defines `LOGIN`. Its client id and addresses are data of that file; no login pretends to be
another product.
"""

from collections.abc import Awaitable, Callable
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

    async def ask(self, title: str, placeholder: str = "") -> str | None:
        """A question that the login can't do without."""
        ...

    def tell(self, text: str) -> None:
        """What is going on."""
        ...


class Login(Struct, frozen=True):
    """One way in: how to log in, how to get newer tokens, and what a request gets of them.

    `log_in` gives tokens, or a key where the provider makes one. Its first method is the usual one. It and
    `refresh` raise OAuthError, TransportError, ProtocolError.
    """

    methods: tuple[Method, ...]
    log_in: Callable[[LoginScreen, Method], Awaitable[Tokens | ApiKeyEntry]]
    refresh: Callable[[Tokens], Awaitable[Tokens]]
    credentials: Callable[[Tokens], Credentials]


class LoginFile(Struct, frozen=True):
    """Where a login is, and what people know it as."""

    title: str
    module: str


LOGINS: dict[str, LoginFile] = {}


def login_of(provider: str) -> Login | None:
    """The login of a provider; None when it has none."""
    file = LOGINS.get(provider)
    return None if file is None else import_module(file.module).LOGIN

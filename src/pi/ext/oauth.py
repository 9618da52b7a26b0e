"""OAuth for extensions: logins to providers of their own, tokens that are stored and refreshed in time."""

from typing import Any

from pi.llm import oauth
from pi.llm.auth import Credentials
from pi.llm.logins import Login, LoginScreen, Method

__all__ = (  # pyright: ignore[reportUnsupportedDunderAll]
    "Credentials",
    "Login",
    "LoginScreen",
    "Method",
    *oauth.__all__,
)


def __getattr__(name: str) -> Any:
    return getattr(oauth, name)

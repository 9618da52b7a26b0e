"""Logins by OAuth 2: in a browser, on another device, with tokens that are stored and refreshed in time."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pi.llm.oauth.browser import BrowserFlow, run_browser_flow
    from pi.llm.oauth.callback import Callback, Paste, callback_server
    from pi.llm.oauth.device import DeviceFlow, DevicePrompt, poll, run_device_flow
    from pi.llm.oauth.endpoint import Client, post
    from pi.llm.oauth.errors import OAuthError
    from pi.llm.oauth.pkce import Pkce, authorization_url, make_pkce, new_state
    from pi.llm.oauth.redirect import Code, PasteError, parse_redirect
    from pi.llm.oauth.store import fresh_tokens, read_tokens, remove_tokens, save_tokens
    from pi.llm.oauth.tokens import Tokens, exchange_code, refresh, request_tokens

__all__ = [
    "BrowserFlow",
    "Callback",
    "Client",
    "Code",
    "DeviceFlow",
    "DevicePrompt",
    "OAuthError",
    "Paste",
    "PasteError",
    "Pkce",
    "Tokens",
    "authorization_url",
    "callback_server",
    "exchange_code",
    "fresh_tokens",
    "make_pkce",
    "new_state",
    "parse_redirect",
    "poll",
    "post",
    "read_tokens",
    "refresh",
    "remove_tokens",
    "request_tokens",
    "run_browser_flow",
    "run_device_flow",
    "save_tokens",
]

_HOMES = {
    "browser": ("BrowserFlow", "run_browser_flow"),
    "callback": ("Callback", "Paste", "callback_server"),
    "device": ("DeviceFlow", "DevicePrompt", "poll", "run_device_flow"),
    "endpoint": ("Client", "post"),
    "errors": ("OAuthError",),
    "pkce": ("Pkce", "authorization_url", "make_pkce", "new_state"),
    "redirect": ("Code", "PasteError", "parse_redirect"),
    "store": ("fresh_tokens", "read_tokens", "remove_tokens", "save_tokens"),
    "tokens": ("Tokens", "exchange_code", "refresh", "request_tokens"),
}

if not TYPE_CHECKING:  # a checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        """Each name brings its own module alone: most runs need a stored login, and no way to log in."""
        from importlib import import_module

        for home, names in _HOMES.items():
            if name in names:
                return getattr(import_module(f"{__name__}.{home}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

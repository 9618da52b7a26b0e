"""Logging in and out: what the command line, RPC, the SDK and the screen all call."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pi.llm.auth.store import ApiKeyEntry
from pi.llm.logins import LOGINS, Login, LoginScreen, Method, login_of
from pi.llm.providers import PROVIDERS
from pi.platform.errors import PiError

if TYPE_CHECKING:
    from pi.llm.oauth.tokens import Tokens

# Why a provider that people look for a login of has none; said beside the way that there is.
_ONLY_KEYS = {
    "anthropic": "Anthropic keeps its subscriptions for its own programs.",
}


async def log_in(
    agent_dir: Path,
    provider: str,
    screen: LoginScreen,
    method: Method | None = None,
    *,
    env: Mapping[str, str] | None = None,
    login: Login | None = None,
) -> None:
    """Log in to a provider and store what it gives in auth.json, in the place of what was there.

    Without `method`, the usual one. `env` (None: the process's) may name other addresses and client ids.
    `login` is that of a provider which code has added. Cancelled or failed, it leaves the file as it was.
    Raises OAuthError, TransportError, ProtocolError, ConfigError, LockedError, and PiError for a provider
    without a login or a method that it doesn't have.
    """
    login = login or login_of(provider, env)
    if login is None:
        raise PiError(_no_login(provider))
    if method is not None and method not in login.methods:
        raise PiError(
            f"{login_title(provider)} has no login by {method}. Log in by {' or '.join(login.methods)}."
        )
    await _store(agent_dir, provider, await login.log_in(screen, method or login.methods[0]))


async def log_in_with_key(
    agent_dir: Path, provider: str, key: str, *, env: Mapping[str, str] | None = None
) -> None:
    """Store a key, written as `pi.llm.auth.values` says, in the place of what was there.

    `env` are variables to store with it (an account's id in an address, for example); None keeps those that
    are stored with the key it replaces. Raises PiError for what can't be a key, ConfigError, LockedError.
    """
    key = key.strip()
    if not key:
        raise PiError(f"The key for {login_title(provider)} is empty. Paste the whole key.")
    if not key.isprintable():
        raise PiError(
            f"The key for {login_title(provider)} has line breaks or control characters in it. "
            "Paste the key alone."
        )
    await _store(agent_dir, provider, ApiKeyEntry(key, dict(env or {})), keep_env=env is None)


async def log_out(agent_dir: Path, provider: str) -> bool:
    """Take out what is stored for a provider; whether there was anything. Raises ConfigError, LockedError."""
    from pi.llm.oauth.store import remove_tokens

    return await remove_tokens(agent_dir / "auth.json", provider)


def login_methods(provider: str) -> tuple[Method, ...]:
    """How people can log in with an account, the usual way first; () where a key is the only way."""
    file = LOGINS.get(provider)
    return file.methods if file else ()


def login_title(provider: str) -> str:
    """What people know a provider's login as, or the provider where it has none."""
    if file := LOGINS.get(provider):
        return file.title
    known = PROVIDERS.get(provider)
    return known.name if known else provider


def login_note(provider: str) -> str:
    """What people who look for a login with an account should know where there is none; mostly nothing."""
    return _ONLY_KEYS.get(provider, "") if provider not in LOGINS else ""


async def _store(
    agent_dir: Path, provider: str, got: "Tokens | ApiKeyEntry", *, keep_env: bool = True
) -> None:
    from pi.llm.oauth.store import save_key, save_tokens

    path = agent_dir / "auth.json"
    if isinstance(got, ApiKeyEntry):
        await save_key(path, provider, got, keep_env=keep_env)
    else:
        await save_tokens(path, provider, got)


def _no_login(provider: str) -> str:
    return (
        f"{login_title(provider)} has no login with an account. {login_note(provider)} "
        f"Use an API key: pi auth login {provider} --api-key"
    ).replace("  ", " ")

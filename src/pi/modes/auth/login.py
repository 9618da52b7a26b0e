"""`pi auth login` and `pi auth logout`: in a terminal, and with a piped key also without one."""

import asyncio
import os
from collections.abc import Sequence

from msgspec import Struct

from pi.harness.settings import load_settings
from pi.llm.auth.environment import missing_for_url
from pi.llm.auth.status import (
    AuthStatus,
    auth_status,
    auth_statuses,
    find_provider,
    provider_name,
)
from pi.llm.auth.store import OAuthEntry, read_auth
from pi.llm.logins import Method
from pi.llm.logins.doing import log_in, log_in_with_key, log_out
from pi.llm.registry import ModelRegistry
from pi.modes.auth.screen import TerminalScreen, choose
from pi.platform.asking import Terminal
from pi.platform.errors import PiError

_LONGEST_KEY = 64 * 1024  # bytes of a piped one


class Wish(Struct, frozen=True):
    """What the command line asks for."""

    provider: str | None = None
    api_key: bool = False
    browser: bool = True


async def run_login(registry: ModelRegistry, wish: Wish) -> None:
    """Log in and tell how it went. Raises PiError."""
    terminal = Terminal()
    if not (terminal.is_there or (wish.api_key and wish.provider)):
        raise PiError(
            "Logging in needs a terminal, where you are asked. Without one, pipe a key in: "
            "printenv KEY | pi auth login PROVIDER --api-key"
        )
    status = _named(registry, wish.provider) if wish.provider else await _chosen(registry, terminal)
    if wish.api_key and not status.takes_key:
        raise PiError(f"{status.title} takes no key. Log in with: pi auth login {status.provider}")
    if wish.api_key or not status.methods:
        await _with_key(registry, status, terminal)
        return
    await log_in(
        registry.agent_dir,
        status.provider,
        TerminalScreen(terminal, browser=wish.browser),
        _method(status.methods, browser=wish.browser),
        login=registry.added_login(status.provider),
    )
    terminal.tell(f"You are logged in to {status.title}. The login is in {registry.agent_dir / 'auth.json'}.")
    try:
        await _fetch_list(registry, status.provider, terminal)
    except asyncio.CancelledError:  # the login is stored: only its list of models waits
        terminal.tell("Its list of models wasn't had. To try again: pi update --models")


async def run_logout(registry: ModelRegistry, name: str) -> str:
    """Log out; what to tell. Raises PiError when nothing of that name is known or stored."""
    known = find_provider(registry, name)
    provider = known or name
    entry = read_auth(registry.agent_dir / "auth.json")[0].get(provider)
    if await log_out(registry.agent_dir, provider):
        what = "login" if isinstance(entry, OAuthEntry) else "key"
        told = f"The {what} for {provider_name(provider)} is no longer stored."
    elif known is None:
        raise PiError(f"There is no provider {name}, and nothing is stored under that name.")
    else:
        told = f"Nothing is stored for {provider_name(provider)}."
    registry.reload()
    if left := registry.source(provider):
        told += f" Credentials are still there{f', from {left[1]}' if left[1] else ''}."
    return told


async def _fetch_list(registry: ModelRegistry, provider: str, terminal: Terminal) -> None:
    """The models of this account, where the provider tells them; the login counts without them, too."""
    from pi.llm.live import LISTS, refresh_lists

    registry.reload()
    if provider not in LISTS or registry.env_of(provider).get("PI_OFFLINE"):
        return
    proxy = load_settings(registry.agent_dir, None).text("httpProxy")
    for each in await refresh_lists(registry, (provider,), proxy=proxy):
        if each.outcome == "failed":
            terminal.tell(f"Its list of models wasn't had: {each.fault} To try again: pi update --models")


def _named(registry: ModelRegistry, name: str) -> AuthStatus:
    provider = find_provider(registry, name)
    if provider is None:
        known = ", ".join(each.provider for each in auth_statuses(registry))
        raise PiError(f"There is no provider {name}. Providers: {known}")
    return auth_status(registry, provider)


async def _chosen(registry: ModelRegistry, terminal: Terminal) -> AuthStatus:
    """The one that people choose: those with an account first, for that is what they mostly want."""
    all_of_them = sorted(auth_statuses(registry), key=lambda each: not each.methods)
    terminal.tell("Log in to which provider?")
    at = await choose(terminal, [_line(each) for each in all_of_them])
    if at is None:
        raise PiError("No provider was chosen. Name one: pi auth login PROVIDER")
    return all_of_them[at]


def _line(status: AuthStatus) -> str:
    ways = "account" if status.methods else "key"
    if status.methods and status.takes_key:
        ways = "account, or key with --api-key"
    there = f", in use: {status.source or status.auth_type}" if status.auth_type else ""
    return f"{status.title} ({status.provider}): {ways}{there}"


def _method(methods: Sequence[Method], *, browser: bool) -> Method:
    """The usual one; without a browser, the one that needs none on this machine."""
    return "device" if not browser and "device" in methods else methods[0]


async def _with_key(registry: ModelRegistry, status: AuthStatus, terminal: Terminal) -> None:
    name = provider_name(status.provider)
    if terminal.is_there:
        key = await terminal.ask(f"Key for {name} (it isn't shown): ", secret=True)
    else:
        key = _piped_key()
    if not key or not key.strip():
        raise PiError("No key was given, so nothing is stored.")
    await log_in_with_key(registry.agent_dir, status.provider, key)
    terminal.tell(f"The key for {name} is stored in {registry.agent_dir / 'auth.json'}.")
    registry.reload()
    for variable in missing_for_url(status.provider, registry.env_of(status.provider)):
        terminal.tell(f"It is of use when {variable} is set, too: export {variable}=…")


def _piped_key() -> str:
    """What stdin has, at a length that can be a key."""
    data = b""
    while len(data) <= _LONGEST_KEY and (more := os.read(0, _LONGEST_KEY)):
        data += more
    if len(data) > _LONGEST_KEY:
        raise PiError("What was piped in is too long to be a key. Pipe in the key alone.")
    return data.decode("utf-8", "replace").strip()

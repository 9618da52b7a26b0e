"""Logging in and out, and who is logged in where; no response has a secret in it."""

import asyncio
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, to_builtins

from pi.llm.logins import Method
from pi.llm.registry import ModelRegistry
from pi.modes.rpc.call import Call, Command, NoArguments, RpcError
from pi.modes.rpc.screen import RpcScreen


class Login(Struct, frozen=True, rename="camel"):
    """A provider, and the way to log in: by default its usual one. With a key nobody is asked."""

    provider: str
    method: Literal["browser", "device", "api_key"] | None = None
    api_key: str | None = None

    def __repr__(self) -> str:
        return f"Login({self.provider}, {self.method})"  # without the key


class Of(Struct, frozen=True):
    """A provider."""

    provider: str


class Lists(Struct, frozen=True):
    """Providers whose lists of models are wanted."""

    providers: tuple[str, ...] | None = None


async def login(call: Call, given: Login) -> dict[str, Any]:
    """Answers when it is done, or was given up; the client is asked meanwhile."""
    if call.ui.login is not None:
        raise RpcError("Another login is going on. Finish it, or send cancel_login.", "busy")
    provider = _known(call, given.provider)
    work = call.ui.login = asyncio.ensure_future(_log_in(call, given, provider))
    try:
        await asyncio.wait({work})
        if work.cancelled():
            raise RpcError("The login was cancelled. Nothing is stored.", "cancelled")
        work.result()
    finally:
        work.cancel()  # of no effect when it has ended
        call.ui.login = None
    _registry(call).reload()
    return _status(call, provider)


async def cancel_login(call: Call, given: NoArguments) -> dict[str, bool]:
    """Give up the login that is going on, if there is one."""
    return {"cancelled": call.ui.login is not None and call.ui.login.cancel()}


async def logout(call: Call, given: Of) -> dict[str, Any]:
    from pi.llm.auth.status import find_provider
    from pi.llm.logins.doing import log_out

    provider = find_provider(_registry(call), given.provider) or given.provider
    removed = await log_out(_agent_dir(call), provider)
    _registry(call).reload()
    return {"removed": removed, **_status(call, provider)}


async def auth_status(call: Call, given: NoArguments) -> dict[str, Any]:
    """All providers: how to log in to each, and whether and from where it has credentials."""
    from pi.llm.auth.status import auth_statuses

    _registry(call).reload()  # another program may have logged in meanwhile
    return {"providers": to_builtins(auth_statuses(_registry(call)))}


async def refresh_models(call: Call, given: Lists) -> dict[str, Any]:
    """Ask providers for the lists of their models; without names, all that can be asked."""
    from pi.llm.live import refresh_lists

    registry = _registry(call)
    refreshed = await refresh_lists(
        registry, given.providers, proxy=call.session.setup.settings.text("httpProxy")
    )
    return {"providers": to_builtins(refreshed)}


async def _log_in(call: Call, given: Login, provider: str) -> None:
    from pi.llm.auth.status import auth_status
    from pi.llm.logins.doing import log_in, log_in_with_key

    status, screen = auth_status(_registry(call), provider), RpcScreen(call.ui)
    if given.api_key is None and given.method != "api_key" and status.methods:
        method: Method | None = given.method
        own = _registry(call).added_login(provider)
        await log_in(_agent_dir(call), provider, screen, method, login=own)
        return
    if not status.takes_key or given.method not in (None, "api_key"):
        raise RpcError(f"{status.title} has no such login. See auth_status.", "invalid_arguments")
    key = given.api_key or await screen.ask(f"Key for {status.title}", secret=True)
    if not key:
        raise RpcError("No key was given. Nothing is stored.", "cancelled")
    await log_in_with_key(_agent_dir(call), provider, key)


def _known(call: Call, name: str) -> str:
    from pi.llm.auth.status import find_provider

    provider = find_provider(_registry(call), name)
    if provider is None:
        raise RpcError(f"There is no provider {name}. See auth_status.", "not_found")
    return provider


def _status(call: Call, provider: str) -> dict[str, Any]:
    from pi.llm.auth.status import auth_status

    return to_builtins(auth_status(_registry(call), provider))


def _registry(call: Call) -> ModelRegistry:
    return call.session.setup.registry


def _agent_dir(call: Call) -> Path:
    return call.session.setup.agent_dir


COMMANDS = {
    "login": Command(Login, login),
    "cancel_login": Command(NoArguments, cancel_login),
    "logout": Command(Of, logout),
    "auth_status": Command(NoArguments, auth_status),
    "refresh_models": Command(Lists, refresh_models),
}

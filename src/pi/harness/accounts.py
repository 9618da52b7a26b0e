"""Logging in and out for programs: with a key, or with an account and a screen that asks people."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pi.harness.storage.files import agent_dir as find_agent_dir
from pi.platform.errors import PiError

if TYPE_CHECKING:
    from pi.llm.auth.status import AuthStatus
    from pi.llm.logins import LoginScreen, Method


async def login(
    provider: str,
    screen: "LoginScreen | None" = None,
    *,
    key: str | None = None,
    method: "Method | None" = None,
    agent_dir: Path | None = None,
) -> None:
    """Log in and keep it in auth.json: with an account, by its usual way or by `method`, or with a `key`.

    Sessions that are open know of it after their `reload()`. Raises PiError.
    """
    from pi.llm.logins.doing import log_in, log_in_with_key

    folder = agent_dir or find_agent_dir(os.environ)
    if key is not None:
        await log_in_with_key(folder, provider, key)
    elif screen is None:
        raise PiError("A login needs a screen, which asks people, or a key. See docs/sdk.md.")
    else:
        await log_in(folder, provider, screen, method)


async def logout(provider: str, *, agent_dir: Path | None = None) -> bool:
    """Take what is stored for a provider out of auth.json; whether there was anything. Raises PiError."""
    from pi.llm.logins.doing import log_out

    return await log_out(agent_dir or find_agent_dir(os.environ), provider)


def auth_status(*, agent_dir: Path | None = None) -> "list[AuthStatus]":
    """Of each provider, how to log in, and whether and from where it has credentials; no secret is in it."""
    from pi.llm.auth.status import auth_statuses
    from pi.llm.registry import ModelRegistry

    return auth_statuses(ModelRegistry(agent_dir or find_agent_dir(os.environ)))

"""The command line of `pi auth`: login, logout, check and what prints credentials."""

import asyncio
import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pi.harness.storage.files import agent_dir as find_agent_dir
from pi.platform.errors import PiError
from pi.platform.terminal import plain, say, write_all

if TYPE_CHECKING:
    from pi.llm.registry import ModelRegistry

HELP = """Usage: pi auth login [PROVIDER] [--api-key] [--no-browser]
       pi auth logout PROVIDER
       pi auth check [--provider PROVIDER] [--model MODEL] [--json] [--credentials] [--no-refresh]
       pi auth print-api-key [--provider PROVIDER] [--model MODEL]
       pi auth print-bearer-token [--provider PROVIDER] [--model MODEL] [--min-expiry 30m]

  login               log in with an account, or store a key where that is the only way
  logout              take out what is stored; variables and models.json stay as they are
  check               say ready, not_ready or invalid; the exit code is 0, 1 or 2
  print-api-key       write the key that requests carry to stdout
  print-bearer-token  write the token of a login to stdout, renewed when it is about to expire

  --api-key           store a key, typed or piped in, also where there is a login with an account
  --no-browser        open no browser: show a code for another device where the provider has that
  --provider, --model whose credentials; at least one of the two
  --json              the result of a check as JSON
  --credentials       with the credential itself
  --no-refresh        leave a login alone that has expired
  --min-expiry        how long the token has to last at least: 500ms, 90s, 30m, 1h; by default 30m

Keys and logins are kept in auth.json of the agent directory."""

_FLAGS = {
    "login": ("--api-key", "--no-browser"),
    "logout": (),
    "check": ("--json", "--credentials", "--no-refresh"),
    "print-api-key": (),
    "print-bearer-token": (),
}
_ABOUT = ("--provider", "--model")
_VALUES = {"check": _ABOUT, "print-api-key": _ABOUT, "print-bearer-token": (*_ABOUT, "--min-expiry")}
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def main(words: Sequence[str]) -> int:
    """Do what the words say; the result is the exit code."""
    if not words or words[0] == "help" or "--help" in words or "-h" in words:
        print(HELP)
        return 0
    verb, *rest = words
    try:
        flags, values, names = understood(verb, rest)
        return asyncio.run(_run(verb, flags, values, names))
    except (KeyboardInterrupt, asyncio.CancelledError) as stopped:
        say("Cancelled: nothing is stored." if verb == "login" else "Cancelled.")
        return 130 if isinstance(stopped, KeyboardInterrupt) else 143
    except PiError as error:
        say(f"Error: {error}")
        return 2 if verb == "check" else 1
    except BrokenPipeError:  # the reader has seen enough
        return 1


def understood(verb: str, words: Sequence[str]) -> tuple[set[str], dict[str, str], list[str]]:
    """Flags, options with values, and names. Raises PiError."""
    if verb not in _FLAGS:
        raise PiError(f"pi auth doesn't know {verb}.\n\n{HELP}")
    flags: set[str] = set()
    values: dict[str, str] = {}
    names: list[str] = []
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        if word in _FLAGS[verb]:
            flags.add(word)
        elif name in _VALUES.get(verb, ()):
            values[name] = value if equals else next(left, "")
        elif word.startswith("-"):
            raise PiError(f"pi auth {verb} doesn't know {name}.\n\n{HELP}")
        else:
            names.append(word)
    _check(verb, flags, values, names)
    return flags, values, names


def _check(verb: str, flags: set[str], values: dict[str, str], names: Sequence[str]) -> None:
    if empty := next((name for name, value in values.items() if not value.strip()), None):
        raise PiError(f"{empty} needs a value.")
    if verb in _VALUES:
        if names:
            raise PiError(f"pi auth {verb} takes no name: use --provider {names[0]}.")
        if not values.keys() & {*_ABOUT}:
            raise PiError(f"pi auth {verb} needs --provider PROVIDER or --model MODEL.")
    elif len(names) > 1 or (verb == "logout" and not names):
        raise PiError(f"pi auth {verb} takes one provider.\n\n{HELP}")
    if {"--api-key", "--no-browser"} <= flags:
        raise PiError("--no-browser is of a login with an account. Leave it out with --api-key.")


async def _run(verb: str, flags: set[str], values: dict[str, str], names: Sequence[str]) -> int:
    _end_well_on_sigterm()
    agent_dir = find_agent_dir(os.environ)
    name = names[0] if names else values.get("--provider")
    registry = await _registry(agent_dir, name, anyone=verb == "login")
    for warning in registry.warnings:
        say(f"Warning: {warning}")
    match verb:
        case "login":
            from pi.modes.auth.login import Wish, run_login

            await run_login(registry, Wish(name, "--api-key" in flags, "--no-browser" not in flags))
        case "logout":
            from pi.modes.auth.login import run_logout

            _tell(plain(await run_logout(registry, names[0])))
        case _:
            return await _show(registry, verb, flags, values)
    return 0


async def _show(registry: "ModelRegistry", verb: str, flags: set[str], values: dict[str, str]) -> int:
    from pi.modes.auth import check

    about = check.Subject(values.get("--provider"), values.get("--model"))
    match verb:
        case "check":
            found = await check.check(
                registry,
                about,
                credentials="--credentials" in flags,
                refresh="--no-refresh" not in flags,
            )
            _tell(check.as_text(found, json="--json" in flags))
            return check.EXIT_CODES[found.status]
        case "print-api-key":
            _tell(await check.api_key(registry, about))
        case _:
            lasts = values.get("--min-expiry")
            _tell(
                await check.bearer_token(
                    registry, about, _milliseconds(lasts) if lasts else check.MIN_EXPIRY_MS
                )
            )
    return 0


def _end_well_on_sigterm() -> None:
    """A killed question must not leave a terminal that shows nothing of what is typed."""
    task = asyncio.current_task()
    assert task
    try:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    except NotImplementedError:  # Windows, whose terminal is read otherwise
        pass


def _milliseconds(text: str) -> int:
    match = re.fullmatch(r"(\d+)(ms|s|m|h)", text, re.IGNORECASE | re.ASCII)
    if match is None:
        raise PiError(f"--min-expiry takes a time such as 90s, 30m or 1h, not {text}.")
    return int(match[1]) * _UNITS[match[2].lower()]


async def _registry(agent_dir: Path, name: str | None, *, anyone: bool) -> "ModelRegistry":
    """The models and keys; extensions are loaded where one may have the provider. `anyone`: all are shown."""
    from pi.harness.models.choice import take_roles
    from pi.harness.settings import load_settings
    from pi.llm.auth.status import find_provider
    from pi.llm.registry import ModelRegistry

    registry, settings = ModelRegistry(agent_dir), load_settings(agent_dir, None)
    take_roles(registry, settings, settings.warnings)
    if (name is None and not anyone) or (name is not None and find_provider(registry, name)):
        return registry
    from pi.harness.extensions.installed import ExtensionChoice, load_extensions
    from pi.modes.print_mode import PrintUI

    host = await load_extensions(Path.cwd(), agent_dir, ExtensionChoice(), ui=PrintUI("print"))
    if host is not None:
        host.offer_models(registry, settings)
    return registry


def _tell(text: str) -> None:
    write_all(1, f"{text}\n".encode("utf-8", "replace"))

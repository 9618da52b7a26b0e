"""What Pi itself is made of here: its commands, its files, the keys, and models on this machine."""

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from shutil import which
from typing import Any, cast

from pi.harness.settings import Settings, read_settings
from pi.llm.auth.environment import environment_names
from pi.llm.auth.store import ApiKeyEntry, AuthEntry, OAuthEntry, read_auth
from pi.llm.auth.values import missing_names
from pi.llm.catalog import catalog_date, fetched_path
from pi.llm.config import ProviderConfig, read_config
from pi.llm.fetched import is_newer, read_store
from pi.llm.local_servers import find_local_servers, none_answers
from pi.llm.logins.doing import login_methods
from pi.llm.patterns import initial_model
from pi.llm.providers import PROVIDERS
from pi.llm.proxy import parse_url, proxy_for
from pi.llm.registry import ModelRegistry
from pi.modes.doctor.report import Check, Place, fail, number, ok, warn
from pi.platform.clock import iso, now_ms
from pi.platform.errors import ConfigError
from pi.platform.jsonc import loads_jsonc
from pi.version import __version__


def installation(place: Place) -> Iterator[Check]:
    """Versions, and whether the commands on PATH are this installation's."""
    yield ok("version", f"{__version__} in {Path(__file__).parents[2]}")
    version = ".".join(map(str, sys.version_info[:3]))
    yield ok("python", f"{sys.implementation.name} {version}, {sys.executable}")
    for name in ("pi", "pi-harness"):
        found = which(name, path=place.env.get("PATH", os.defpath))
        yield _command(name, Path(found) if found else None)


def _command(name: str, found: Path | None) -> Check:
    from sysconfig import get_path

    scripts = Path(get_path("scripts"))
    if found is None:
        there = f"add {scripts} to PATH, or " if which(name, path=str(scripts)) else ""
        return warn(name, "not on PATH", f"{there}run it as: {sys.executable} -m pi")
    real = found.resolve()
    kind = "this one" if real.parent == scripts.resolve() else _kind_of_program(real)
    if kind == "this one":
        return ok(name, f"{found} is this one")
    first = "run pi-harness for this one" if name == "pi" else "remove it"
    return warn(name, f"{found} is {kind}", f"{first}, or put {scripts} before it on PATH")


def _kind_of_program(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return "another program, which can't be read"
    shebang = head.partition(b"\n")[0]
    if b"node" in shebang or "node_modules" in path.parts or path.suffix in (".js", ".mjs", ".cjs"):
        return "the original, a Node program"
    if b"pi.cli" in head:
        mine = os.fsencode(sys.executable)
        return "this one" if mine in head else "another installation of Pi for Python"
    return "another program"


def catalog(agent_dir: Path) -> Iterator[Check]:
    """How old the facts about models are, and for whom newer ones were fetched."""
    stores = {name: read_store(fetched_path(agent_dir, name)) for name in PROVIDERS}
    newer = [
        store.catalog.dated
        for name, store in stores.items()
        if store.catalog and is_newer(store.catalog, catalog_date(name))
    ]
    text = f"catalog of {catalog_date('anthropic')}"
    if newer:
        text += f", newer for {number(len(newer), 'provider')} (up to {iso(max(newer))[:10]})"
    lists = [f"{name} of {iso(store.live.checked_at)[:10]}" for name, store in stores.items() if store.live]
    yield ok("models", f"{text}; live lists: {', '.join(lists)}" if lists else text)


def files(agent_dir: Path, registry: ModelRegistry) -> Iterator[Check]:
    """The agent directory and Pi's files in it: rights, syntax, and what their readers pass over."""
    if not os.path.exists(agent_dir):  # noqa: PTH110 (false instead of an error where one can't look)
        yield ok("folder", f"{agent_dir} isn't there yet: Pi makes it when it saves something")
        return
    if not agent_dir.is_dir():
        yield fail("folder", f"{agent_dir} is no folder", "move it away, or set PI_CODING_AGENT_DIR")
        return
    if not os.access(agent_dir, os.R_OK | os.W_OK | os.X_OK):
        yield fail("folder", f"{agent_dir} isn't writable", f"chmod 700 {agent_dir}")
    elif advice := _open_to_others(agent_dir, "700"):
        yield warn("folder", f"{agent_dir} is open to other users", advice)
    else:
        yield ok("folder", str(agent_dir))
    for id in read_config(agent_dir / "models.json")[0]:
        registry.models_of(id)  # faults of single models show only when they are made
    warnings = list(registry.warnings)
    read_settings(agent_dir / "settings.json", warnings)
    for name in ("auth.json", "models.json", "settings.json", "trust.json"):
        path = agent_dir / name
        yield from json_file(path, [text for text in warnings if str(path) in text])


def json_file(path: Path, warnings: Sequence[str] = (), *, private: bool = True) -> Iterator[Check]:
    """Whether a file can be read and parsed; `warnings` are what its own reader says.

    A `private` file is for its owner's eyes alone: it holds keys, or names commands that give them.
    """
    name = path.name
    try:
        value = loads_jsonc(path.read_bytes(), source=str(path))
    except FileNotFoundError:
        yield ok(name, "none")
        return
    except OSError as error:
        yield fail(name, f"{path} can't be read: {error.strerror}", f"chmod 600 {path}")
        return
    except ConfigError as error:
        yield fail(name, str(error), "mend that place: until then the file isn't used")
        return
    entries = cast("dict[str, Any] | None", value if isinstance(value, dict) else None)
    if entries is None:
        yield fail(name, f"{path} must hold a JSON object", "put {} around its entries")
        return
    for text in warnings:
        yield warn(name, text, f"mend {path}")
    if not os.access(path, os.W_OK):
        yield warn(name, f"{path} isn't writable", f"chmod 600 {path}")
    elif private and (advice := _open_to_others(path, "600")):
        yield warn(name, f"{path} can be read by other users", advice)
    elif not warnings:
        yield ok(name, number(len(entries), "entry", "entries"))


def _open_to_others(path: Path, mode: str) -> str:
    """The command that closes it; empty when it is closed, and on Windows, where modes say nothing."""
    if os.name == "nt" or not path.stat().st_mode & 0o077:
        return ""
    return f"chmod {mode} {path}"


def keys(place: Place, registry: ModelRegistry, settings: Settings) -> Iterator[Check]:
    """Where each configured key comes from, and which model answers; no key is shown, no command run."""
    entries, _ = read_auth(place.agent_dir / "auth.json")
    config, _ = read_config(place.agent_dir / "models.json")
    for provider in dict.fromkeys((*entries, *config, *PROVIDERS)):
        found = list(_key(provider, entries.get(provider), config.get(provider), place.env))
        yield from found
        if any(check.status == "ok" for check in found) and not registry.has_credentials(provider):
            missing = ", ".join(text for text in registry.searched_for(provider) if "not set" in text)
            yield warn(provider, f"its key is of no use yet: {missing}", "set what is missing")
    if not any(registry.has_credentials(provider) for provider in registry.providers()):
        advice = "pi auth login, or export ANTHROPIC_API_KEY=your-key, or see it work with: pi demo"
        yield warn("all", "no key for any provider", advice)
    yield from _model(settings, registry)


def _key(
    provider: str, entry: AuthEntry | None, config: ProviderConfig | None, env: Mapping[str, str]
) -> Iterator[Check]:
    """Where a provider's key comes from, in the order in which the registry looks."""
    if isinstance(entry, OAuthEntry):
        yield _login(provider, entry)
        return
    if isinstance(entry, ApiKeyEntry):
        own = dict(env) | {name: value for name, value in entry.env.items() if value}
        if entry.key:
            found = _written(provider, "auth.json", entry.key, own)
            yield found
            if found.status == "ok":
                return
        env = own
    elif config and config.api_key:
        yield _written(provider, "models.json", config.api_key, env)
        return
    if name := next((name for name in environment_names(provider) if env.get(name)), None):
        yield ok(provider, f"from the environment, {name}")
    elif entry is None and config and config.models:
        yield warn(
            provider,
            "in models.json without a key",
            'add "apiKey": any text if none is needed',
        )


def _login(provider: str, entry: OAuthEntry) -> Check:
    """A stored login; nobody is asked whether it still counts."""
    if login_methods(provider):
        return ok(provider, "logged in, from auth.json")
    expired = ", and it has expired" if entry.expires <= now_ms() else ""
    advice = f"pi auth login {provider} --api-key, unless an extension has this login"
    return warn(provider, f"auth.json has a login that Pi itself can't renew{expired}", advice)


def _written(provider: str, file: str, value: str, env: Mapping[str, str]) -> Check:
    """A configured value by its form; what it says is never shown."""
    if value.startswith("!"):
        return ok(provider, f"from a command in {file}, which isn't run here")
    if missing := missing_names(value, env):
        names = " and ".join(missing)
        return warn(provider, f"{file} takes it from {names}, not set", f"export {missing[0]}=your-key")
    variable = re.fullmatch(r"\$(?:\{\w+\}|\w+)", value, re.ASCII)  # nothing but a name, so it is no secret
    return ok(provider, f"from {file}" + (f", which names {value}" if variable else ""))


def _model(settings: Settings, registry: ModelRegistry) -> Iterator[Check]:
    default = (settings.text("defaultProvider"), settings.text("defaultModel"))
    first = initial_model(registry, scoped=[], settings_default=default, continuing=False)
    if first is None:
        return
    for warning in first.warnings:
        yield warn("model", warning, "mend defaultProvider and defaultModel in settings.json")
    yield ok("model", f"without --model answers {first.model.ref}")


async def servers(place: Place) -> list[Check]:
    """The model servers that answer on this machine."""
    try:
        proxied = any(
            proxy_for(parse_url(f"http://127.0.0.1:{each.port}"), None) for each in place.candidates
        )
    except ConfigError:
        return []  # told with the network
    if proxied:
        advice = "export NO_PROXY=127.0.0.1,localhost"
        return [warn("all", "not looked for: the proxy stands before this machine too", advice)]
    found = await find_local_servers(place.candidates)
    return [ok(server.name, server.summary) for server in found] or [
        ok("all", none_answers(place.candidates))
    ]

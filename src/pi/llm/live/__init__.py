"""Live lists: what providers themselves say about their models, fetched on request and kept for later.

A list is a function `fetch(asked)` that gives a `LiveList`, or None where the whole catalog counts. It raises
ProviderError.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import import_module
from typing import Literal

from msgspec import Struct, structs

from pi.llm.auth import Credentials
from pi.llm.auth.environment import api_below
from pi.llm.catalog import catalog_date, catalog_models, fetched_path
from pi.llm.errors import ProviderError, TransportError
from pi.llm.fetched import Fetched, read_store, with_fetched, write_store
from pi.llm.live.asking import Asked, LiveList
from pi.llm.models import Model
from pi.llm.providers import PROVIDERS
from pi.llm.registry import ModelRegistry
from pi.platform.clock import now_ms
from pi.platform.errors import ConfigError, PiError

# Where the function of each is.
LISTS = {
    "github-copilot": "pi.llm.live.github_copilot:fetch",
    "llama.cpp": "pi.llm.live.llama_cpp:fetch",
    "lmstudio": "pi.llm.live.local:fetch_lm_studio",
    "ollama": "pi.llm.live.local:fetch_ollama",
    "openrouter": "pi.llm.live.openrouter:fetch",
    "radius": "pi.llm.live.radius:fetch",
    "vllm": "pi.llm.live.local:fetch_vllm",
}


class Refreshed(Struct, frozen=True):
    """What came of one provider's list; `fault` says why it failed.

    "absent": a local server doesn't answer; a list that it gave earlier stays.
    """

    provider: str
    outcome: Literal["fetched", "absent", "failed"]
    models: int = 0
    fault: str = ""


def refuse_offline(env: Mapping[str, str]) -> None:
    """Raises ConfigError when the user wants no network."""
    if env.get("PI_OFFLINE"):
        raise ConfigError(
            "Offline: no list of models is fetched. Leave out --offline, or unset PI_OFFLINE, to update them."
        )


def listing_providers(registry: ModelRegistry) -> tuple[str, ...]:
    """The providers whose lists can be asked for: those with credentials, and all local servers."""
    gateways = (name for name in registry.providers() if _is_gateway(registry, name))
    names = dict.fromkeys((*LISTS, *gateways))
    return tuple(name for name in names if _is_local(name) or registry.has_credentials(name))


async def refresh_lists(
    registry: ModelRegistry, providers: Sequence[str] | None = None, *, proxy: str | None = None
) -> list[Refreshed]:
    """Fetch the live lists of these providers (None: of all that can be asked), and store them.

    The registry knows them afterwards. A failure changes nothing of what is stored. Raises ConfigError when
    offline.
    """
    refuse_offline(registry.env_of(""))
    names = listing_providers(registry)
    wanted = [name for name in names if providers is None or name in providers]
    found = await asyncio.gather(*(_refresh(registry, name, proxy) for name in wanted))
    registry.reload()
    return list(found)


async def _refresh(registry: ModelRegistry, provider: str, proxy: str | None) -> Refreshed:
    path = fetched_path(registry.agent_dir, provider)
    try:
        asked = await _asked(registry, provider, proxy)
        told = await _function(registry, provider)(asked)
        live = None if told is None else Fetched(told.models, now_ms(), source=asked.root, only=told.only)
        write_store(path, structs.replace(read_store(path), live=live))
    except TransportError as error:
        outcome = "absent" if _is_local(provider) else "failed"
        return Refreshed(provider, outcome, fault=str(error))
    except PiError as error:
        if _is_local(provider) and isinstance(error, ProviderError) and not _was_told(registry, provider):
            return Refreshed(provider, "absent", fault=str(error))  # somebody else listens on the usual port
        return Refreshed(provider, "failed", fault=str(error))
    return Refreshed(provider, "fetched", len(told.models) if told else len(asked.known))


async def _asked(registry: ModelRegistry, provider: str, proxy: str | None) -> Asked:
    known = PROVIDERS.get(provider)
    model = Model("", provider, known.api if known else "pi-messages", known.base_url if known else "")
    credentials = await registry.credentials(model) or Credentials(None)
    date = catalog_date(provider)
    store = structs.replace(read_store(fetched_path(registry.agent_dir, provider)), live=None)
    return Asked(
        provider,
        _root(registry, provider, credentials),
        credentials,
        with_fetched(store, provider, catalog_models(provider), date),
        local=_is_local(provider),
        proxy=proxy,
    )


def _root(registry: ModelRegistry, provider: str, credentials: Credentials) -> str:
    """The address of a provider's API: of the user's file, of the login, of a variable, or the usual one."""
    config, known = registry.configured(provider), PROVIDERS.get(provider)
    env = registry.env_of(provider)
    url = config.base_url if config else None
    if not url and known and known.root_env and (root := env.get(known.root_env)):
        url = api_below(root)
    url = url or credentials.base_url or (known.base_url if known else "")
    return url.rstrip("/")


def _function(registry: ModelRegistry, provider: str) -> Callable[[Asked], Awaitable[LiveList | None]]:
    place = LISTS["radius" if _is_gateway(registry, provider) else provider]
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def _is_gateway(registry: ModelRegistry, provider: str) -> bool:
    """Whether models.json names a Radius gateway of the user's."""
    config = registry.configured(provider)
    return config is not None and config.oauth == "radius" and config.base_url is not None


def _is_local(provider: str) -> bool:
    known = PROVIDERS.get(provider)
    return known is not None and known.local


def _was_told(registry: ModelRegistry, provider: str) -> bool:
    """Whether the user has said that there is such a server."""
    return registry.configured(provider) is not None or registry.has_credentials(provider)

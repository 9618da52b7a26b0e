"""A newer catalog of models: downloaded provider by provider, checked, and kept beside the one of this Pi."""

import asyncio
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal, cast

import msgspec
from msgspec import Struct, structs

from pi.llm.catalog import catalog_date, catalog_models, fetched_path
from pi.llm.errors import ProtocolError, ProviderError
from pi.llm.fetched import Fetched, Store, is_newer, read_store, write_store
from pi.llm.live import refuse_offline
from pi.llm.live.asking import Answer, get
from pi.llm.models import Model
from pi.llm.protocols import PROTOCOLS
from pi.llm.providers import PROVIDERS
from pi.llm.proxy import parse_url
from pi.platform.clock import now_ms
from pi.platform.errors import PiError

SOURCE = "https://pi.dev"  # the original's; its form is ours
SOURCE_VARIABLE = "PI_MODEL_CATALOG_URL"
_PATH = "/api/models/providers/{provider}?types=chat"
_AT_ONCE = 6
_MOST_MODELS = 5_000  # of one provider


class Updated(Struct, frozen=True):
    """What came of one provider's catalog; `fault` says why it failed, `refused` how many models were no use.

    "older": what the server has is older than what this Pi brings. "absent": it doesn't know the provider.
    """

    provider: str
    outcome: Literal["fetched", "unchanged", "older", "absent", "failed"]
    models: int = 0
    refused: int = 0
    fault: str = ""


def catalog_url(setting: str | None, env: Mapping[str, str]) -> str:
    """Where catalogs come from, with `{provider}` in it: the variable, the setting, the original's server."""
    url = env.get(SOURCE_VARIABLE) or setting or SOURCE
    return url if "{provider}" in url else url.rstrip("/") + _PATH


def catalog_sources() -> tuple[str, ...]:
    """The providers that have a catalog."""
    return tuple(name for name, known in PROVIDERS.items() if not known.local)


async def update_catalogs(
    agent_dir: Path,
    url: str,
    providers: Sequence[str] | None = None,
    *,
    env: Mapping[str, str],
    proxy: str | None = None,
) -> list[Updated]:
    """Fetch what is new of these providers (None: of all) from `url`, as `catalog_url` gives it.

    What is broken, huge or no catalog at all changes nothing. Raises ConfigError when offline, and for an
    address that can't be asked.
    """
    refuse_offline(env)
    parse_url(url.replace("{provider}", ""))
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(provider: str) -> Updated:
        async with gate:
            try:
                return await _update(agent_dir, url, provider, proxy)
            except PiError as error:
                return Updated(provider, "failed", fault=str(error))

    names = catalog_sources()
    return list(
        await asyncio.gather(*(one(name) for name in names if providers is None or name in providers))
    )


async def _update(agent_dir: Path, url: str, provider: str, proxy: str | None) -> Updated:
    path = fetched_path(agent_dir, provider)
    store, url = read_store(path), url.replace("{provider}", provider)
    old = store.catalog if store.catalog and store.catalog.source == url else None
    headers = {"if-none-match": old.etag} if old and old.etag else {}
    answer = await get(url, headers, proxy=proxy)
    if answer.status == 304 and old:
        _keep(path, structs.replace(store, catalog=structs.replace(old, checked_at=now_ms())))
        return Updated(provider, "unchanged", len(old.models))
    if answer.status in (404, 501):
        return Updated(provider, "absent")
    if answer.status != 200:
        raise ProviderError(f"The server answers {answer.status}.", status=answer.status)
    models, refused = usable_models(provider, answer.body)
    new = Fetched(
        tuple(msgspec.to_builtins(model) for model in models),
        now_ms(),
        _dated(answer),
        answer.headers.get("etag"),
        url,
    )
    if not is_newer(new, catalog_date(provider)):
        return Updated(provider, "older", len(models))
    _keep(path, structs.replace(store, catalog=new))
    same = old is not None and old.models == new.models
    return Updated(provider, "unchanged" if same else "fetched", len(models), refused)


def _keep(path: Path, store: Store) -> None:
    write_store(path, store)


def usable_models(provider: str, body: bytes) -> tuple[list[Model], int]:
    """The models of a downloaded catalog, and how many of its entries are no use.

    Raises ProtocolError when it isn't a catalog, or most of it is no use. Models keep no headers, and must be
    at one of the addresses where Pi's own catalog has the provider: keys are sent there.
    """
    entries = _entries(body)
    hosts = {_host(model.base_url) for model in catalog_models(provider)}
    hosts.add(_host(PROVIDERS[provider].base_url))
    models = [model for entry in entries if (model := _model(provider, entry, hosts))]
    refused = len(entries) - len(models)
    if not models or refused > len(models):
        raise ProtocolError(
            f"Of {len(entries):,} models in it, {refused:,} are no use: it is no catalog for Pi."
        )
    return models, refused


def _entries(body: bytes) -> list[dict[str, Any]]:
    """The chat models of a list, of an object's `models`, with `defaults` or not, or of an object by id."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    common: dict[str, Any] = {}
    if isinstance(value, dict):
        found = cast(dict[str, Any], value)
        defaults: object = found.get("defaults")
        common = cast(dict[str, Any], defaults) if isinstance(defaults, dict) else {}
        value = found["models"] if isinstance(found.get("models"), list) else list(found.values())
    if not isinstance(value, list) or len(listed := cast(list[object], value)) > _MOST_MODELS:
        raise ProtocolError("The answer is no list of models.")
    entries = [common | cast(dict[str, Any], entry) for entry in listed if isinstance(entry, dict)]
    return [entry for entry in entries if entry.get("type", "chat") == "chat"]


def _model(provider: str, entry: dict[str, Any], hosts: set[str]) -> Model | None:
    fields = {name: value for name, value in entry.items() if name != "headers"}
    try:
        model = msgspec.convert(fields | {"provider": provider}, Model)
    except msgspec.ValidationError:
        return None
    cost = model.cost
    rates = (cost.input, cost.output, cost.cache_read, cost.cache_write)
    good = (
        model.id
        and model.api in PROTOCOLS
        and _host(model.base_url) in hosts
        and model.max_tokens > 0
        and model.context_window > 0
        and min(rates) >= 0
    )
    return structs.replace(model, name=model.name or model.id) if good else None


def _host(url: str) -> str:
    """Scheme and host as they are written; a catalog's addresses may have variables in them."""
    return "/".join(url.split("/", 3)[:3]).lower()


def _dated(answer: Answer) -> int:
    """When the server's catalog was changed last, in ms; now where it doesn't say."""
    try:
        return round(parsedate_to_datetime(answer.headers["last-modified"]).timestamp() * 1000)
    except (KeyError, ValueError, OverflowError):
        return now_ms()

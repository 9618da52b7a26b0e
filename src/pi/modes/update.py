"""`pi update --models`: fetches a newer catalog and the live lists of models, and tells what has changed."""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from pi.harness.settings import load_settings
from pi.harness.storage.files import agent_dir as find_agent_dir
from pi.llm.catalog_update import Updated, catalog_sources, catalog_url, update_catalogs
from pi.llm.live import LISTS, Refreshed, refresh_lists
from pi.llm.models import Model
from pi.llm.registry import ModelRegistry
from pi.platform.errors import ConfigError, PiError
from pi.platform.terminal import plain, say, write_all

HELP = """Usage: pi update --models [PROVIDER...]

  --models    fetch a newer catalog of models, and the lists that providers and local servers tell themselves
  --offline   no network (PI_OFFLINE=1): then nothing is fetched

The catalog comes from pi.dev, or from PI_MODEL_CATALOG_URL or the setting modelCatalogUrl: an address with
{provider} in it, or that of a server like pi.dev. What models.json says goes on winning. This version updates
nothing else: Pi itself is updated by what installed it, for example uv tool upgrade pi-harness."""
_SHOWN = 20  # changes of one kind and provider

Models = dict[str, Model]


class Report(Struct, frozen=True):
    """What came of it: lines for people about what changed, and faults."""

    lines: tuple[str, ...]
    faults: tuple[str, ...]
    failed: bool  # nothing could be had at all


def main(words: Sequence[str]) -> int:
    """Update and tell; the result is the exit code: 1 when nothing could be had."""
    if "--help" in words or "-h" in words or not words:
        print(HELP)
        return 0
    try:
        providers = _understood(words)
        report = asyncio.run(update_models(find_agent_dir(os.environ), providers, os.environ))
    except PiError as error:
        say(f"Error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    for fault in report.faults:
        say(f"Warning: {plain(fault)}")
    try:
        write_all(1, plain("".join(f"{line}\n" for line in report.lines)).encode("utf-8", "replace"))
    except BrokenPipeError:  # the reader has seen enough
        pass
    return 1 if report.failed else 0


def _understood(words: Sequence[str]) -> list[str] | None:
    """The providers that are named; None for all. Raises ConfigError."""
    if unknown := [word for word in words if word[0:1] == "-" and word not in ("--models", "--offline")]:
        raise ConfigError(f"pi update doesn't know {unknown[0]}.\n\n{HELP}")
    if "--models" not in words:
        raise ConfigError(f"Say what to update: pi update --models.\n\n{HELP}")
    if "--offline" in words:
        os.environ["PI_OFFLINE"] = "1"
    return [word for word in words if word[0:1] != "-"] or None


async def update_models(agent_dir: Path, providers: Sequence[str] | None, env: Mapping[str, str]) -> Report:
    """Catalogs first, live lists after them. Raises ConfigError when offline or for an unknown provider."""
    settings = load_settings(agent_dir, None)
    registry = ModelRegistry(agent_dir, env=env)
    known = (*catalog_sources(), *LISTS, *registry.providers())
    if unknown := [name for name in providers or () if name not in known]:
        raise ConfigError(f'There is no provider "{unknown[0]}". pi auth login shows those that Pi knows.')
    before = _snapshot(registry)
    url = catalog_url(settings.text("modelCatalogUrl"), env)
    proxy = settings.text("httpProxy")
    catalogs = await update_catalogs(agent_dir, url, providers, env=env, proxy=proxy)
    lists = await refresh_lists(registry, providers, proxy=proxy)
    after = _snapshot(registry)
    changes = [line for name in after for line in _changes(name, before.get(name, {}), after[name])]
    told = [*changes, *_summary(catalogs, lists, url)]
    failed = [each for each in (*catalogs, *lists) if each.outcome == "failed"]
    return Report(
        tuple(told),
        tuple(_faults(catalogs, lists)),
        bool(failed) and len(failed) == len(catalogs) + len(lists),
    )


def _snapshot(registry: ModelRegistry) -> dict[str, Models]:
    registry.reload()
    return {name: {model.id: model for model in registry.models_of(name)} for name in registry.providers()}


def _changes(provider: str, before: Models, after: Models) -> Iterator[str]:
    new = [f"  + {id}" for id in after if id not in before]
    gone = [f"  - {id}" for id in before if id not in after]
    both = ((id, difference(before[id], model)) for id, model in after.items() if id in before)
    changed = [f"  ~ {id}: {text}" for id, text in both if text]
    if new or gone or changed:
        yield f"{provider}: {len(new)} new, {len(gone)} gone, {len(changed)} changed"
    for kind in (new, gone, changed):
        yield from kind[:_SHOWN]
        if len(kind) > _SHOWN:
            yield f"    and {len(kind) - _SHOWN} more"


def difference(old: Model, new: Model) -> str:
    """What is different of a model's window, longest answer and prices, for people."""
    pairs = [
        ("window", f"{old.context_window:,}", f"{new.context_window:,}"),
        ("answer", f"{old.max_tokens:,}", f"{new.max_tokens:,}"),
        ("input", f"${old.cost.input:g}", f"${new.cost.input:g}"),
        ("output", f"${old.cost.output:g}", f"${new.cost.output:g}"),
        ("cache read", f"${old.cost.cache_read:g}", f"${new.cost.cache_read:g}"),
        ("cache write", f"${old.cost.cache_write:g}", f"${new.cost.cache_write:g}"),
    ]
    return ", ".join(f"{name} {was} → {now}" for name, was, now in pairs if was != now)


def _summary(catalogs: Sequence[Updated], lists: Sequence[Refreshed], url: str) -> Iterator[str]:
    counts = {
        text: sum(each.outcome == outcome for each in catalogs)
        for outcome, text in (
            ("fetched", "new"),
            ("unchanged", "unchanged"),
            ("older", "older than this Pi's"),
            ("absent", "not there"),
            ("failed", "failed"),
        )
    }
    if catalogs:
        told = ", ".join(f"{count} {text}" for text, count in counts.items() if count)
        yield f"Catalogs from {_shown(url)}: {told}."
    if found := [f"{each.provider} ({each.models})" for each in lists if each.outcome == "fetched"]:
        yield f"Live lists: {', '.join(found)}."


def _shown(url: str) -> str:
    """An address without what may be a secret in it."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}"


def _faults(catalogs: Sequence[Updated], lists: Sequence[Refreshed]) -> Iterator[str]:
    """Each fault once, with the providers that have it."""
    by_fault: dict[str, list[str]] = {}
    for each in catalogs:
        if each.outcome == "failed":
            by_fault.setdefault(f"No catalog: {each.fault}", []).append(each.provider)
        elif each.refused:
            by_fault.setdefault("Some models of the catalog are no use here", []).append(
                f"{each.provider} ({each.refused})"
            )
    for each in lists:
        if each.outcome == "failed":
            by_fault.setdefault(f"No list of models: {each.fault}", []).append(each.provider)
    for fault, names in by_fault.items():
        yield f"{', '.join(names)}: {fault}"

"""What was fetched of a provider's models, in one small file each: a newer catalog, and its own live list.

The files are Pi's own, beside the original's models-store.json, which has one place for both kinds and holds
all providers at once. They are a cache: one that can't be read counts as none.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from pi.llm.models import Model
from pi.platform.errors import ConfigError
from pi.platform.files import write_atomic


class Fetched(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One list of models; times in ms since 1970. `dated` is when its server last changed it.

    A live list may say only what is different of a known model. `only`: others aren't there.
    """

    models: tuple[dict[str, Any], ...]
    checked_at: int
    dated: int = 0
    etag: str | None = None
    source: str = ""
    only: bool = False


class Store(Struct, frozen=True, omit_defaults=True):
    """Both lists of a provider, as far as there are any."""

    catalog: Fetched | None = None
    live: Fetched | None = None


def read_store(path: Path) -> Store:
    """What is stored; nothing when there is no file, or none of ours."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Store)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Store()


def write_store(path: Path, store: Store) -> None:
    """Put it there whole, or leave what is there. Raises ConfigError when that can't be done."""
    try:
        if store == Store():
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(path, msgspec.json.encode(store))
    except OSError as error:
        raise ConfigError(f"Can't write {path}: {error.strerror}. The models stay as they were.") from error


def with_fetched(store: Store, provider: str, bundled: tuple[Model, ...], date: str) -> tuple[Model, ...]:
    """A provider's models: what Pi brought on that day, a newer catalog over it, its live list last."""
    models = {model.id: model for model in bundled}
    if (catalog := store.catalog) and is_newer(catalog, date):
        for entry in catalog.models:
            _put(models, provider, entry, {})
    if (live := store.live) is None:
        return tuple(models.values())
    for entry in live.models:
        known = models.get(entry.get("id", ""))
        _put(models, provider, entry, {} if known is None else msgspec.to_builtins(known))
    listed = {entry.get("id") for entry in live.models}
    return tuple(model for id, model in models.items() if id in listed or not live.only)


def is_newer(catalog: Fetched, date: str) -> bool:
    """Whether a catalog is newer than one made on a day (YYYY-MM-DD, or "" for none)."""
    made = datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp() * 1000 if date else 0
    return catalog.dated > made


def _put(models: dict[str, Model], provider: str, entry: dict[str, Any], known: dict[str, Any]) -> None:
    try:
        model = msgspec.convert(known | entry | {"provider": provider}, Model)
    except msgspec.ValidationError:  # of another version, or only the difference to a model that is gone
        return
    models[model.id] = model

"""auth.json: the keys and logins that are stored, read and never written here."""

from pathlib import Path
from typing import cast

import msgspec
from msgspec import Struct

from pi.platform.errors import ConfigError
from pi.platform.jsonc import loads_jsonc


class ApiKeyEntry(Struct, frozen=True, tag="api_key", tag_field="type"):
    """A stored key, written as `pi.llm.auth.values` says; `env` beats the process's for this provider."""

    key: str | None = None
    env: dict[str, str] = {}


class OAuthEntry(Struct, frozen=True, tag="oauth", tag_field="type"):
    """A stored login; `expires` in ms since 1970."""

    access: str
    refresh: str
    expires: float


AuthEntry = ApiKeyEntry | OAuthEntry


def read_auth(path: Path) -> tuple[dict[str, AuthEntry], list[str]]:
    """The entries by provider, and a warning for each part that can't be used; a missing file is empty."""
    try:
        data = loads_jsonc(path.read_bytes(), source=str(path))
    except FileNotFoundError:
        return {}, []
    except OSError as error:
        return {}, [f"{path} can't be read: {error.strerror}."]
    except ConfigError as error:
        return {}, [str(error)]
    if not isinstance(data, dict):
        return {}, [f"{path}: expected an object with one entry a provider."]
    entries: dict[str, AuthEntry] = {}
    warnings: list[str] = []
    for provider, entry in cast(dict[str, object], data).items():
        try:
            entries[provider] = msgspec.convert(entry, AuthEntry)
        except msgspec.ValidationError as error:
            # its text has types and field names, never a value of a string field
            warnings.append(f'{path}: the entry "{provider}" is ignored: {error}.')
    return entries, warnings

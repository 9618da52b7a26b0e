"""auth.json as the original has it: logins and keys written, and refreshed once however many ask."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import Struct

from pi.llm.auth.store import ApiKeyEntry
from pi.llm.errors import ProviderError, TransportError
from pi.llm.oauth.errors import OAuthError
from pi.llm.oauth.tokens import EARLY_MS, Tokens
from pi.platform.errors import ConfigError
from pi.platform.locks import FileLock

_STALE_MS = 30_000  # the original's measure for auth.json
_WAIT_MS = 60_000  # others may be waiting for their refresh too
_REFRESH_MS = 15_000  # the original's measure; one of its processes waits 30 s for the lock, then gives up
_NEVER = 2**53 - 1  # the largest whole number of JavaScript; the original wants one there
_FOLDER_MODE, _FILE_MODE = 0o700, 0o600

_refreshes: set[asyncio.Task[Tokens]] = set()  # asyncio itself doesn't keep tasks alive


class _Entry(Struct, tag="oauth", tag_field="type"):
    access: str
    refresh: str = ""
    expires: float | None = None
    scopes: tuple[str, ...] = ()


async def fresh_tokens(
    path: Path,
    key: str,
    refresh: Callable[[Tokens], Awaitable[Tokens]],
    *,
    refused: str | None = None,
    early_ms: int = EARLY_MS,
    timeout_ms: int = _REFRESH_MS,
) -> Tokens:
    """The login stored under `key`, refreshed when less than `early_ms` are left of it.

    `refused` is an access token that a server didn't take: it is refreshed whatever its time. Of all the
    processes that ask at once, one refreshes and the others get what it stored. A refresh that has begun
    ends and is stored also when the caller is cancelled: its old refresh token may be used up. Raises
    OAuthError (`needs_login` when nothing else helps), what `refresh` raises, TransportError when that takes
    more than `timeout_ms`, ConfigError and LockedError.
    """
    seen = _stored(path, key)
    if not seen.is_due(early_ms=early_ms) and seen.access != refused:
        return seen
    limited = partial(_in_time, refresh, timeout_ms)
    task = asyncio.ensure_future(_refreshed(path, key, limited, seen, refused, early_ms))
    _refreshes.add(task)
    task.add_done_callback(_forget)
    return await asyncio.shield(task)


def read_tokens(path: Path, key: str) -> Tokens | None:
    """The login stored under `key`; None when there is none. Raises ConfigError for a broken file."""
    entry = _parsed(_text(path), path).get(key, {})
    try:
        found = msgspec.convert(entry, _Entry)
    except msgspec.ValidationError:
        return None
    known = {"type", *_Entry.__struct_fields__}
    return Tokens(
        found.access,
        found.refresh or None,
        None if found.expires is None or found.expires >= _NEVER else round(found.expires),
        found.scopes,
        {name: value for name, value in entry.items() if name not in known},
    )


async def save_tokens(path: Path, key: str, tokens: Tokens) -> None:
    """Store a login, in the place of what is under `key`. Raises ConfigError, LockedError."""
    _make_folder(path)
    async with _lock(path):
        _write(path, key, _login_entry(tokens))


async def save_key(path: Path, key: str, entry: ApiKeyEntry, *, keep_env: bool = False) -> None:
    """Store an API key likewise; `keep_env` keeps the variables that are stored with the key it replaces."""
    _make_folder(path)
    async with _lock(path):
        old = _stored_object(path, key)
        kept: object = old.get("env") if keep_env and old.get("type") == "api_key" else None
        env: object = entry.env or kept
        _write(path, key, {"type": "api_key", "key": entry.key, **({"env": env} if env else {})})


async def remove_tokens(path: Path, key: str) -> bool:
    """Take out what is stored under `key`, login or key; whether there was anything.

    Raises ConfigError, LockedError.
    """
    if not path.exists():
        return False
    async with _lock(path):
        if key not in _parsed(_text(path), path):
            return False
        _write(path, key, None)
        return True


async def _refreshed(
    path: Path,
    key: str,
    refresh: Callable[[Tokens], Awaitable[Tokens]],
    seen: Tokens,
    refused: str | None,
    early_ms: int,
) -> Tokens:
    async with _lock(path):
        old = _stored(path, key)
        # Another's refresh counts although it may be due: some tokens live shorter than `early_ms`.
        if old.access != refused and not old.is_due(early_ms=0 if old.access != seen.access else early_ms):
            return old
        try:
            new = await refresh(old)
        except Exception as error:  # foreign code; whatever it was, there may be a login that works
            if other := _after_failure(path, key, old, refused, error):
                return other
            raise
        now = _stored(path, key)
        if now.access != old.access:  # by a program that takes no lock, or took ours while we slept
            return now
        # What the refresh says nothing about stays: others may have stored it there.
        _write(path, key, {**_stored_object(path, key), **_login_entry(new)})
        return new


async def _in_time(refresh: Callable[[Tokens], Awaitable[Tokens]], timeout_ms: int, tokens: Tokens) -> Tokens:
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            return await refresh(tokens)
    except TimeoutError:
        raise TransportError("Request timed out.") from None


def _after_failure(path: Path, key: str, old: Tokens, refused: str | None, error: Exception) -> Tokens | None:
    """Another process's tokens, or the old ones while they last and the failure may pass."""
    now = read_tokens(path, key)
    if now is None or now.is_due(early_ms=0) or now.access == refused:
        return None
    passing = isinstance(error, ProviderError) and not isinstance(error, OAuthError)
    return now if passing or now.access != old.access else None


def _lock(path: Path) -> FileLock:
    return FileLock(path, stale_ms=_STALE_MS, wait_ms=_WAIT_MS)


def _stored(path: Path, key: str) -> Tokens:
    if tokens := read_tokens(path, key):
        return tokens
    raise OAuthError("login_required", f"There is no login for {key} in {path}")


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"Can't make {path.parent}: {error.strerror}. Nothing is stored.") from error


def _write(path: Path, key: str, entry: dict[str, Any] | None) -> None:
    """Only that entry changes, None takes it out; the rest of the file stays byte for byte."""
    from pi.platform.files import write_atomic
    from pi.platform.jsonc_edit import remove_value, set_value

    text = _text(path) or "{}\n"
    _parsed(text, path)  # a broken file is left alone
    text = remove_value(text, (key,)) if entry is None else set_value(text, (key,), entry)
    try:
        # an administrator's mode stays, as in the original
        write_atomic(path, text.encode(), mode=None if path.exists() else _FILE_MODE)
    except OSError as error:
        raise ConfigError(f"Can't write {path}: {error.strerror}. Nothing is stored.") from error


def _stored_object(path: Path, key: str) -> dict[str, Any]:
    old = _parsed(_text(path), path).get(key)
    return cast(dict[str, Any], old) if isinstance(old, dict) else {}


def _login_entry(tokens: Tokens) -> dict[str, Any]:
    return {
        **tokens.extra,
        "type": "oauth",
        "access": tokens.access,
        "refresh": tokens.refresh or "",
        "expires": _NEVER if tokens.expires_at_ms is None else tokens.expires_at_ms,
        **({"scopes": list(tokens.scopes)} if tokens.scopes else {}),
    }


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8. Save the file as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"Can't read {path}: {error.strerror}. Make it readable.") from error


def _parsed(text: str, path: Path) -> dict[str, Any]:
    from pi.platform.jsonc import loads_jsonc

    values: object = loads_jsonc(text, source=str(path)) if text.strip() else {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold a JSON object with one entry a login. Mend it or take it away.")
    return cast(dict[str, Any], values)


def _forget(task: asyncio.Task[Tokens]) -> None:
    _refreshes.discard(task)
    if not task.cancelled():
        task.exception()  # seen: the caller may be gone

"""Google Cloud's Application Default Credentials: google-auth reads them and keeps their tokens fresh."""

import asyncio
import os
import sys
from collections.abc import Mapping
from concurrent.futures import CancelledError
from importlib import import_module
from pathlib import Path
from typing import Any

from pi.llm.errors import ProviderError, TransportError
from pi.platform.errors import ConfigError, PiError

SCOPE = "https://www.googleapis.com/auth/cloud-platform"

_TIMEOUT_S = 120  # of one request for a token
_FILE = "application_default_credentials.json"


async def google_cloud_headers(env: Mapping[str, str]) -> dict[str, str]:
    """The headers that open a request: a token, and the project that pays if the credentials name one.

    Raises ProviderError when there are no credentials or they are refused, ConfigError when google-auth isn't
    installed.
    """
    return await asyncio.to_thread(_headers, env, asyncio.get_running_loop())


def _headers(env: Mapping[str, str], loop: asyncio.AbstractEventLoop) -> dict[str, str]:
    errors = _google("auth.exceptions")
    try:
        credentials = _credentials(env, _Transport(loop, errors.TransportError))
        if not credentials.valid:
            credentials.refresh(_Transport(loop, errors.TransportError))
        headers: dict[str, str] = {}
        credentials.apply(headers)
    except PiError:
        raise
    except Exception as error:  # foreign code, which asks files, programs and servers
        text = str(error.args[0] if error.args else error)
        if isinstance(error, errors.TransportError) or getattr(error, "retryable", False):
            raise TransportError(f"Connection error. No token from Google Cloud: {text}") from error
        raise ProviderError(
            f"No token from Google Cloud: {text}. Run `gcloud auth application-default login`, or name a "
            "credentials file in GOOGLE_APPLICATION_CREDENTIALS."
        ) from error
    return {name.lower(): value for name, value in headers.items()}


class _Transport:
    """How google-auth sends requests from its thread: over our own connections and proxies."""

    def __init__(self, loop: asyncio.AbstractEventLoop, failure: type[Exception]):
        self._loop = loop
        self._failure = failure

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> "_Answer":
        data = body.encode() if isinstance(body, str) else body
        sending = _send(method, url, dict(headers or {}), data, timeout or _TIMEOUT_S)
        try:
            return asyncio.run_coroutine_threadsafe(sending, self._loop).result()
        except (TransportError, TimeoutError, CancelledError) as error:
            raise self._failure(str(error)) from error


class _Answer:
    """A response in the shape that google-auth reads."""

    def __init__(self, status: int, headers: dict[str, str], data: bytes):
        self.status = status
        self.headers = headers
        self.data = data


async def _send(
    method: str, url: str, headers: dict[str, str], body: bytes | None, timeout_s: float
) -> _Answer:
    from pi.llm.http import request

    async with (
        asyncio.timeout(timeout_s),
        request(method, url, headers=headers, body=body) as response,
    ):
        return _Answer(response.status, response.headers, await response.read())


_known: dict[tuple[str, int], Any] = {}  # credentials by their file and when it changed: they hold tokens


def _credentials(env: Mapping[str, str], transport: _Transport) -> Any:
    """Credentials of the file that is named or usual; without one those of the machine, on Google's."""
    path = _file(env)
    key = (str(path), path.stat().st_mtime_ns) if path else ("", 0)
    if key not in _known:
        _known[key] = _from_file(path, transport) if path else _of_machine(transport)
    return _known[key]


def _file(env: Mapping[str, str]) -> Path | None:
    if named := env.get("GOOGLE_APPLICATION_CREDENTIALS"):
        path = Path(named).expanduser()
        if not path.is_file():
            raise ProviderError(f"GOOGLE_APPLICATION_CREDENTIALS names {path}, which is no file: correct it.")
        return path
    if folder := env.get("CLOUDSDK_CONFIG"):
        usual = Path(folder) / _FILE
    elif sys.platform == "win32":
        usual = Path(env.get("APPDATA", "")) / "gcloud" / _FILE
    else:
        usual = Path("~/.config/gcloud").expanduser() / _FILE
    return usual if usual.is_file() else None


def _from_file(path: Path, transport: _Transport) -> Any:
    import warnings

    with warnings.catch_warnings():
        # It warns of files from strangers and of quotas; this file is the user's, and stderr the screen's.
        warnings.simplefilter("ignore")
        found, _ = _google("auth").load_credentials_from_file(os.fspath(path), request=transport)
    return _google("auth.credentials").with_scopes_if_required(found, [SCOPE])


def _of_machine(transport: _Transport) -> Any:
    found, _ = _google("auth").default(scopes=[SCOPE], request=transport)
    return found


def _google(module: str) -> Any:
    try:
        return import_module(f"google.{module}")
    except ImportError:
        raise ConfigError(
            "Google Vertex AI without an API key needs google-auth: run `pip install 'pi-harness[vertex]'`, "
            "or set GOOGLE_CLOUD_API_KEY."
        ) from None

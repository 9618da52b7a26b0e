"""One request for a list of models: a JSON answer, not too large and not too late."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec import Struct

from pi.llm.auth import Credentials
from pi.llm.errors import ProtocolError, ProviderError, TransportError
from pi.llm.models import Model

LARGEST = 16_000_000  # bytes; the longest list there is has a tenth of it
TIMEOUT_MS = 15_000


class Asked(Struct, frozen=True):
    """Whom to ask: `root` is the API's address without a slash at its end, `known` what the catalog has."""

    provider: str
    root: str
    credentials: Credentials
    known: tuple[Model, ...] = ()
    local: bool = False
    proxy: str | None = None

    def authorized(self) -> dict[str, str]:
        """The headers that carry the key, where there is one."""
        key = self.credentials.api_key
        return ({"authorization": f"Bearer {key}"} if key else {}) | self.credentials.headers


class LiveList(Struct, frozen=True):
    """What a provider told: of a model in the catalog only what is different. `only`: there are no others."""

    models: tuple[dict[str, Any], ...]
    only: bool = True


class Answer(Struct, frozen=True):
    """A whole answer; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def get(
    url: str,
    headers: Mapping[str, str],
    *,
    body: bytes | None = None,
    proxy: str | None = None,
    connect_timeout_ms: int = TIMEOUT_MS,
) -> Answer:
    """The answer, whatever its status. Raises TransportError, ProtocolError for a huge one, ConfigError."""
    from pi.llm.http import request

    fields = {"accept": "application/json", **headers}
    method = "GET" if body is None else "POST"
    try:
        async with (
            asyncio.timeout(TIMEOUT_MS / 1000),
            request(
                method,
                url,
                headers=fields,
                body=body,
                proxy=proxy,
                idle_timeout_ms=TIMEOUT_MS,
                connect_timeout_ms=connect_timeout_ms,
            ) as response,
        ):
            found = await response.read(LARGEST + 1)
            if len(found) > LARGEST:
                raise ProtocolError(f"The answer has more than {LARGEST:,} bytes.")
            return Answer(response.status, response.headers, found)
    except TimeoutError:
        raise TransportError("Request timed out.") from None


async def get_json(
    asked: Asked, url: str, headers: Mapping[str, str] | None = None, *, body: Any = None
) -> dict[str, Any]:
    """The JSON object at an address of the provider. Raises ProviderError with the status of a refusal."""
    answer = await get(
        url,
        asked.authorized() | dict(headers or {}) | ({"content-type": "application/json"} if body else {}),
        body=msgspec.json.encode(body) if body else None,
        proxy=asked.proxy,
        connect_timeout_ms=500 if asked.local else TIMEOUT_MS,
    )
    if answer.status != 200:
        raise ProviderError(f"{answer.status} {_said(answer.body)}".strip(), status=answer.status)
    return json_object(answer.body)


def json_object(body: bytes) -> dict[str, Any]:
    """The object that a body holds; raises ProtocolError."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ProtocolError("The answer is no JSON object.")
    return cast(dict[str, Any], found)


def rows(value: object) -> list[dict[str, Any]]:
    """The objects of a list; raises ProtocolError for what is no list."""
    if not isinstance(value, list):
        raise ProtocolError("The answer has no list of models.")
    return [cast(dict[str, Any], row) for row in cast(list[object], value) if isinstance(row, dict)]


def part(value: object) -> dict[str, Any]:
    """An object inside an answer, empty where there is none."""
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def words(value: object) -> list[str]:
    """The texts of a list inside an answer."""
    return (
        [each for each in cast(list[object], value) if isinstance(each, str)]
        if isinstance(value, list)
        else []
    )


def count(*values: object) -> int | None:
    """The first of them that is a number of tokens: whole and greater than 0."""
    return next((each for each in values if type(each) is int and each > 0), None)


def _said(body: bytes) -> str:
    """The beginning of an error's text, on one line."""
    return " ".join(body[:2000].decode("utf-8", "replace").split())[:200]

"""`ctx.http`: requests over Pi's own connections, with its proxies, certificates and limits."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from msgspec import Struct

from pi.harness.settings import Settings
from pi.platform.errors import PiError

LIMIT = 16 * 1024 * 1024  # bytes of a body that `request` takes


class Answer(Struct, frozen=True):
    """A response: names of `headers` in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is a success."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises PiError when it is none."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise PiError(f"The server's answer is no JSON: {error}") from error


class Http:
    """Requests; redirects are not followed, because credentials would go with them."""

    def __init__(self, settings: Settings):
        self._settings = settings

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
        json: Any = None,
        timeout: float = 30,
        limit: int = LIMIT,
    ) -> Answer:
        """Send and read the answer, at most `limit` bytes. Raises PiError; `timeout` in s of silence."""
        async with self.stream(
            method, url, headers=headers, body=body, json=json, timeout=timeout
        ) as response:
            return Answer(response.status, dict(response.headers), await response.read(limit))

    async def get(self, url: str, **options: Any) -> Answer:
        """A GET request."""
        return await self.request("GET", url, **options)

    async def post(self, url: str, **options: Any) -> Answer:
        """A POST request."""
        return await self.request("POST", url, **options)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
        json: Any = None,
        timeout: float = 30,
    ) -> AsyncGenerator[Any]:
        """Send a request; the response has `status`, `headers`, `chunks()` and `read(limit)`."""
        from pi.llm.http import request

        fields = dict(headers or {})
        if json is not None:
            body = msgspec.json.encode(json)
            fields.setdefault("content-type", "application/json")
        data = body.encode() if isinstance(body, str) else body
        proxy = self._settings.text("httpProxy")
        idle_ms = round(timeout * 1000)
        async with request(
            method, url, headers=fields, body=data, idle_timeout_ms=idle_ms, proxy=proxy
        ) as response:
            yield response

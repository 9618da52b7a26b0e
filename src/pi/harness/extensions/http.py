"""`ctx.http`: requests over Pi's own connections, with its proxies, certificates and limits."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

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


_SECRETS = ("authorization", "cookie", "proxy-authorization")


class Http:
    """Requests. Redirects are followed only if you say how many; to another host no credentials go along."""

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
        redirects: int = 0,
        public: bool = False,
    ) -> Answer:
        """Send and read the answer, at most `limit` bytes. Raises PiError; `timeout` in s of silence.

        With `public` only hosts on the internet are asked, also after a redirect: use it for addresses that
        a model or a page gave.
        """
        fields = {name.lower(): value for name, value in (headers or {}).items()}
        for left in range(redirects, -1, -1):
            sending = self.stream(
                method, url, headers=fields, body=body, json=json, timeout=timeout, public=public
            )
            async with sending as response:
                place = response.headers.get("location")
                if not (left and place and response.status in (301, 302, 303, 307, 308)):
                    return Answer(response.status, dict(response.headers), await response.read(limit))
                status = response.status
            target = urljoin(url, place)
            if urlsplit(target)[:2] != urlsplit(url)[:2]:
                fields = {name: value for name, value in fields.items() if name not in _SECRETS}
            if status in (301, 302, 303) and method != "HEAD":
                method, body, json = "GET", None, None
            url = target
        raise AssertionError  # the last round always returns

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
        public: bool = False,
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
            method,
            url,
            headers=fields,
            body=data,
            idle_timeout_ms=idle_ms,
            proxy=proxy,
            public=public,
        ) as response:
            yield response

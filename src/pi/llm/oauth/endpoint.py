"""One request of a login: fields as a form or JSON, a JSON object back, or the refusal raised."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, cast

import msgspec
from msgspec import Struct

from pi.llm.errors import ProtocolError, TransportError
from pi.llm.oauth.errors import OAuthError

_SECRET_FIELDS = (
    "assertion",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "device_auth_id",
    "device_code",
    "password",
    "refresh_token",
    "subject_token",
)
_LONGEST_TEXT = 300
_TIMEOUT_MS = 30_000


class Client(Struct, frozen=True):
    """Who logs in, and where tokens come from. `fields` go along with each request, `headers` over ours.

    `secret_in`: "body" is RFC 6749's client_secret_post, "header" its client_secret_basic. `timeout_ms` is
    for a whole request. `proxy` as in `pi.llm.http`.
    """

    token_url: str
    client_id: str
    client_secret: str | None = None
    secret_in: Literal["body", "header"] = "body"
    body: Literal["form", "json"] = "form"
    headers: dict[str, str] = {}
    fields: dict[str, str] = {}
    timeout_ms: int = _TIMEOUT_MS
    proxy: str | None = None

    def __repr__(self) -> str:
        return f"Client({self.token_url!r}, {self.client_id!r}, …)"  # no log ever shows the secret


async def post(client: Client, url: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """The endpoint's answer to `fields`, the client's own among them. Raises like `call`."""
    headers, fields = _authenticated(client, fields)
    headers, body = _encoded(client, headers, fields)
    secrets = _secrets(client, fields)
    return await _sent("POST", url, headers, body, secrets, timeout_ms=client.timeout_ms, proxy=client.proxy)


async def call(
    url: str,
    fields: Mapping[str, Any] | None = None,
    *,
    bearer: str | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_ms: int = _TIMEOUT_MS,
) -> dict[str, Any]:
    """What an address beside OAuth's answers: `fields` are sent as JSON, without them it is a GET.

    Raises OAuthError for a refusal, TransportError when no answer came, ProtocolError for any other answer,
    with its `status`, and ConfigError for an address that can't be called.
    """
    sent = {"accept": "application/json", **(headers or {})}
    if bearer is not None:
        sent["authorization"] = f"Bearer {bearer}"
    secrets = [str(value) for name, value in (fields or {}).items() if value and name in _SECRET_FIELDS]
    if bearer:
        secrets.append(bearer)
    if fields is None:
        return await _sent("GET", url, sent, None, secrets, timeout_ms=timeout_ms)
    sent["content-type"] = "application/json"
    return await _sent("POST", url, sent, msgspec.json.encode(fields), secrets, timeout_ms=timeout_ms)


async def _sent(
    method: str,
    url: str,
    headers: dict[str, str],
    body: bytes | None,
    secrets: list[str],
    *,
    timeout_ms: int,
    proxy: str | None = None,
) -> dict[str, Any]:
    from pi.llm.http import request

    try:
        async with (
            asyncio.timeout(timeout_ms / 1000),
            request(method, url, headers=headers, body=body, proxy=proxy) as response,
        ):
            status, answer = response.status, _object(await response.read())
    except TimeoutError:
        raise TransportError("Request timed out.") from None
    if refusal := _refusal(answer or {}, status, secrets):
        raise refusal
    if answer is None or not 200 <= status < 300:
        raise ProtocolError(_unexpected(url, status), status=status)
    return answer


def text_of(answer: Mapping[str, Any], name: str, url: str) -> str:
    """A text that an answer must have. Raises ProtocolError, which names the address and no value."""
    value = answer.get(name)
    if not value or not isinstance(value, str):
        raise ProtocolError(
            f"The answer of {url.partition('?')[0]} has no {name}. Check that this is the right address.",
            status=200,
        )
    return value


def number(value: object) -> float | None:
    """A number of an answer, which some servers write as a string; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) < 1e12 else None  # neither NaN nor infinite, nor beyond every calendar


def printable(text: str, secrets: Iterable[str] = ()) -> str:
    """A foreign text for people: on one line, not long, without control characters and `secrets`."""
    from urllib.parse import quote, quote_plus

    for secret in sorted(secrets, key=len, reverse=True):  # one may be part of another
        for form in (secret, quote_plus(secret), quote(secret, safe="")):
            text = text.replace(form, "…")
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", text).strip()[:_LONGEST_TEXT]


def _authenticated(client: Client, fields: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    if client.client_secret is not None and client.secret_in == "header":
        from base64 import b64encode
        from urllib.parse import quote_plus

        # RFC 6749, 2.3.1: each is form-encoded before they are joined, and stands nowhere else.
        pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
        return {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}, {**client.fields, **fields}
    secret = {} if client.client_secret is None else {"client_secret": client.client_secret}
    return {}, {"client_id": client.client_id, **secret, **client.fields, **fields}


def _encoded(
    client: Client, headers: Mapping[str, str], fields: Mapping[str, str]
) -> tuple[dict[str, str], bytes]:
    if client.body == "json":
        kind, body = "application/json", msgspec.json.encode(fields)
    else:
        from urllib.parse import urlencode

        kind, body = "application/x-www-form-urlencoded", urlencode(fields).encode()
    ours = {"accept": "application/json", "content-type": kind, **headers}
    return ours | {name.lower(): value for name, value in client.headers.items()}, body


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return cast(dict[str, Any], answer) if isinstance(answer, dict) else None


def _refusal(answer: dict[str, Any], status: int, secrets: list[str]) -> OAuthError | None:
    """RFC 6749's errors, which some send with status 200, and some as an object like their other errors."""
    error, description = answer.get("error"), answer.get("error_description")
    if isinstance(error, dict):
        details = cast(dict[str, Any], error)
        error, description = details.get("code") or details.get("type"), details.get("message")
    if not error or not isinstance(error, str):
        return None
    return OAuthError(
        printable(error, secrets),
        printable(description, secrets) if isinstance(description, str) else None,
        status=status,
        interval_s=number(answer.get("interval")),
    )


def _secrets(client: Client, fields: Mapping[str, str]) -> list[str]:
    found = (client.client_secret, *(fields.get(name) for name in _SECRET_FIELDS))
    return [secret for secret in found if secret]


def _unexpected(url: str, status: int) -> str:
    from pi.llm.proxy import parse_url

    to = parse_url(url)
    place = f"{to.scheme}://{to.authority}{to.target.partition('?')[0]}"
    if status in (408, 429) or status >= 500:
        return f"{place} answered with status {status}. Try again later."
    return f"{place} answered with status {status} and no OAuth answer. Check that this is the right address."

"""What providers answer when they are asked for their limits: a table of addresses and how answers are read.

Only what a provider documents, or its own published client does: Anthropic's subscriptions are known from
headers alone.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, cast

import msgspec
from msgspec import Struct

from pi.llm.auth import Credentials
from pi.llm.errors import ProtocolError, ProviderError, TransportError
from pi.llm.quota import Window, read_moment, read_number, span_name, used_share
from pi.platform.clock import now_ms

TIMEOUT_MS = 10_000

Json = Mapping[str, Any]
Reader = Callable[[Json, int], Iterator[Window]]


class Endpoint(Struct, frozen=True):
    """Where to ask: `path` after the provider's host, the scheme in front of the token, who reads it.

    `token` is what opens it: the request's own key, or the refresh token of the stored login, which for
    GitHub is the account's.
    """

    host: str
    path: str
    read: Reader
    scheme: str = "Bearer "
    token: Literal["key", "refresh"] = "key"
    optional: bool = False  # a key may not be allowed to see it


def host_of(provider: str, base_url: str) -> str | None:
    """Whom to ask when requests go to `base_url`: a proxy is asked itself, and never given another's key."""
    scheme, _, rest = base_url.partition("://")
    name = rest.partition("/")[0]
    if provider != "github-copilot":
        return f"{scheme}://{name}"
    if name.startswith("copilot-api."):  # a company's own GitHub
        return f"{scheme}://api.{name.removeprefix('copilot-api.')}"
    return "https://api.github.com" if name.endswith(".githubcopilot.com") else None


async def ask_limits(
    provider: str,
    credentials: Credentials,
    *,
    refresh_token: str | None = None,
    host: str | None = None,
    proxy: str | None = None,
) -> tuple[Window, ...]:
    """The limits of an account as its provider tells them now; none for a provider that can't be asked.

    `host` (scheme and name) beats the provider's own. Raises TransportError, ProtocolError, ProviderError
    with its `status`.
    """
    windows: list[Window] = []
    for endpoint in ENDPOINTS.get(provider, ()):
        token = refresh_token if endpoint.token == "refresh" and refresh_token else credentials.api_key
        headers = {"accept": "application/json", **_lower(credentials.headers)}
        if token:
            headers["authorization"] = f"{endpoint.scheme}{token}"
        try:
            answer = await _get(f"{host or endpoint.host}{endpoint.path}", headers, proxy)
        except ProviderError as error:
            if endpoint.optional and not isinstance(error, TransportError):
                continue
            raise
        windows += endpoint.read(answer, now_ms())
    return tuple(windows)


async def _get(url: str, headers: Mapping[str, str], proxy: str | None) -> Json:
    import asyncio

    from pi.llm.http import request

    try:
        async with (
            asyncio.timeout(TIMEOUT_MS / 1000),
            request("GET", url, headers=headers, proxy=proxy, idle_timeout_ms=TIMEOUT_MS) as response,
        ):
            status, body = response.status, await response.read()
    except TimeoutError:
        raise TransportError(f"{url} didn't answer in {TIMEOUT_MS // 1000} s.") from None
    if status != 200:
        hint = " Log in again." if status in (401, 403) else ""
        raise ProviderError(f"{url} answered {status}.{hint}", status=status)
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        answer = None
    if not isinstance(answer, dict):
        raise ProtocolError(f"{url} answered something that isn't a JSON object.", status=status)
    return cast(Json, answer)


def _openrouter_key(answer: Json, now: int) -> Iterator[Window]:
    data = _object(answer, "data")
    limit, remaining = read_number(data.get("limit")), read_number(data.get("limit_remaining"))
    if limit is not None:
        span = {"daily": "day", "weekly": "week", "monthly": "month"}.get(str(data.get("limit_reset")), "key")
        yield Window(f"credits ({span})", used_share(limit, remaining), limit, remaining)


def _openrouter_credits(answer: Json, now: int) -> Iterator[Window]:
    data = _object(answer, "data")
    bought, used = read_number(data.get("total_credits")), read_number(data.get("total_usage"))
    if bought is not None and used is not None:
        remaining = round(bought - used, 6)
        yield Window("credits", used_share(bought, remaining), bought, remaining)


def _kimi(answer: Json, now: int) -> Iterator[Window]:
    yield from _kimi_window("week", _object(answer, "usage"), now)
    for row in _objects(answer, "limits"):
        span, detail = _object(row, "window"), _object(row, "detail")
        unit = _KIMI_MINUTES.get(str(span.get("timeUnit")), 0)
        yield from _kimi_window(span_name((read_number(span.get("duration")) or 0) * unit), detail, now)


_KIMI_MINUTES = {
    "TIME_UNIT_SECOND": 1 / 60,
    "TIME_UNIT_MINUTE": 1,
    "TIME_UNIT_HOUR": 60,
    "TIME_UNIT_DAY": 1440,
    "TIME_UNIT_WEEK": 10080,
}


def _kimi_window(name: str | None, said: Json, now: int) -> Iterator[Window]:
    limit, used = read_number(said.get("limit")), read_number(said.get("used"))
    remaining = read_number(said.get("remaining"))
    if remaining is None and limit is not None and used is not None:
        remaining = limit - used
    if limit is not None:
        yield Window(name or "requests", used_share(limit, remaining), limit, remaining, _at(said, now))


def _codex(answer: Json, now: int) -> Iterator[Window]:
    limits = _object(answer, "rate_limit")
    for key in ("primary_window", "secondary_window"):
        said = _object(limits, key)
        percent = read_number(said.get("used_percent"))
        if percent is not None:
            name = span_name((read_number(said.get("limit_window_seconds")) or 0) / 60)
            yield Window(name or key.partition("_")[0], percent / 100, resets_at_ms=_at(said, now))
    credits = _object(answer, "credits")
    if credits.get("has_credits") and not credits.get("unlimited"):
        yield Window("credits", remaining=read_number(credits.get("balance")))


def _copilot(answer: Json, now: int) -> Iterator[Window]:
    resets = read_moment(answer.get("quota_reset_date_utc") or answer.get("quota_reset_date"), now)
    for kind, said in _object(answer, "quota_snapshots").items():
        if isinstance(said, dict) and not cast(Json, said).get("unlimited"):
            yield from _copilot_window(kind, cast(Json, said), resets)


def _copilot_window(kind: str, said: Json, resets: float | None) -> Iterator[Window]:
    percent, limit = read_number(said.get("percent_remaining")), read_number(said.get("entitlement"))
    remaining = read_number(said.get("remaining"))
    used = used_share(limit, remaining) if percent is None else round(1 - percent / 100, 6)
    if used is not None:
        name = "premium requests" if kind.startswith("premium") else kind
        yield Window(name, used, limit, remaining, None if resets is None else round(resets))


def _zai(answer: Json, now: int) -> Iterator[Window]:
    for said in _objects(_object(answer, "data"), "limits"):
        percent = read_number(said.get("percentage"))
        unit = said.get("unit")
        name = _ZAI_SPANS.get(unit) if isinstance(unit, int) else None
        if percent is not None:
            name = name or "tokens"
            resets = _at(said, now)
            if said.get("type") == "TIME_LIMIT":  # of its search tools, not of the model
                name = f"{name} (tools)"
            yield Window(name, percent / 100, resets_at_ms=resets)


_ZAI_SPANS = {3: "5h", 5: "month", 6: "week"}


def _at(said: Json, now: int) -> int | None:
    names = ("reset_at", "resetTime", "nextResetTime", "reset_after_seconds")
    found = next((said[name] for name in names if said.get(name)), None)
    moment = read_moment(found, now)
    return None if moment is None else round(moment)


def _object(value: Json, key: str) -> Json:
    found = value.get(key)
    return cast(Json, found) if isinstance(found, dict) else {}


def _objects(value: Json, key: str) -> list[Json]:
    found = value.get(key)
    return (
        [cast(Json, each) for each in cast(list[Any], found) if isinstance(each, dict)]
        if (isinstance(found, list))
        else []
    )


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


ENDPOINTS: dict[str, tuple[Endpoint, ...]] = {
    "openrouter": (
        Endpoint("https://openrouter.ai", "/api/v1/key", _openrouter_key),
        Endpoint("https://openrouter.ai", "/api/v1/credits", _openrouter_credits, optional=True),
    ),
    "kimi-coding": (Endpoint("https://api.kimi.com", "/coding/v1/usages", _kimi),),
    "openai-codex": (Endpoint("https://chatgpt.com", "/backend-api/wham/usage", _codex),),
    "github-copilot": (
        Endpoint("https://api.github.com", "/copilot_internal/user", _copilot, "token ", "refresh"),
    ),
    "zai": (Endpoint("https://api.z.ai", "/api/monitor/usage/quota/limit", _zai, ""),),
    "zai-coding-cn": (Endpoint("https://open.bigmodel.cn", "/api/monitor/usage/quota/limit", _zai, ""),),
}

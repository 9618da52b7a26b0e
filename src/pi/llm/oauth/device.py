"""The login on another device (RFC 8628): show a code and an address, and ask until it is allowed."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, TypeVar

from msgspec import Struct

from pi.llm.errors import ProtocolError, ProviderError, TransportError
from pi.llm.oauth.endpoint import Client, number, post
from pi.llm.oauth.errors import OAuthError
from pi.llm.oauth.tokens import Tokens, request_tokens

Sleep = Callable[[float], Awaitable[object]]
"""Waits that many seconds."""

T = TypeVar("T")

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_INTERVAL_S = 5.0  # RFC 8628, 3.2
_SLOW_DOWN_S = 5.0  # RFC 8628, 3.5
_SHORTEST_S = 1.0
_LONGEST_S = 60.0  # between attempts while the network is down
_EXPIRES_IN_S = 900.0


class DeviceFlow(Struct, frozen=True):
    """A login by code; `fields` go along with its first request."""

    client: Client
    device_url: str
    scopes: tuple[str, ...] = ()
    fields: dict[str, str] = {}


class DevicePrompt(Struct, frozen=True):
    """What people need: the code, where to type it, and the address that has it in it, if there is one."""

    user_code: str
    verification_uri: str
    verification_uri_complete: str | None
    expires_in_s: float

    @property
    def url(self) -> str:
        """The page to open: where there is one, the one that needs no typing."""
        return self.verification_uri_complete or self.verification_uri


async def run_device_flow(
    config: DeviceFlow,
    show: Callable[[DevicePrompt], Awaitable[None] | None],
    *,
    sleep: Sleep = asyncio.sleep,
) -> Tokens:
    """Log in; asking begins when `show` has returned. Raises OAuthError, TransportError, ProtocolError."""
    scope = {"scope": " ".join(config.scopes)} if config.scopes else {}
    answer = await post(config.client, config.device_url, {**scope, **config.fields})
    device_code, prompt = _text(answer, "device_code"), _prompt(answer)
    if isawaitable(shown := show(prompt)):
        await shown
    return await poll(
        lambda: request_tokens(config.client, {"grant_type": _GRANT, "device_code": device_code}),
        interval_s=number(answer.get("interval")),
        expires_in_s=prompt.expires_in_s,
        sleep=sleep,
    )


async def poll(
    ask: Callable[[], Awaitable[T]],
    *,
    interval_s: float | None = None,
    expires_in_s: float = _EXPIRES_IN_S,
    sleep: Sleep = asyncio.sleep,
) -> T:
    """What `ask` returns as soon as it doesn't raise OAuthError "authorization_pending" or "slow_down".

    A network that fails is asked again, more and more slowly. The time that counts is what was slept, so that
    a clock set anew doesn't matter. Raises what else `ask` raises; when the time is up, OAuthError
    "expired_token", or the network's error if that was the last answer.
    """
    interval = max(_SHORTEST_S, _INTERVAL_S if interval_s is None else interval_s)
    slept, hiccups, hiccup = 0.0, 0, None
    while slept < expires_in_s:
        pause = min(interval * 2**hiccups, max(interval, _LONGEST_S), expires_in_s - slept)
        await sleep(pause)
        slept += pause
        try:
            return await ask()
        except OAuthError as error:
            if error.code not in ("authorization_pending", "slow_down"):
                raise
            if error.code == "slow_down":
                asked = error.interval_s or 0.0
                interval = max(_SHORTEST_S, asked if asked > 0 else interval + _SLOW_DOWN_S)
            hiccups, hiccup = 0, None
        except ProviderError as error:
            if not _may_pass(error):
                raise
            hiccups, hiccup = hiccups + 1, error
    raise hiccup or OAuthError("expired_token", "Nobody allowed the login in time")


def _may_pass(error: ProviderError) -> bool:
    if error.status is None:
        return isinstance(error, TransportError)
    return error.status in (408, 429) or error.status >= 500


def _prompt(answer: dict[str, Any]) -> DevicePrompt:
    complete = answer.get("verification_uri_complete")
    lifetime = number(answer.get("expires_in"))
    return DevicePrompt(
        _text(answer, "user_code"),
        # the name of a draft, which Google kept
        _address(_text(answer, "verification_uri" if "verification_uri" in answer else "verification_url")),
        _address(complete) if isinstance(complete, str) and complete else None,
        lifetime if lifetime and lifetime > 0 else _EXPIRES_IN_S,
    )


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not value or not isinstance(value, str):
        raise ProtocolError(
            f"The device endpoint's answer has no {name}. Check that this is its address.", status=200
        )
    return value


def _address(url: str) -> str:
    """It is going to be opened: anything but a web page would be a program of this machine."""
    if not url.lower().startswith(("https://", "http://")):
        raise ProtocolError("The device endpoint names a page that is no web address.", status=200)
    return url

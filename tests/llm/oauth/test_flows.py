"""Whole logins against a server: in a browser with PKCE, and on another device."""

import asyncio
from urllib.parse import parse_qsl, urlsplit

import pytest

from pi.llm.errors import ProtocolError, TransportError
from pi.llm.http import request
from pi.llm.oauth import (
    BrowserFlow,
    Client,
    DeviceFlow,
    DevicePrompt,
    OAuthError,
    Tokens,
    poll,
    run_browser_flow,
    run_device_flow,
)
from tests.llm.oauth.authority import Answer, Authority, authority

PENDING: Answer = (400, {"error": "authorization_pending"})
DONE: Answer = (200, {"access_token": "a"})


class Naps:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


async def browse(url: str) -> None:
    """A browser with a person who allows everything."""
    async with request("GET", url, headers={}) as response:
        target = response.headers["location"]
    async with request("GET", target, headers={}) as response:
        await response.read()


def flow(server: Authority) -> BrowserFlow:
    return BrowserFlow(Client(server.token_url, "me"), f"{server.url}/authorize", scopes=("x",))


def test_a_login_in_a_browser_ends_with_tokens() -> None:
    with authority() as server:
        server.more = {}
        assert asyncio.run(run_browser_flow(flow(server), browse)) == Tokens("access-2", "refresh-2")


def test_a_login_on_a_distant_machine_ends_with_what_was_pasted() -> None:
    shown: list[str] = []

    async def paste(_: str) -> str:
        return server.authorize(dict(parse_qsl(urlsplit(shown[0]).query)))

    with authority() as server:
        server.more = {}
        assert asyncio.run(run_browser_flow(flow(server), shown.append, paste=paste)) == Tokens(
            "access-2", "refresh-2"
        )


def test_a_code_of_another_authorization_server_is_not_sent_on() -> None:
    shown: list[str] = []

    async def paste(_: str) -> str:
        state = dict(parse_qsl(urlsplit(shown[0]).query))["state"]
        return f"http://127.0.0.1/callback?code=c&iss=https://evil.example&state={state}"

    with authority() as server:
        config = BrowserFlow(Client(server.token_url, "me"), f"{server.url}/authorize", issuer=server.url)
        with pytest.raises(OAuthError, match="another authorization server"):
            asyncio.run(run_browser_flow(config, shown.append, paste=paste))
        assert server.asked == []


def device(
    *answers: Answer, interval: object = None, expires_in: float = 60
) -> tuple[Tokens | Exception, list[float], Authority, list[DevicePrompt]]:
    naps, shown = Naps(), list[DevicePrompt]()
    with authority() as server:
        server.device |= {"expires_in": expires_in} | ({} if interval is None else {"interval": interval})
        start = {"verification_uri": f"{server.url}/activate", **server.device}
        server.next = [(200, start), *answers]
        config = DeviceFlow(Client(server.token_url, "me"), f"{server.url}/device", scopes=("x", "y"))
        try:
            result: Tokens | Exception = asyncio.run(run_device_flow(config, shown.append, sleep=naps))
        except Exception as error:
            result = error
    return result, naps.taken, server, shown


def test_a_login_on_another_device_waits_until_it_is_allowed() -> None:
    result, naps, server, shown = device(PENDING, PENDING, DONE, interval=2)
    assert result == Tokens("a")
    assert naps == [2, 2, 2]
    assert shown == [DevicePrompt("ABCD-EFGH", f"{server.url}/activate", None, 60)]
    assert [asked.fields for asked in server.asked[:2]] == [
        {"client_id": "me", "scope": "x y"},
        {
            "client_id": "me",
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": "device-1",
        },
    ]


@pytest.mark.parametrize(("interval", "naps"), [(None, [5]), ("3", [3]), (0, [1]), (-1, [1]), ("?", [5])])
def test_the_interval_is_the_servers_but_never_under_a_second(interval: object, naps: list[float]) -> None:
    assert device(DONE, interval=interval)[1] == naps


def test_slow_down_means_five_seconds_more_or_what_the_server_says() -> None:
    slower: Answer = (400, {"error": "slow_down"})
    named: Answer = (200, {"error": "slow_down", "interval": 12})
    assert device(slower, PENDING, slower, named, DONE)[1] == [5, 10, 10, 15, 12]


def test_a_network_that_fails_is_asked_again_more_slowly() -> None:
    result, naps, *_ = device(None, (503, b"busy"), (429, b""), PENDING, DONE, interval=1)
    assert result == Tokens("a")
    assert naps == [1, 2, 4, 8, 1]


def test_a_network_that_stays_down_is_what_the_login_failed_of() -> None:
    result, naps, *_ = device(None, None, None, interval=5, expires_in=20)
    assert isinstance(result, TransportError)
    assert naps == [5, 10, 5]


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([PENDING, (400, {"error": "access_denied"})], "access_denied"),
        ([(400, {"error": "expired_token"})], "expired_token"),
        ([PENDING] * 4, "expired_token"),
        ([(401, {"error": "invalid_client"})], "invalid_client"),
    ],
)
def test_a_login_that_is_over_is_not_asked_for_again(answers: list[Answer], code: str) -> None:
    result, naps, *_ = device(*answers, expires_in=20)
    assert isinstance(result, OAuthError)
    assert result.code == code
    assert len(naps) == len(answers)


def test_an_address_that_is_wrong_ends_the_wait() -> None:
    result, *_ = device((404, b"nothing"))
    assert isinstance(result, ProtocolError)


@pytest.mark.parametrize(
    "start",
    [
        {"user_code": "u", "verification_uri": "https://a.example"},
        {"device_code": "d", "verification_uri": "https://a.example"},
        {"device_code": "d", "user_code": "u"},
        {"device_code": "d", "user_code": "u", "verification_uri": "file:///bin/sh"},
        {
            "device_code": "d",
            "user_code": "u",
            "verification_uri": "https://a.example",
            "verification_uri_complete": "calc:",
        },
    ],
)
def test_a_start_that_nobody_could_follow_is_not_shown(start: dict[str, str]) -> None:
    def show(_: DevicePrompt) -> None:
        raise AssertionError("shown")

    with authority() as server:
        server.next = [(200, start)]
        with pytest.raises(ProtocolError):
            asyncio.run(
                run_device_flow(DeviceFlow(Client(server.token_url, "me"), f"{server.url}/device"), show)
            )


def test_any_question_can_be_polled() -> None:
    answers = iter([OAuthError("authorization_pending"), OAuthError("slow_down", interval_s=7), None])
    naps = Naps()

    async def ask() -> str:
        if fault := next(answers):
            raise fault
        return "code"

    assert asyncio.run(poll(ask, interval_s=2, sleep=naps)) == "code"
    assert naps.taken == [2, 2, 7]

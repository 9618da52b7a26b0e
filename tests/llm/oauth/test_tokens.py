"""Codes and refresh tokens become tokens, and no error ever shows one of them."""

import asyncio
from base64 import b64encode
from typing import Any

import pytest

from pi.llm.errors import ProtocolError, ProviderError, TransportError
from pi.llm.oauth import Client, OAuthError, Tokens, exchange_code, refresh, request_tokens
from pi.platform.clock import now_ms
from tests.llm.oauth.authority import Answer, authority

REDIRECT = "http://127.0.0.1:1/callback"
SECRETS = ("s3cret/code", "s3cret-verifier", "s3cret&client", "s3cret-refresh")


def answered(*answers: Answer) -> Tokens:
    with authority() as server:
        server.next = [*answers]
        return asyncio.run(
            request_tokens(Client(server.token_url, "me"), {"grant_type": "client_credentials"})
        )


def test_a_code_is_exchanged_as_a_form() -> None:
    with authority() as server:
        server.next = [
            (
                200,
                {"access_token": "a", "refresh_token": "r", "scope": "x y", "token_type": "Bearer", "id": 7},
            )
        ]
        client = Client(
            server.token_url, "me", headers={"X-Client": "1"}, fields={"resource": "https://m/?a"}
        )
        tokens = asyncio.run(
            exchange_code(client, "c+1", redirect_uri=REDIRECT, verifier="v", fields={"state": "s"})
        )
    assert tokens == Tokens("a", "r", None, ("x", "y"), {"id": 7})
    (asked,) = server.asked
    assert asked.fields == {
        "client_id": "me",
        "resource": "https://m/?a",
        "grant_type": "authorization_code",
        "code": "c+1",
        "redirect_uri": REDIRECT,
        "code_verifier": "v",
        "state": "s",
    }
    assert (asked.headers["content-type"], asked.headers["accept"], asked.headers["x-client"]) == (
        "application/x-www-form-urlencoded",
        "application/json",
        "1",
    )


def test_a_code_is_exchanged_as_json() -> None:
    with authority() as server:
        server.next = [(200, {"access_token": "a"})]
        client = Client(server.token_url, "me", "secret", body="json")
        asyncio.run(exchange_code(client, "c", redirect_uri=REDIRECT))
    assert server.asked[0].headers["content-type"] == "application/json"
    assert server.asked[0].fields == {
        "client_id": "me",
        "client_secret": "secret",
        "grant_type": "authorization_code",
        "code": "c",
        "redirect_uri": REDIRECT,
    }


def test_a_secret_in_the_header_stands_nowhere_else() -> None:
    with authority() as server:
        client = Client(server.token_url, "me:too", "s&t", secret_in="header")
        asyncio.run(request_tokens(client, {"grant_type": "client_credentials"}))
    assert server.asked[0].fields == {"grant_type": "client_credentials"}
    assert server.asked[0].headers["authorization"] == f"Basic {b64encode(b'me%3Atoo:s%26t').decode()}"


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [(3600, 3600), ("3600", 3600), (0.5, 0.5), ("soon", None), (None, None), (True, None), ("inf", None)],
)
def test_the_expiry_is_counted_from_before_the_request(expires_in: Any, seconds: float | None) -> None:
    before = now_ms()
    tokens = answered((200, {"access_token": "a", "expires_in": expires_in}))
    if seconds is None:
        assert tokens == Tokens("a")
    else:
        assert tokens.expires_at_ms is not None
        assert before <= tokens.expires_at_ms - seconds * 1000 <= now_ms()


def test_a_refresh_is_due_minutes_early_and_never_without_an_expiry() -> None:
    assert Tokens("a", "r", now_ms() + 200_000).is_due()
    assert not Tokens("a", "r", now_ms() + 400_000).is_due()
    assert not Tokens("a", "r", now_ms() + 200_000).is_due(early_ms=0)
    assert not Tokens("a", "r").is_due()


def test_what_a_refresh_leaves_out_stays() -> None:
    old = Tokens("a", "r", 1, ("x",), {"account": 1, "plan": "old"})
    with authority() as server:
        server.next = [(200, {"access_token": "b", "plan": "new"})]
        new = asyncio.run(refresh(Client(server.token_url, "me"), old, scopes=("x",)))
    assert new == Tokens("b", "r", None, ("x",), {"account": 1, "plan": "new"})
    assert server.asked[0].fields == {
        "client_id": "me",
        "grant_type": "refresh_token",
        "refresh_token": "r",
        "scope": "x",
    }


def test_a_rotated_refresh_token_takes_the_place_of_the_old_one() -> None:
    with authority() as server:
        client = Client(server.token_url, "me")

        async def twice() -> Tokens:
            return await refresh(client, await refresh(client, Tokens("a", "refresh-0")))

        assert asyncio.run(twice()).refresh == "refresh-2"


def test_a_login_without_a_refresh_token_asks_for_a_new_one() -> None:
    with pytest.raises(OAuthError, match=r"Log in again\.$") as caught:
        asyncio.run(refresh(Client("http://127.0.0.1:1/", "me"), Tokens("a")))
    assert caught.value.needs_login


REFUSALS: list[tuple[Answer, str]] = [
    ((400, {"error": "invalid_grant"}), "The login failed: invalid_grant. Log in again."),
    (
        (401, {"error": "invalid_client", "error_description": "Unknown\nclient."}),
        "Unknown client (invalid_client). Check the client id and the client secret.",
    ),
    ((200, {"error": "odd", "error_description": 7}), "The login failed: odd."),
    (
        (400, {"error": {"type": "invalid_request", "code": None, "message": "No body"}}),
        "No body (invalid_request).",
    ),
]


@pytest.mark.parametrize(("answer", "text"), REFUSALS)
def test_a_refusal_says_what_to_do(answer: Answer, text: str) -> None:
    with pytest.raises(OAuthError) as caught:
        answered(answer)
    assert str(caught.value) == text
    assert answer and caught.value.status == answer[0]


def test_no_error_shows_a_secret() -> None:
    told = " ".join([*SECRETS, "s3cret%2Fcode", "s3cret%26client"])
    answers: list[Answer] = [
        (400, {"error": "invalid_grant", "error_description": told}),
        (400, {"error": told, "error_description": "x" * 290 + told}),
        (500, told.encode()),
        (400, {"message": told}),
        (200, {"token": told}),
        (200, told.encode()),
        (302, told.encode()),
        (200, b'{"access_token":"s3cret'),
        None,
    ]
    with authority() as server:
        client = Client(f"{server.token_url}?x=1", "me", SECRETS[2])
        for answer in answers:
            server.next = [answer]
            with pytest.raises(ProviderError) as exchanged:
                asyncio.run(exchange_code(client, SECRETS[0], redirect_uri=REDIRECT, verifier=SECRETS[1]))
            server.next = [answer]
            with pytest.raises(ProviderError) as refreshed:
                asyncio.run(refresh(client, Tokens("s3cret-access", SECRETS[3])))
            assert not any(secret in str(exchanged.value) for secret in SECRETS[:3])
            assert SECRETS[3] not in str(refreshed.value)
    assert "s3cret" not in f"{client!r} {Tokens('s3cret', 's3cret', extra={'id': 's3cret'})!r}"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ((503, b"<html>busy"), r"/token answered with status 503\. Try again later\."),
        ((404, b"nothing"), r"/token answered with status 404 .* Check that this is the right address\."),
        ((200, b"[]"), r"/token answered with status 200 and no OAuth answer\."),
        ((200, {"access_token": ""}), r"has no access_token\. Check that this is the token endpoint\."),
        ((200, b'{"access_token": "\\ud800"}'), "no OAuth answer"),
    ],
)
def test_an_answer_that_is_none_of_oauth_says_where_it_came_from(answer: Answer, text: str) -> None:
    with pytest.raises(ProtocolError, match=text) as caught:
        answered(answer)
    assert answer and caught.value.status == answer[0]


def test_a_connection_that_breaks_is_a_fault_of_the_network() -> None:
    with pytest.raises(TransportError):
        answered(None)

"""The login page's address and the redirect's: escaped, unguessable, and read however people paste them."""

import hashlib
from base64 import urlsafe_b64decode
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi.llm.oauth import (
    Code,
    OAuthError,
    PasteError,
    authorization_url,
    make_pkce,
    new_state,
    parse_redirect,
)
from pi.platform.errors import ConfigError


def test_the_challenge_is_the_hash_of_the_verifier() -> None:
    pkce = make_pkce()
    assert urlsafe_b64decode(pkce.challenge + "=") == hashlib.sha256(pkce.verifier.encode()).digest()
    assert 43 <= len(pkce.verifier) <= 128
    assert pkce.verifier not in repr(pkce)


def test_every_login_has_its_own_secrets() -> None:
    assert len({new_state() for _ in range(100)} | {make_pkce().verifier for _ in range(100)}) == 200


def test_the_page_keeps_its_query_and_gets_ours_escaped() -> None:
    url = authorization_url(
        "https://a.example/authorize?tenant=a%20b&state=old#top",
        client_id="me & you",
        redirect_uri="http://127.0.0.1:1/callback",
        state="s",
        challenge="c",
        scopes=("read", "write:all"),
        fields={"resource": "https://b.example/mcp?x=1"},
    )
    assert url.startswith("https://a.example/authorize?tenant=a%20b&response_type=code&")
    assert parse_qsl(urlsplit(url).query) == [
        ("tenant", "a b"),
        ("response_type", "code"),
        ("client_id", "me & you"),
        ("redirect_uri", "http://127.0.0.1:1/callback"),
        ("scope", "read write:all"),
        ("state", "s"),
        ("code_challenge", "c"),
        ("code_challenge_method", "S256"),
        ("resource", "https://b.example/mcp?x=1"),
    ]


def test_a_login_without_scopes_or_pkce_does_not_mention_them() -> None:
    url = authorization_url("http://a.example/", client_id="c", redirect_uri="r", state="s")
    assert url == "http://a.example/?response_type=code&client_id=c&redirect_uri=r&state=s"


@pytest.mark.parametrize("endpoint", ["file:///bin/sh", "javascript:alert(1)", "/authorize", ""])
def test_no_browser_is_sent_anywhere_but_to_a_web_page(endpoint: str) -> None:
    with pytest.raises(ConfigError, match="login page"):
        authorization_url(endpoint, client_id="c", redirect_uri="r", state="s")


PASTED = {
    "http://localhost:1/callback?code=c%2B1&state=s": Code("c+1", "s"),
    "  'http://localhost:1/callback?state=s&code=c&iss=https%3A%2F%2Fa.example'\n": Code(
        "c", "s", "https://a.example"
    ),
    "http://localhost:1/call\r\n  back?co\nde=c&state=s": Code("c", "s"),
    "https://a.example/done#code=c&state=s": Code("c", "s"),
    "http://localhost:1/callback?code=c&state=s#_=_": Code("c", "s"),
    "?code=c&state=s": Code("c", "s"),
    "state=s&code=c": Code("c", "s"),
    "c#s": Code("c", "s"),
    " c \n": Code("c"),
    "4/0AbC-d_e": Code("4/0AbC-d_e"),
}


@pytest.mark.parametrize("text", PASTED)
def test_a_code_is_found_in_what_people_paste(text: str) -> None:
    assert parse_redirect(text) == PASTED[text]


@given(code=st.text(min_size=1), state=st.text(min_size=1))
def test_any_code_comes_back_out_of_a_redirect(code: str, state: str) -> None:
    query = urlencode({"code": code.encode("utf-8", "replace"), "state": state.encode("utf-8", "replace")})
    plain = Code(code.encode("utf-8", "replace").decode(), state.encode("utf-8", "replace").decode())
    assert parse_redirect(f"http://127.0.0.1:1/callback?{query}") == plain


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "That was empty."),
        (' "" ', "That was empty."),
        ("http://localhost:1/callback", "There is no code in that address."),
        ("http://localhost:1/callback?code=&state=s", "There is no code in that address."),
        (
            "https://a.example/authorize?code=true&client_id=c&response_type=code",
            "That is the address to log in at, not the one after it.",
        ),
        ("I am logged in", "That is neither a code nor an address."),
    ],
)
def test_a_wrong_paste_is_told_what_to_paste(text: str, fault: str) -> None:
    with pytest.raises(PasteError) as caught:
        parse_redirect(text)
    assert str(caught.value).startswith(f"{fault} Paste the whole address that the browser ended on")


def test_a_pasted_refusal_is_a_refusal() -> None:
    with pytest.raises(OAuthError) as caught:
        parse_redirect(
            "http://localhost:1/callback?error=access_denied&error_description=No%0Athanks&state=s"
        )
    assert caught.value.code == "access_denied"
    assert str(caught.value) == "No thanks (access_denied). Start the login again and allow the access."


def test_a_code_does_not_show_when_it_is_printed() -> None:
    assert "secret" not in f"{Code('secret', 'secret')!r}"

"""Each login from its page to what a request gets, against a server that does as the provider does."""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from pi.llm.auth import Credentials
from pi.llm.errors import ProtocolError
from pi.llm.logins import (
    Login,
    github_copilot,
    kimi_coding,
    meta,
    openai,
    openai_codex,
    openrouter,
    radius,
    xai,
)
from pi.llm.logins.doing import log_in
from pi.llm.oauth import OAuthError, Tokens, read_tokens
from pi.platform.clock import now_ms
from pi.platform.errors import PiError
from tests.llm.logins.person import Person, nap
from tests.llm.oauth.authority import Authority, authority

PENDING = (400, {"error": "authorization_pending"})
NEVER = 2**53 - 1


@pytest.fixture
def server() -> Iterator[Authority]:
    with authority() as server:
        yield server


def logged_in(
    folder: Path, provider: str, login: Login, person: Person, method: Any = None
) -> dict[str, Any]:
    """What is in auth.json after a login."""
    asyncio.run(log_in(folder, provider, person, method, login=login))
    return json.loads((folder / "auth.json").read_text())[provider]


def without_time(entry: dict[str, Any], seconds: float = 3600) -> dict[str, Any]:
    """The entry, whose end must be that many seconds from now."""
    left = entry["expires"] - now_ms()
    assert (seconds - 60) * 1000 < left <= seconds * 1000
    return {name: value for name, value in entry.items() if name != "expires"}


def given(login: Login, folder: Path, provider: str) -> Credentials:
    tokens = read_tokens(folder / "auth.json", provider)
    assert tokens
    return login.credentials(tokens)


def renewed(login: Login, tokens: Tokens) -> Tokens:
    async def renew() -> Tokens:
        return await login.refresh(tokens)

    return asyncio.run(renew())


def opened(person: Person) -> dict[str, str]:
    """What the login page was asked."""
    ((url, _),) = person.shown
    return dict(parse_qsl(urlsplit(url).query))


def jwt(claims: Any) -> str:
    return f"e30.{urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.sig"


ACCOUNT = {"https://api.openai.com/auth": {"chatgpt_account_id": "acc-1"}}


def codex(server: Authority) -> Login:
    server.access = lambda number: jwt({**ACCOUNT, "n": number})
    server.pages["/oauth/token"] = []
    return openai_codex.login({}, openai_codex.Addresses(server.url, port=0), sleep=nap)


CODEX_HEADERS = {"originator": "pi", "chatgpt-account-id": "acc-1"}


def test_chatgpt_for_codex_in_a_browser(server: Authority, tmp_path: Path) -> None:
    server.more = {"expires_in": 3600, "id_token": "secret"}
    person, login = Person(), codex(server)
    entry = without_time(logged_in(tmp_path, "openai-codex", login, person))
    access = jwt({**ACCOUNT, "n": 2})
    assert entry == {"type": "oauth", "access": access, "refresh": "refresh-2", "accountId": "acc-1"}
    asked = opened(person)
    assert (asked["client_id"], asked["originator"]) == (openai_codex.CLIENT_ID, "pi")
    assert asked["scope"] == "openid profile email offline_access"
    assert asked["redirect_uri"].startswith("http://localhost:")
    assert asked["redirect_uri"].endswith("/auth/callback")
    assert "Codex" in person.told[0]
    assert given(login, tmp_path, "openai-codex") == Credentials(access, CODEX_HEADERS)


def test_chatgpt_for_codex_on_another_device(server: Authority, tmp_path: Path) -> None:
    person, login = Person(), codex(server)
    server.pages["/api/accounts/deviceauth/usercode"] = [
        (200, {"device_auth_id": "auth-1", "user_code": "WXYZ", "interval": "1"})
    ]
    server.pages["/api/accounts/deviceauth/token"] = [
        (403, b""),
        (404, {"error": {"code": "nothing", "message": "yet"}}),
        (400, {"error": {"code": "deviceauth_authorization_pending"}}),
        (429, {"error": "slow_down"}),
        (200, {"authorization_code": "code-d", "code_verifier": "v"}),
    ]
    server.allow("code-d", verifier="v", redirect_uri=f"{server.url}/deviceauth/callback")
    entry = without_time(logged_in(tmp_path, "openai-codex", login, person, "device"))
    assert entry["accountId"] == "acc-1"
    assert person.shown == [(f"{server.url}/codex/device", "WXYZ")]


def test_chatgpt_for_codex_wants_an_account_and_keeps_it(server: Authority, tmp_path: Path) -> None:
    login = codex(server)
    new = renewed(login, Tokens("old", "refresh-0", 1, extra={"accountId": "old", "theirs": 1}))
    assert (new.refresh, new.extra) == ("refresh-1", {"accountId": "acc-1", "theirs": 1})
    server.access = lambda _: jwt({})
    with pytest.raises(ProtocolError, match="names no account"):
        logged_in(tmp_path, "openai-codex", login, Person())
    assert not (tmp_path / "auth.json").exists()


def test_chatgpt_registers_pi_as_what_it_is(server: Authority, tmp_path: Path) -> None:
    server.more = {"expires_in": 3600, "id_token": "secret", "scope": f"openid {openai.DIRECT}"}
    login = openai.login({}, openai.Addresses(f"{server.url}/authorize", server.token_url, port=0))
    person = Person()
    entry = without_time(logged_in(tmp_path, "openai", login, person))
    assert entry == {
        "type": "oauth",
        "access": "access-2",
        "refresh": "refresh-2",
        "clientId": "issued-to-pi",
        "scopes": ["openid", openai.DIRECT],
    }
    asked = opened(person)
    assert (asked["client_id"], asked["agent_name_hint"]) == ("dynamic_agent_client", "Pi")
    assert asked["resource"] == "https://api.openai.com/v1"
    assert asked["ext_agent_host_id"].startswith("urn:uuid:")
    assert given(login, tmp_path, "openai") == Credentials("access-2")

    stored = read_tokens(tmp_path / "auth.json", "openai")
    assert stored and renewed(login, stored).extra == {"clientId": "issued-to-pi"}
    assert {asked.fields["client_id"] for asked in server.asked} == {"issued-to-pi"}
    assert {asked.fields["resource"] for asked in server.asked} == {"https://api.openai.com/v1"}
    with pytest.raises(OAuthError) as caught:
        renewed(login, Tokens("a", "r"))
    assert caught.value.needs_login


def test_chatgpt_without_the_right_to_use_models_is_not_stored(server: Authority, tmp_path: Path) -> None:
    server.more = {"expires_in": 3600, "scope": "openid"}
    login = openai.login({}, openai.Addresses(f"{server.url}/authorize", server.token_url, port=0))
    with pytest.raises(ProtocolError, match="ChatGPT plan"):
        logged_in(tmp_path, "openai", login, Person())
    with pytest.raises(OAuthError, match="paste the whole address"):
        logged_in(tmp_path, "openai", login, Person(pastes=("bare-code",), browser=False))
    assert not (tmp_path / "auth.json").exists()


@pytest.mark.parametrize("pastes", [(), ("code-p",)])
def test_openrouter_gives_a_key_that_lasts(
    server: Authority, tmp_path: Path, pastes: tuple[str, ...]
) -> None:
    server.pages["/keys"] = [(200, {"key": "sk-or-1"})]
    login = openrouter.login({}, openrouter.Addresses(f"{server.url}/auth", f"{server.url}/keys"))
    person = Person(pastes=pastes, browser=not pastes)
    assert logged_in(tmp_path, "openrouter", login, person) == {
        "type": "oauth",
        "access": "sk-or-1",
        "refresh": "",
        "expires": NEVER,
    }
    (asked,) = server.asked
    assert asked.fields["code"] == ("code-p" if pastes else "code-1")
    assert sorted(asked.fields) == ["code", "code_challenge_method", "code_verifier"]
    assert opened(person)["callback_url"].startswith("http://127.0.0.1:")
    assert given(login, tmp_path, "openrouter") == Credentials("sk-or-1")


def test_xai_on_another_device(server: Authority, tmp_path: Path) -> None:
    server.more = {"id_token": "secret"}
    server.device["verification_uri_complete"] = f"{server.url}/activate?code=1"
    login = xai.login({}, xai.Addresses(f"{server.url}/device", server.token_url), sleep=nap)
    person = Person()
    entry = without_time(logged_in(tmp_path, "xai", login, person))
    assert entry == {"type": "oauth", "access": "access-1", "refresh": "refresh-1"}
    assert person.shown == [(f"{server.url}/activate?code=1", "ABCD-EFGH")]
    assert server.asked[0].fields["referrer"] == "pi"
    assert given(login, tmp_path, "xai") == Credentials("access-1")
    server.next = [(200, {"access_token": "b", "expires_in": 60})]
    assert renewed(login, Tokens("a", "r", 1)).refresh == "r"


def test_xai_that_is_refused_or_forgotten_stores_nothing(server: Authority, tmp_path: Path) -> None:
    login = xai.login({}, xai.Addresses(f"{server.url}/device", server.token_url), sleep=nap)
    for code in ("authorization_denied", "access_denied", "expired_token"):
        server.pages["/token"] = [PENDING, (400, {"error": code})]
        with pytest.raises(OAuthError, match=r"tart the login again") as caught:
            logged_in(tmp_path, "xai", login, Person())
        assert caught.value.code == code
    assert not (tmp_path / "auth.json").exists()


def test_kimi_on_another_device(server: Authority, tmp_path: Path) -> None:
    server.pages["/api/oauth/device_authorization"] = [
        (200, {"verification_uri": f"{server.url}/activate", **server.device})
    ]
    login = kimi_coding.login({"KIMI_CODE_OAUTH_HOST": f"{server.url}/"}, sleep=nap)
    entry = without_time(logged_in(tmp_path, "kimi-coding", login, Person()))
    assert entry == {"type": "oauth", "access": "access-1", "refresh": "refresh-1"}
    assert given(login, tmp_path, "kimi-coding") == Credentials(None, {"Authorization": "Bearer access-1"})
    assert server.asked[1].path == "/api/oauth/token"
    for status in (401, 403):
        server.next = [(status, {"message": "no"})]
        with pytest.raises(OAuthError, match="Log in again") as caught:
            renewed(login, Tokens("a", "r", 1))
        assert caught.value.needs_login
    server.next = [(503, b"")]
    with pytest.raises(ProtocolError):
        renewed(login, Tokens("a", "r", 1))


def test_meta_mints_a_key_for_a_day(server: Authority, tmp_path: Path) -> None:
    server.pages["/key"] = [(200, {"api_key": "key-1"}), (200, {"api_key": "key-2"})]
    login = meta.login(
        {}, meta.Addresses(f"{server.url}/device", server.token_url, f"{server.url}/key"), sleep=nap
    )
    entry = without_time(logged_in(tmp_path, "meta", login, Person()), 24 * 3600)
    assert entry == {"type": "oauth", "access": "key-1", "refresh": "access-1"}
    assert given(login, tmp_path, "meta") == Credentials("key-1")
    minted = server.asked[-1]
    assert (minted.headers["authorization"], minted.fields) == ("Bearer access-1", {})
    again = renewed(login, Tokens("key-1", "access-1", 1, extra={"theirs": 1}))
    assert (again.access, again.refresh, again.extra) == ("key-2", "access-1", {"theirs": 1})

    server.pages["/key"] = [(401, {"detail": "expired"})]
    with pytest.raises(OAuthError) as caught:
        renewed(login, again)
    assert caught.value.needs_login
    server.pages["/key"] = [(200, {"action_url": "https://meta.example/setup"})]
    with pytest.raises(ProtocolError, match=r"https://meta\.example/setup"):
        renewed(login, again)


def radius_at(server: Authority) -> Login:
    server.pages["/v1/oauth"] = [
        (200, {"authorizationEndpoint": f"{server.url}/authorize", "issuer": server.url})
    ]
    return radius.login({}, radius.Addresses(f"{server.url}/v1", port=0), sleep=nap)


def test_radius_in_a_browser(server: Authority, tmp_path: Path) -> None:
    login, person = radius_at(server), Person()
    entry = without_time(logged_in(tmp_path, "radius", login, person))
    assert entry == {"type": "oauth", "access": "access-2", "refresh": "refresh-2"}
    asked = opened(person)
    assert (asked["client_id"], asked["handoff"], asked["scope"]) == (
        "pi-gateway",
        "url",
        "gateway offline_access",
    )
    assert server.asked[-1].path == "/v1/oauth/token"


def test_radius_on_another_device_and_at_another_gateway(server: Authority, tmp_path: Path) -> None:
    server.pages["/v1/oauth/device"] = [
        (200, {"verification_uri": f"{server.url}/activate", **server.device})
    ]
    login = radius.login({"PI_RADIUS_GATEWAY": server.url}, sleep=nap)
    entry = without_time(logged_in(tmp_path, "radius", login, Person(), "device"))
    assert entry == {"type": "oauth", "access": "access-1", "refresh": "refresh-1"}
    assert given(login, tmp_path, "radius") == Credentials("access-1", base_url=f"{server.url}/v1")


def test_a_redirect_of_another_gateway_is_not_followed(server: Authority, tmp_path: Path) -> None:
    person = Person(browser=False)

    async def paste(_: str) -> str:
        return f"http://127.0.0.1/?code=c&iss=https://evil.example&state={opened(person)['state']}"

    person.paste = paste  # type: ignore[method-assign]
    with pytest.raises(OAuthError, match="another authorization server"):
        logged_in(tmp_path, "radius", radius_at(server), person)


COPILOT = "tid=1;exp=2;proxy-ep=proxy.business.githubcopilot.com;8kp=1"


def copilot_at(server: Authority, env: dict[str, str]) -> Login:
    at = github_copilot.Addresses(f"{server.url}/device", server.token_url, f"{server.url}/copilot")
    return github_copilot.login(env, at, sleep=nap)


OWN_APP = {"PI_OAUTH_CLIENT_ID_GITHUB_COPILOT": "my-app"}


def test_copilot_takes_a_token_of_ones_own(server: Authority, tmp_path: Path) -> None:
    person = Person(" github_pat_1 ")
    entry = logged_in(tmp_path, "github-copilot", copilot_at(server, {}), person)
    assert entry == {"type": "api_key", "key": "github_pat_1"}
    assert person.asked == [("GitHub token for Copilot", True)]
    assert "PI_OAUTH_CLIENT_ID_GITHUB_COPILOT" in person.told[0]
    assert server.asked == []
    with pytest.raises(OAuthError, match=r"cancelled.*Nothing was stored"):
        logged_in(tmp_path, "github-copilot", copilot_at(server, {}), Person(None))


def test_copilot_with_an_app_of_ones_own(server: Authority, tmp_path: Path) -> None:
    expires = now_ms() // 1000 + 1500
    server.pages["/copilot"] = [(200, {"token": COPILOT, "expires_at": expires})]
    login = copilot_at(server, OWN_APP)
    entry = logged_in(tmp_path, "github-copilot", login, Person("https://Corp.ghe.com/"))
    assert entry == {
        "type": "oauth",
        "access": COPILOT,
        "refresh": "access-1",
        "expires": expires * 1000,
        "enterpriseUrl": "corp.ghe.com",
    }
    assert server.asked[0].fields == {"client_id": "my-app", "scope": "read:user"}
    assert server.asked[-1].headers["authorization"] == "Bearer access-1"
    assert given(login, tmp_path, "github-copilot").base_url == "https://api.business.githubcopilot.com"
    with pytest.raises(PiError, match="is no domain"):
        logged_in(tmp_path, "github-copilot", login, Person("not a domain"))


@pytest.mark.parametrize(
    ("tokens", "base_url"),
    [
        (Tokens("tid=1"), None),
        (Tokens("tid=1", extra={"enterpriseUrl": "corp.ghe.com"}), "https://copilot-api.corp.ghe.com"),
        (Tokens("x;proxy-ep=evil/?;y"), None),
    ],
)
def test_copilots_host_is_the_accounts(tokens: Tokens, base_url: str | None) -> None:
    assert github_copilot.login({}).credentials(tokens).base_url == base_url


def test_a_copilot_login_of_the_original_is_refreshed_as_pi(server: Authority) -> None:
    login, old = copilot_at(server, {}), Tokens("a", "gho", 1, extra={"availableModelIds": ["m"]})
    server.pages["/copilot"] = [(200, {"token": COPILOT, "expires_at": 10})]
    assert renewed(login, old) == Tokens(COPILOT, "gho", 10_000, extra={"availableModelIds": ["m"]})
    server.pages["/copilot"] = [(401, {"message": "Bad credentials"})]
    with pytest.raises(OAuthError) as caught:
        renewed(login, old)
    assert caught.value.needs_login
    server.pages["/copilot"] = [(403, {"message": "no"})]
    with pytest.raises(ProtocolError, match="COPILOT_GITHUB_TOKEN"):
        renewed(login, old)


def test_no_request_of_a_login_passes_for_another_program(server: Authority, tmp_path: Path) -> None:
    server.pages |= {
        "/copilot": [(200, {"token": COPILOT, "expires_at": 10})],
        "/key": [(200, {"api_key": "key-1"})],
        "/keys": [(200, {"key": "sk-or-1"})],
        "/api/oauth/device_authorization": [
            (200, {"verification_uri": f"{server.url}/activate", **server.device})
        ],
    }
    at = (f"{server.url}/device", server.token_url)
    logged_in(tmp_path, "c", copilot_at(server, OWN_APP), Person(""))
    logged_in(tmp_path, "m", meta.login({}, meta.Addresses(*at, f"{server.url}/key"), sleep=nap), Person())
    logged_in(tmp_path, "x", xai.login({}, xai.Addresses(*at), sleep=nap), Person())
    logged_in(tmp_path, "k", kimi_coding.login({"KIMI_OAUTH_HOST": server.url}, sleep=nap), Person())
    logged_in(tmp_path, "r", radius_at(server), Person())
    logged_in(
        tmp_path,
        "o",
        openrouter.login({}, openrouter.Addresses(f"{server.url}/auth", f"{server.url}/keys")),
        Person(),
    )
    logged_in(tmp_path, "oc", codex(server), Person())
    assert len(server.asked) > 10
    ours = {"host", "user-agent", "accept", "accept-encoding", "content-type", "content-length"}
    for asked in server.asked:
        assert set(asked.headers) <= ours | {"authorization", "x-api-version"}
        assert asked.headers["user-agent"].startswith("pi")


def test_the_client_is_whose_the_environment_says(server: Authority, tmp_path: Path) -> None:
    env = {"PI_OAUTH_CLIENT_ID_XAI": "my-app"}
    person = Person()
    logged_in(
        tmp_path,
        "xai",
        xai.login(env, xai.Addresses(f"{server.url}/device", server.token_url), sleep=nap),
        person,
    )
    assert {asked.fields["client_id"] for asked in server.asked} == {"my-app"}
    assert person.told == []

"""Google Cloud's credentials: files of service accounts and of people, and the tokens that they get."""

import asyncio
import base64
import json
import sys
from functools import cache
from urllib.parse import parse_qs

import pytest

from pi.llm.auth.google_cloud import google_cloud_headers
from pi.llm.errors import ProviderError, TransportError
from pi.platform.errors import ConfigError
from tests.llm.protocols.cloud import answered, header, host

pytest.importorskip("google.auth")

TOKEN = {"access_token": "tok", "expires_in": 3_600, "token_type": "Bearer"}


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_QUOTA_PROJECT", "CLOUDSDK_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


@cache
def private_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def service_account(url):
    """The key file of a service account whose tokens come from this address."""
    return {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k1",
        "private_key": private_key(),
        "client_email": "pi@p.iam.gserviceaccount.com",
        "token_uri": f"{url}/token",
    }


def claims(body: bytes) -> dict[str, str]:
    """What a service account signs to get a token."""
    [assertion] = parse_qs(body.decode())["assertion"]
    middle = assertion.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))


def test_a_service_account_signs_for_a_token_that_is_kept(tmp_path):
    async def ask():
        async with host(lambda head, body: answered(TOKEN)) as (url, seen):
            path = tmp_path / "key.json"
            path.write_text(json.dumps(service_account(url)))
            env = {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}
            return await google_cloud_headers(env), await google_cloud_headers(env), seen

    first, second, [(head, body)] = asyncio.run(ask())
    assert first == second == {"authorization": "Bearer tok"}
    assert head.startswith("POST /token ")
    signed = claims(body)
    assert signed["iss"] == "pi@p.iam.gserviceaccount.com"
    assert signed["scope"] == "https://www.googleapis.com/auth/cloud-platform"


def test_a_token_that_is_about_to_expire_is_renewed(tmp_path):
    async def ask():
        async with host(lambda head, body: answered(TOKEN | {"expires_in": 60})) as (url, seen):
            path = tmp_path / "key.json"
            path.write_text(json.dumps(service_account(url)))
            env = {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}
            for _ in range(2):
                await google_cloud_headers(env)
            return len(seen)

    assert asyncio.run(ask()) == 2


@pytest.mark.parametrize("place", ["usual", "configured", "named"])
def test_what_gcloud_left_after_a_login_is_found(home, place, monkeypatch):
    from google.oauth2 import credentials

    folder = home / (".config/gcloud" if place == "usual" else "own")
    if place == "usual" and sys.platform == "win32":
        folder = home / "gcloud"
    folder.mkdir(parents=True)
    path = folder / "application_default_credentials.json"
    envs = {
        "usual": {"APPDATA": str(home)},
        "configured": {"CLOUDSDK_CONFIG": str(folder)},
        "named": {"GOOGLE_APPLICATION_CREDENTIALS": f"~/own/{path.name}"},
    }
    told = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    path.write_text(json.dumps(told | {"quota_project_id": "payer"}))

    async def ask():
        async with host(lambda head, body: answered(TOKEN)) as (url, seen):
            # people's tokens come from Google alone: the library takes no address from the file
            monkeypatch.setattr(credentials, "_GOOGLE_OAUTH2_TOKEN_ENDPOINT", f"{url}/token")
            return await google_cloud_headers(envs[place]), seen

    headers, [(head, body)] = asyncio.run(ask())
    assert headers == {"authorization": "Bearer tok", "x-goog-user-project": "payer"}
    assert header(head, "content-type") == "application/x-www-form-urlencoded"
    assert parse_qs(body.decode())["refresh_token"] == ["r"]


def test_a_refused_login_says_how_to_log_in_again(tmp_path):
    refused = {"error": "invalid_grant", "error_description": "Token has been revoked."}

    async def ask():
        async with host(lambda head, body: answered(refused, 400)) as (url, _):
            path = tmp_path / "key.json"
            path.write_text(json.dumps(service_account(url)))
            await google_cloud_headers({"GOOGLE_APPLICATION_CREDENTIALS": str(path)})

    with pytest.raises(ProviderError) as caught:
        asyncio.run(ask())
    assert str(caught.value).startswith("No token from Google Cloud: invalid_grant: Token has been revoked.")
    assert "gcloud auth application-default login" in str(caught.value)
    assert "PRIVATE KEY" not in str(caught.value)


def test_a_token_server_that_is_away_is_a_fault_of_the_network(tmp_path):
    path = tmp_path / "key.json"
    path.write_text(json.dumps(service_account("http://127.0.0.1:1")))
    with pytest.raises(TransportError, match=r"^Connection error\. No token from Google Cloud: "):
        asyncio.run(google_cloud_headers({"GOOGLE_APPLICATION_CREDENTIALS": str(path)}))


@pytest.mark.parametrize(
    ("text", "says"), [("{", "is not a valid json file"), ("{}", "does not have a valid type")]
)
def test_a_file_that_holds_no_credentials_is_named(tmp_path, text, says):
    path = tmp_path / "key.json"
    path.write_text(text)
    with pytest.raises(ProviderError, match=says) as caught:
        asyncio.run(google_cloud_headers({"GOOGLE_APPLICATION_CREDENTIALS": str(path)}))
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ProviderError, match=r"names .*gone\.json, which is no file: correct it\.$"):
        asyncio.run(google_cloud_headers({"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "gone.json")}))


def test_without_google_auth_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.auth.exceptions", None)
    with pytest.raises(
        ConfigError, match=r"run `pip install 'pi-harness\[vertex\]'`, or set GOOGLE_CLOUD_API_KEY"
    ):
        asyncio.run(google_cloud_headers({}))

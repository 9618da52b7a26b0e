"""Amazon's credentials: every place where they may lie, and signatures that Amazon would accept."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from pi.llm.auth.aws import bedrock_endpoint, bedrock_region, signed
from pi.llm.errors import ProviderError
from tests.llm.protocols.cloud import answered, header, host, signature_of

pytest.importorskip("botocore")

KEYS = {"AWS_ACCESS_KEY_ID": "AKENV", "AWS_SECRET_ACCESS_KEY": "secret"}
URL = "https://bedrock-runtime.us-west-2.amazonaws.com/model/us.a.b-v1%3A0/converse-stream"
STS = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AKROLE</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>role-token</SessionToken>
<Expiration>{until}</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>r:s</AssumedRoleId>
<Arn>arn:aws:sts::1:assumed-role/r/s</Arn></AssumedRoleUser></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""


@pytest.fixture(autouse=True)
def nobody_is_logged_in(monkeypatch, tmp_path):
    """No variable and no file of AWS, and no machine role that could be asked for."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def sign(env, *, url=URL, headers=None, body=b"{}", region="us-west-2"):
    return asyncio.run(signed(url, headers or {"content-type": "a/b"}, body, region=region, env=env))


def signer(env):
    """Access key and session token of the credentials that were found."""
    headers = sign(env)
    return headers["authorization"].partition("Credential=")[2].partition("/")[0], headers.get(
        "x-amz-security-token"
    )


def files(tmp_path, config="", credentials=""):
    folder = tmp_path / ".aws"
    folder.mkdir(exist_ok=True)
    (folder / "config").write_text(config)
    (folder / "credentials").write_text(credentials)


def test_the_signature_covers_address_headers_and_body():
    headers = sign(
        KEYS, headers={"content-type": "a/b", "x-own": "two  words", "user-agent": "pi"}, body=b"[1]"
    )
    sent, computed = signature_of(URL, headers, b"[1]", "secret")
    assert sent == computed
    assert "/us-west-2/bedrock/aws4_request" in headers["authorization"]
    assert "SignedHeaders=content-type;host;x-amz-date;x-own," in headers["authorization"]
    assert signature_of(URL, headers, b"[2]", "secret")[1] != sent
    assert signature_of(URL, headers | {"x-own": "3"}, b"[1]", "secret")[1] != sent
    assert signature_of(f"{URL}/", headers, b"[1]", "secret")[1] != sent


def test_headers_of_the_signature_cannot_be_given():
    given = {"Authorization": "Bearer x", "X-Amz-Date": "never", "Host": "elsewhere", "x-own": "1"}
    headers = sign(KEYS, headers=given)
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 ")
    assert headers.keys() == {"authorization", "x-amz-date", "x-own"}


def test_keys_of_the_environment_come_with_their_session_token():
    assert signer(KEYS) == ("AKENV", None)
    assert signer(KEYS | {"AWS_SESSION_TOKEN": "tok"}) == ("AKENV", "tok")


def test_a_profile_is_read_from_the_files_of_aws(tmp_path):
    files(
        tmp_path,
        "[profile work]\nregion = eu-west-3\n",
        "[default]\naws_access_key_id = AKDEF\naws_secret_access_key = s\n"
        "[work]\naws_access_key_id = AKWORK\naws_secret_access_key = s\naws_session_token = t\n",
    )
    assert signer({}) == ("AKDEF", None)
    assert signer({"AWS_PROFILE": "work"}) == ("AKWORK", "t")


def test_files_may_be_elsewhere(tmp_path):
    own = tmp_path / "own"
    own.write_text("[default]\naws_access_key_id = AKOWN\naws_secret_access_key = s\n")
    assert signer({"AWS_SHARED_CREDENTIALS_FILE": str(own)}) == ("AKOWN", None)


def test_keys_that_another_program_renews_in_the_file_are_used_at_once(tmp_path):
    credentials = "[default]\naws_access_key_id = {}\naws_secret_access_key = s\n"
    files(tmp_path, credentials=credentials.format("AKONE"))
    assert signer({}) == ("AKONE", None)
    files(tmp_path, credentials=credentials.format("AKTWO"))
    os.utime(tmp_path / ".aws" / "credentials", (1, 1))
    assert signer({}) == ("AKTWO", None)


def test_a_program_of_the_profile_is_asked(tmp_path):
    tell = tmp_path / "tell.py"
    tell.write_text(
        'import json; print(json.dumps({"Version": 1, "AccessKeyId": "AKPROG", "SecretAccessKey": "s"}))'
    )
    files(tmp_path, f"[profile by-program]\ncredential_process = {sys.executable} {tell}\n")
    assert signer({"AWS_PROFILE": "by-program"}) == ("AKPROG", None)


def test_a_profile_stored_with_the_login_beats_keys_of_the_process(tmp_path, monkeypatch):
    files(tmp_path, credentials="[work]\naws_access_key_id = AKWORK\naws_secret_access_key = s\n")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    assert signer({**os.environ, "AWS_PROFILE": "work"}) == ("AKWORK", None)
    monkeypatch.setenv("AWS_PROFILE", "work")
    assert signer(os.environ) == ("AKENV", None)


def test_a_container_asks_its_endpoint():
    async def ask():
        until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        told = {"AccessKeyId": "AKECS", "SecretAccessKey": "s", "Token": "tok", "Expiration": until}
        async with host(lambda head, body: answered(told)) as (url, seen):
            env = {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/role",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "a",
            }
            first = await signed(URL, {}, b"", region="us-west-2", env=env)
            second = await signed(URL, {}, b"", region="us-west-2", env=env)
            return first, second, seen

    first, second, [(head, _)] = asyncio.run(ask())
    assert "Credential=AKECS/" in first["authorization"]
    assert first["x-amz-security-token"] == second["x-amz-security-token"] == "tok"
    assert head.startswith("GET /role ")
    assert header(head, "authorization") == "a"


def test_a_service_account_exchanges_its_token_for_a_role(tmp_path, monkeypatch):
    token = tmp_path / "token"
    token.write_text("from-kubernetes")

    async def ask():
        until = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        async with host(lambda head, body: answered(STS.format(until=until).encode())) as (url, seen):
            monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
            env = {
                "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
                "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r",
            }
            return await signed(URL, {}, b"", region="us-west-2", env=env), seen

    headers, [(_, body)] = asyncio.run(ask())
    assert "Credential=AKROLE/" in headers["authorization"]
    assert headers["x-amz-security-token"] == "role-token"
    sent = parse_qs(body.decode())
    assert sent["WebIdentityToken"] == ["from-kubernetes"]
    assert sent["RoleArn"] == ["arn:aws:iam::123456789012:role/r"]


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({}, r"^No AWS credentials found\. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID"),
        ({"AWS_PROFILE": "gone"}, r"^Could not load AWS credentials: The config profile \(gone\)"),
        (
            {"AWS_ACCESS_KEY_ID": "AKONLY"},
            r"^Could not load AWS credentials: Partial credentials found in env",
        ),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/"}, r"^Could not load AWS credentials: "),
    ],
)
def test_credentials_that_cannot_be_had_are_an_error_that_says_what_to_do(env, says):
    with pytest.raises(ProviderError, match=says):
        sign(env)


def test_no_secret_is_in_an_error(tmp_path):
    files(tmp_path, credentials="[default]\naws_access_key_id = AK\naws_secret_access_key\n")
    with pytest.raises(ProviderError) as caught:
        sign({"AWS_SECRET_ACCESS_KEY": "hidden"})
    assert "hidden" not in str(caught.value)


def region(model="m", url="", env=None):
    return asyncio.run(bedrock_region(model, url, env or {}))


EU = "https://bedrock-runtime.eu-central-1.amazonaws.com"


def test_the_region_is_that_of_the_arn_the_environment_the_profile_or_the_address(tmp_path):
    files(tmp_path, "[profile work]\nregion = sa-east-1\n[profile none]\n")
    both = {"AWS_REGION": "us-west-1", "AWS_DEFAULT_REGION": "us-west-2", "AWS_PROFILE": "work"}
    assert region("arn:aws:bedrock:ap-south-1:1:inference-profile/x", EU, both) == "ap-south-1"
    assert region("arn:aws-us-gov:bedrock:us-gov-west-1:1:inference-profile/x", EU, both) == "us-gov-west-1"
    assert region(url=EU, env=both) == "us-west-1"
    assert region(url=EU, env={"AWS_DEFAULT_REGION": "us-west-2"}) == "us-west-2"
    assert region(url=EU, env={"AWS_PROFILE": "work"}) == "sa-east-1"
    assert region(url=EU, env={"AWS_PROFILE": "none"}) == "eu-central-1"
    assert region(url=EU, env={"AWS_PROFILE": "gone"}) == "eu-central-1"
    assert region(url=EU) == "eu-central-1"
    assert region(url="https://proxy.example/bedrock") == region() == "us-east-1"


def test_a_profile_without_a_region_does_not_keep_the_first_one_that_is_asked(tmp_path):
    files(tmp_path, "[profile none]\n", "[none]\naws_access_key_id = AK\naws_secret_access_key = s\n")
    env = {"AWS_PROFILE": "none"}
    assert "/ap-south-1/bedrock/" in sign(env, region="ap-south-1")["authorization"]
    assert region(url=EU, env=env) == "eu-central-1"


@pytest.mark.parametrize(
    ("url", "at", "env", "asked"),
    [
        (EU, "eu-central-1", {}, EU),
        (f"{EU}/", "us-east-1", {}, "https://bedrock-runtime.us-east-1.amazonaws.com"),
        (
            "https://bedrock-runtime-fips.us-east-1.amazonaws.com",
            "us-east-2",
            {},
            "https://bedrock-runtime-fips.us-east-2.amazonaws.com",
        ),
        (EU, "cn-north-1", {}, "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"),
        ("", "us-east-1", {}, "https://bedrock-runtime.us-east-1.amazonaws.com"),
        (EU, "us-east-1", {"AWS_ENDPOINT_URL": "http://a"}, "http://a"),
        (
            EU,
            "us-east-1",
            {"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://b/"},
            "http://b",
        ),
        ("http://127.0.0.1:1/vpc/", "us-east-1", {"AWS_ENDPOINT_URL": "http://a"}, "http://127.0.0.1:1/vpc"),
    ],
)
def test_amazons_own_addresses_follow_the_region_and_others_stay(url, at, env, asked):
    assert bedrock_endpoint(url, at, env) == asked
    assert urlsplit(asked).hostname

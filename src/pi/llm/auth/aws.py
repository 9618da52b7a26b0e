"""Amazon's regions, credentials and signatures: botocore finds keys where AWS tools keep them, and signs."""

import asyncio
import os
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from pi.llm.errors import ProviderError
from pi.platform.errors import ConfigError, PiError

DEFAULT_REGION = "us-east-1"

_RUNTIME = r"https://bedrock-runtime(?P<fips>-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/?"
_ARN = r"arn:aws(?:-[a-z0-9-]+)?:bedrock:([a-z0-9-]+):"
_DOMAINS = {  # by what a region begins with; all others: amazonaws.com
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
}
_FILES = {"AWS_CONFIG_FILE": "~/.aws/config", "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"}
_SIGNED_BY_US = ("x-amz-", "authorization", "host")  # what names of headers begin with


async def bedrock_region(model_id: str, base_url: str, env: Mapping[str, str]) -> str:
    """Where a model is asked: the region of its ARN, of the environment, of the profile, of its address."""
    if arn := re.match(_ARN, model_id):
        return arn[1]
    if configured := env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION"):
        return configured
    if env.get("AWS_PROFILE") and (of_profile := await asyncio.to_thread(_region_of_profile, env)):
        return of_profile
    standard = re.fullmatch(_RUNTIME, base_url.lower())
    return standard["region"] if standard else DEFAULT_REGION


def bedrock_endpoint(base_url: str, region: str, env: Mapping[str, str]) -> str:
    """The address to ask: the model's own if it isn't Amazon's, else the environment's or the region's."""
    standard = re.fullmatch(_RUNTIME, base_url.lower())
    if base_url and not standard:
        return base_url.rstrip("/")
    if own := env.get("AWS_ENDPOINT_URL_BEDROCK_RUNTIME") or env.get("AWS_ENDPOINT_URL"):
        return own.rstrip("/")
    domain = next((name for start, name in _DOMAINS.items() if region.startswith(start)), "amazonaws.com")
    return f"https://bedrock-runtime{(standard and standard['fips']) or ''}.{region}.{domain}"


def is_reserved(header: str) -> bool:
    """Whether a header is the signature's business, so that nobody else may set it."""
    return header.lower().startswith(_SIGNED_BY_US)


async def signed(
    url: str, headers: Mapping[str, str], body: bytes, *, region: str, env: Mapping[str, str]
) -> dict[str, str]:
    """The headers of a POST to Bedrock with a signature over all of it, names in lower case.

    Raises ProviderError when there are no credentials, ConfigError when botocore isn't installed.
    """
    return await asyncio.to_thread(_signed, url, headers, body, region, env)


def _signed(
    url: str, headers: Mapping[str, str], body: bytes, region: str, env: Mapping[str, str]
) -> dict[str, str]:
    free = {name: value for name, value in headers.items() if not is_reserved(name)}
    credentials = _account(env).credentials(region)
    request = _botocore("awsrequest").AWSRequest("POST", url, free, body)
    _botocore("auth").SigV4Auth(credentials, "bedrock", region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


class _Account:
    """A botocore session for one set of variables, and what it found."""

    def __init__(self, env: Mapping[str, str]):
        self._env = env
        self._own_profile = _own_profile(env)
        self.session: Any = _botocore("session").Session(profile=self._own_profile)
        for name, variables in _session_variables(self.session):
            own = next((env[each] for each in variables if env.get(each)), None)
            if name != "profile" and own not in (None, *map(os.environ.get, variables)):
                self.session.set_config_variable(name, own)
        self._found: Any = None
        self._has_region = True

    def region(self) -> str | None:
        """The region that the profile names."""
        return self.session.get_config_variable("region") if self._has_region else None

    def credentials(self, region: str) -> Any:
        """Access key, secret and token as they are now; blocks while it looks for them or renews them."""
        try:
            if self.region() is None:
                self._has_region = False
                self.session.set_config_variable("region", region)  # where roles are asked for
            if self._found is None:
                found = (provider.load() for provider in self._providers())
                self._found = next((each for each in found if each is not None), None)
            current = self._found and self._found.get_frozen_credentials()
        except Exception as error:  # foreign code, which asks files, programs and servers
            raise ProviderError(
                f"Could not load AWS credentials: {error}. Log in with your AWS tools again, "
                "or check AWS_PROFILE and the other AWS variables."
            ) from error
        if current is None:
            raise ProviderError(
                "No AWS credentials found. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                "or AWS_BEARER_TOKEN_BEDROCK, or run `aws configure`."
            )
        return current

    def _providers(self) -> Iterator[Any]:
        """Amazon's chain, in its order; where it would ask the process's environment, it asks ours."""
        known = _botocore("credentials")
        for provider in self.session.get_component("credential_provider").providers:
            match provider.METHOD:
                case "env":
                    yield known.EnvProvider(environ=self._env)
                case "container-role":
                    yield known.ContainerProvider(environ=self._env)
                case "assume-role-with-web-identity" if self._own_profile is None and self._web_identity():
                    yield known.AssumeRoleWithWebIdentityProvider(
                        load_config=lambda: {"profiles": {"": self._web_identity()}},
                        client_creator=self.session.create_client,
                        profile_name="",
                        disable_env_vars=True,
                    )
                case _:
                    yield provider

    def _web_identity(self) -> dict[str, str]:
        """What the environment says about a role of a service account, in the words of a profile."""
        if not self._env.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
            return {}
        names = ("web_identity_token_file", "role_arn", "role_session_name")
        return {name: value for name in names if (value := self._env.get(f"AWS_{name.upper()}"))}


_accounts: dict[tuple[Any, ...], _Account] = {}


def _account(env: Mapping[str, str]) -> _Account:
    """The account for these variables; another one when they or the files of AWS change."""
    variables = tuple(sorted((name, value) for name, value in env.items() if name.startswith("AWS_")))
    changed = [_changed_at(env.get(name) or usual) for name, usual in _FILES.items()]
    key = (_own_profile(env), variables, *changed)
    if key not in _accounts:
        _accounts[key] = _Account(env)
    return _accounts[key]


def _own_profile(env: Mapping[str, str]) -> str | None:
    """The profile that is stored with the login: it beats keys of the process, one of the process doesn't."""
    profile = env.get("AWS_PROFILE") or None
    return profile if profile != os.environ.get("AWS_PROFILE") else None


def _changed_at(path: str) -> int:
    try:
        return Path(path).expanduser().stat().st_mtime_ns
    except OSError:
        return 0


def _region_of_profile(env: Mapping[str, str]) -> str | None:
    try:
        return _account(env).region()
    except PiError:  # no botocore: with a bearer token it isn't needed for anything else
        return None
    except Exception:  # foreign code; looking for credentials meets the same fault, and tells it
        return None


def _session_variables(session: Any) -> Iterator[tuple[str, list[str]]]:
    """The names of botocore's settings and the variables that hold them."""
    for name, (_, variables, *_) in session.SESSION_VARIABLES.items():
        yield name, [variables] if isinstance(variables, str) else list(variables or ())


def _botocore(module: str) -> Any:
    try:
        return import_module(f"botocore.{module}")
    except ImportError:
        raise ConfigError(
            "Amazon Bedrock with AWS credentials needs botocore: run `pip install 'pi-harness[bedrock]'`, "
            "or set AWS_BEARER_TOKEN_BEDROCK."
        ) from None

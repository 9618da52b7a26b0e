"""`pi auth check` and `print-…`: whether a provider is ready, and its credential for those who ask for it."""

from typing import Literal

import msgspec
from msgspec import Struct

from pi.llm.auth import Credentials
from pi.llm.auth.store import ApiKeyEntry, OAuthEntry, read_auth
from pi.llm.models import Model
from pi.llm.patterns import resolve_model
from pi.llm.providers import PROVIDERS
from pi.llm.registry import AuthKind, ModelRegistry
from pi.platform.errors import PiError

Status = Literal["ready", "not_ready", "invalid"]
EXIT_CODES: dict[Status, int] = {"ready": 0, "not_ready": 1, "invalid": 2}
MIN_EXPIRY_MS = 30 * 60_000


class Checked(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a check found, in the original's words; the credential is there only when it was asked for."""

    status: Status
    provider: str
    reason: str | None = None
    auth_type: AuthKind | None = None
    credentials: str | None = None

    def __repr__(self) -> str:
        return f"Checked({self.status}, {self.provider}, {self.reason}, {self.auth_type})"


class Subject(Struct, frozen=True):
    """What is asked about: a provider, a model, or a provider's model."""

    provider: str | None = None
    model: str | None = None


async def check(registry: ModelRegistry, subject: Subject, *, credentials: bool, refresh: bool) -> Checked:
    """Whether requests would have what they need; nothing is raised.

    With `refresh`, a login that is over is renewed, and `!commands` are run, as for a request.
    """
    named = subject.provider or subject.model or ""
    try:
        model = _model(registry, subject)
        if registry.warnings:
            return Checked("invalid", model.provider, "invalid_state")
        if not _is_known(registry, model.provider):
            return Checked("not_ready", model.provider, "provider_not_found")
        return await _checked(registry, model, credentials=credentials, refresh=refresh)
    except PiError:  # a login that can't be renewed, a model that isn't there, a header without a value
        return Checked("invalid", named, "invalid_state")


async def _checked(registry: ModelRegistry, model: Model, *, credentials: bool, refresh: bool) -> Checked:
    provider = model.provider
    found = registry.source(provider)
    if found is None:
        return Checked("not_ready", provider, "credentials_not_configured")
    kind, _ = found
    secret: str | None = None
    if refresh or (credentials and kind != "oauth"):
        given = await registry.credentials(model)
        if given is None:
            return Checked("not_ready", provider, "credentials_not_configured")
        secret = _secret(given)
    elif credentials:
        secret = _stored_access(registry, provider)
    if credentials and not secret:
        return Checked("not_ready", provider, "credential_not_available")
    return Checked("ready", provider, None, kind, secret if credentials else None)


def as_text(checked: Checked, *, json: bool) -> str:
    """The check for programs: JSON, or the credential, or the status alone."""
    return msgspec.json.encode(checked).decode() if json else checked.credentials or checked.status


async def api_key(registry: ModelRegistry, subject: Subject) -> str:
    """The key that a request would carry. Raises PiError when there is none, or more than one."""
    entries, _ = read_auth(registry.agent_dir / "auth.json")
    found: dict[str, str] = {}
    for model in _candidates(registry, subject):
        if isinstance(entries.get(model.provider), OAuthEntry):
            if subject.provider:
                raise PiError(
                    f"{model.provider} has a login, not a key. "
                    f"Its token: pi auth print-bearer-token --provider {model.provider}"
                )
            continue
        given = await registry.credentials(model)
        if given and (secret := _secret(given)):
            found[model.provider] = secret
    return _only(found, "key", subject)


async def bearer_token(registry: ModelRegistry, subject: Subject, min_expiry_ms: int = MIN_EXPIRY_MS) -> str:
    """The token of a login, renewed when it lasts less than that. Raises PiError, likewise."""
    entries, _ = read_auth(registry.agent_dir / "auth.json")
    found: dict[str, str] = {}
    for model in _candidates(registry, subject):
        if isinstance(entries.get(model.provider), OAuthEntry):
            found[model.provider] = await _token(registry, model.provider, min_expiry_ms)
        elif subject.provider:
            raise PiError(f"{model.provider} has no login. Log in with: pi auth login {model.provider}")
    return _only(found, "token", subject)


async def _token(registry: ModelRegistry, provider: str, min_expiry_ms: int) -> str:
    from pi.llm.logins import login_of
    from pi.llm.oauth.store import fresh_tokens, read_tokens
    from pi.llm.oauth.tokens import EARLY_MS

    path = registry.agent_dir / "auth.json"
    if login := registry.added_login(provider) or login_of(provider):
        tokens = await fresh_tokens(path, provider, login.refresh, early_ms=max(EARLY_MS, min_expiry_ms))
        secret = _secret(login.credentials(tokens))
    else:  # another program's: it can't be renewed here
        tokens = read_tokens(path, provider)
        secret = tokens and tokens.access
    if tokens is None or not secret:
        raise PiError(f"The login of {provider} has no token. Log in again: pi auth login {provider}")
    if tokens.is_due(early_ms=min_expiry_ms):
        raise PiError(f"The token of {provider} doesn't last that long. Ask for less with --min-expiry.")
    return secret


def _only(found: dict[str, str], what: str, subject: Subject) -> str:
    match list(found):
        case [provider]:
            return found[provider]
        case []:
            of = subject.provider or subject.model
            raise PiError(f"No usable {what} is there for {of}. To store one: pi auth login")
        case several:
            raise PiError(f"Several providers have it: {', '.join(several)}. Name one with --provider.")


def _candidates(registry: ModelRegistry, subject: Subject) -> list[Model]:
    """What is asked about; a model alone may be of any provider that something is stored for."""
    if subject.provider:
        if not _is_known(registry, subject.provider):
            raise PiError(f"There is no provider {subject.provider}. To see them: pi auth login")
        return [_model(registry, subject)]
    stored, _ = read_auth(registry.agent_dir / "auth.json")
    models: list[Model] = []
    for provider in stored:
        try:
            choice = resolve_model(registry, provider=provider, pattern=subject.model or "")
        except PiError:
            continue
        if registry.find(choice.model.provider, choice.model.id):  # not made up for this name
            models.append(choice.model)
    if not models:
        raise PiError(f"No provider that you have stored credentials for has a model {subject.model}.")
    return models


def _model(registry: ModelRegistry, subject: Subject) -> Model:
    """The model; for a provider alone, one that stands for all of its. Raises ConfigError."""
    if subject.model:
        return resolve_model(registry, provider=subject.provider, pattern=subject.model).model
    return Model(
        id="",
        provider=subject.provider or "",
        api="",
        base_url="",
        name="",
        input=(),
        context_window=0,
        max_tokens=0,
    )


def _is_known(registry: ModelRegistry, provider: str) -> bool:
    return provider in PROVIDERS or provider in registry.providers()


def _secret(given: Credentials) -> str | None:
    """The key, or what a header carries in its place."""
    if given.api_key:
        return given.api_key
    bearers = (text.partition(" ") for text in given.headers.values())
    return next((secret for scheme, _, secret in bearers if scheme.lower() == "bearer" and secret), None)


def _stored_access(registry: ModelRegistry, provider: str) -> str | None:
    entry = read_auth(registry.agent_dir / "auth.json")[0].get(provider)
    match entry:
        case OAuthEntry(access=access):
            return access
        case ApiKeyEntry() | None:
            return None

"""All models and the keys to them: catalog, models.json, auth.json and environment, each read when needed."""

import os
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from msgspec import structs

from pi.llm.auth import Credentials
from pi.llm.auth.environment import (
    environment_key,
    environment_names,
    has_ambient,
    missing_for_url,
    with_url_variables,
)
from pi.llm.auth.logged_in import login_credentials
from pi.llm.auth.store import ApiKeyEntry, AuthEntry, OAuthEntry, read_auth
from pi.llm.auth.values import missing_names, resolve_beside
from pi.llm.catalog import catalog_date, catalog_models, catalog_providers, fetched_path
from pi.llm.config import ProviderConfig, apply_config, read_config
from pi.llm.models import Model
from pi.llm.protocols import OWN_PREFIX
from pi.llm.providers import PROVIDERS, RENAMED
from pi.platform.errors import ConfigError, PiError

if TYPE_CHECKING:
    from pi.llm.logins import Login
    from pi.llm.roles import Role


_T = TypeVar("_T")
AuthKind = Literal["api_key", "oauth"]


class MissingKeyError(PiError):
    """A model was asked and there is no key for its provider."""

    def __init__(self, provider: str):
        super().__init__(f"No API key found for {provider}.")
        self.provider = provider


class VirtualModel(Protocol):
    """A model that stands for others, and what says which one answers a request."""

    @property
    def model(self) -> Model: ...
    @property
    def route(self) -> Callable[[Any], Any]: ...


def is_keyless(api: str) -> bool:
    """Whether requests need no key of ours: they stay in this process, or the user's code makes them."""
    return api in ("faux", "virtual") or api.startswith(OWN_PREFIX)


class ModelRegistry:
    """The models of one agent directory. A fault in its files is a warning: all the rest keeps working."""

    def __init__(self, agent_dir: Path, *, env: Mapping[str, str] | None = None):
        self.agent_dir = agent_dir
        self._models_file = agent_dir / "models.json"
        self._auth_file = agent_dir / "auth.json"
        self._env: Mapping[str, str] = os.environ if env is None else env
        self._models: dict[str, tuple[Model, ...]] = {}
        self._warnings: list[str] = []
        self._added: dict[str, ProviderConfig] = {}
        self.roles: dict[str, Role] = {}  # of the settings, by name
        self.virtual: dict[str, VirtualModel] = {}  # by "provider/id"; `set_added` changes them
        self._logins: dict[str, Login] = {}  # of providers that code has added
        self._given: dict[str, str] = {}  # keys for this process only, never saved

    @property
    def warnings(self) -> list[str]:
        """What is wrong with models.json and auth.json, as far as they were needed yet."""
        _ = self._config, self._auth
        return self._warnings

    def reload(self) -> None:
        """Forget what was read: the next question reads the files again."""
        self._models.clear()
        self._warnings.clear()
        self.__dict__.pop("_config", None)
        self.__dict__.pop("_auth", None)

    @property
    def has_added(self) -> bool:
        """Whether code has added providers or virtual models."""
        return bool(self._added or self.virtual)

    def set_added(
        self,
        providers: Mapping[str, ProviderConfig],
        virtual: Mapping[str, VirtualModel],
        logins: "Mapping[str, Login]" = MappingProxyType({}),
    ) -> None:
        """The providers and virtual models that code has added are these now; models.json beats them."""
        self._added, self.virtual, self._logins = dict(providers), dict(virtual), dict(logins)
        self._models.clear()
        self.__dict__.pop("_config", None)

    def use_key(self, provider: str, key: str) -> None:
        """Open a provider with this key, whatever else is configured; it is saved nowhere."""
        self._given[provider] = key

    def added_login(self, provider: str) -> "Login | None":
        """The login of a provider that code has added, or that models.json calls a gateway like Radius."""
        config = self._config.get(provider)
        if config and config.oauth and config.base_url and provider not in self._logins:
            from pi.llm.logins.radius import Addresses, login

            return login(self._env, Addresses(config.base_url))
        return self._logins.get(provider)

    def providers(self) -> tuple[str, ...]:
        """The catalog's providers in alphabetical order, then those of models.json in its order."""
        virtual = (each.model.provider for each in self.virtual.values())
        return tuple(dict.fromkeys((*catalog_providers(), *self._config, *virtual)))

    def provider_id(self, name: str) -> str | None:
        """The id of a provider that has models, whatever the case of `name`; None when there is none."""
        name = RENAMED.get(name.lower(), name)
        for id in self.providers():
            if id.lower() == name.lower() and self.models_of(id):
                return id
        return None

    def models_of(self, provider: str) -> tuple[Model, ...]:
        """One provider's models; reads no other provider's file."""
        provider = RENAMED.get(provider, provider)
        models = self._models.get(provider)
        if models is None:
            own = {
                each.model.id: each.model for each in self.virtual.values() if each.model.provider == provider
            }
            real = (model for model in self._load(provider) if model.id not in own)
            models = self._models[provider] = (*real, *own.values())
        return models

    def all(self) -> list[Model]:
        """Every model, provider by provider in the order of `providers`."""
        return [model for provider in self.providers() for model in self.models_of(provider)]

    def available(self) -> list[Model]:
        """The models whose providers have credentials, in the order of `all`."""
        return list(self.each_available())

    def each_available(self) -> Iterator[Model]:
        """Likewise, one by one: providers behind the last one taken are not read."""
        for provider in self.providers():
            if self.has_credentials(provider):
                yield from self.models_of(provider)

    def find(self, provider: str, id: str) -> Model | None:
        """The model with exactly this provider and id."""
        return next((model for model in self.models_of(provider) if model.id == id), None)

    def has_credentials(self, provider: str) -> bool:
        """Whether a key is configured: cheap, runs no command and doesn't ask the provider."""
        return self.source(provider) is not None

    def source(self, provider: str) -> tuple[AuthKind, str] | None:
        """Likewise, which kind it is and where: a file's name, a variable's, or "" for no place."""
        entry, config, env = self._sources(provider)
        if config is None and provider not in PROVIDERS and self._is_virtual(provider):
            return "api_key", ""
        if missing_for_url(provider, env):
            return None
        if provider in self._given:
            return "api_key", ""
        if isinstance(entry, OAuthEntry):
            return "oauth", self._auth_file.name
        if isinstance(entry, ApiKeyEntry):
            if entry.key and not missing_names(entry.key, env):
                return "api_key", self._auth_file.name
        elif config and config.api_key:
            found = not missing_names(config.api_key, env)
            return ("api_key", self._models_file.name) if found else None
        if name := next((name for name in environment_names(provider) if env.get(name)), None):
            return "api_key", name
        return ("api_key", "") if has_ambient(provider, env) or self._is_local(provider, env) else None

    async def credentials(self, model: Model) -> Credentials | None:
        """What a request to a model needs; None when there is no key.

        Runs the user's `!commands`, and refreshes a login that is about to expire. Raises ConfigError when a
        configured header can't be resolved, OAuthError and TransportError for a login that can't be used.
        """
        entry, _, env = self._sources(model.provider)
        if missing_for_url(model.provider, env):
            return None
        if key := self._given.get(model.provider):
            found = Credentials(key)
        elif isinstance(entry, OAuthEntry):
            found = await self._logged_in(model)
        else:
            found = await self._key(model.provider)
        return None if found is None else await self._with_configured(model, found)

    async def require_credentials(self, model: Model) -> Credentials:
        """Likewise, and MissingKeyError when there is no key."""
        if is_keyless(model.api):
            return Credentials(None)
        credentials = await self.credentials(model)
        if credentials is None:
            raise MissingKeyError(model.provider)
        return credentials

    def env_of(self, provider: str) -> Mapping[str, str]:
        """The environment as a provider sees it: variables stored with its key beat the process's."""
        return self._sources(provider)[2]

    def check_key(self, model: Model) -> None:
        """Raises MissingKeyError when no key is configured; runs no command."""
        if not (is_keyless(model.api) or self.has_credentials(model.provider)):
            raise MissingKeyError(model.provider)

    def configured(self, provider: str) -> ProviderConfig | None:
        """What models.json and extensions say about a provider."""
        return self._config.get(RENAMED.get(provider, provider))

    def key_names(self, provider: str | None = None) -> tuple[str, ...]:
        """The variables that may hold a provider's key, or those of every known provider."""
        providers = PROVIDERS if provider is None else (provider,)
        return tuple(name for each in providers for name in environment_names(each))

    def searched_for(self, provider: str) -> list[str]:
        """Where a key was looked for, in order, and what was wrong there; no secret is in it."""
        entry, config, env = self._sources(provider)
        places = [f'"{provider}" in {self._auth_file}']
        match entry:
            case ApiKeyEntry(key=key):
                places[0] += _fault(key, env)
            case OAuthEntry():
                places[0] += " (a login, not a key)"
            case None:
                pass
        if config:
            places.append(f'the apiKey of "{provider}" in {self._models_file}{_fault(config.api_key, env)}')
        return [
            *places,
            *environment_names(provider),
            *(f"{name} (not set, its address needs it)" for name in missing_for_url(provider, env)),
        ]

    @cached_property
    def _config(self) -> dict[str, ProviderConfig]:
        config, warnings = read_config(self._models_file)
        self._warnings += warnings
        return {**self._added, **_under_new_names(config)}

    @cached_property
    def _auth(self) -> dict[str, AuthEntry]:
        entries, warnings = read_auth(self._auth_file)
        self._warnings += warnings
        return _under_new_names(entries)

    def _is_local(self, provider: str, env: Mapping[str, str]) -> bool:
        """Whether it is a server of the user's own that needs no key, and was told of or has answered."""
        known = PROVIDERS.get(provider)
        if known is None or not known.local:
            return False
        return (
            bool(known.root_env and env.get(known.root_env))
            or fetched_path(self.agent_dir, provider).exists()
        )

    def _is_virtual(self, provider: str) -> bool:
        return any(each.model.provider == provider for each in self.virtual.values())

    def _load(self, provider: str) -> tuple[Model, ...]:
        _, config, env = self._sources(provider)
        models = catalog_models(provider)
        if (path := fetched_path(self.agent_dir, provider)).exists():
            from pi.llm.fetched import read_store, with_fetched

            models = with_fetched(read_store(path), provider, models, catalog_date(provider))
        known = tuple(with_url_variables(model, env) for model in models)
        if config is None:
            return known
        try:
            return apply_config(provider, known, config)
        except ConfigError as error:
            self._warnings.append(f"{self._models_file}: {error} The provider's entry is ignored.")
            return known

    def _sources(self, provider: str) -> tuple[AuthEntry | None, ProviderConfig | None, Mapping[str, str]]:
        """What the files say about a provider, and the environment as it sees it."""
        provider = RENAMED.get(provider, provider)
        entry = self._auth.get(provider)
        own = (
            {name: value for name, value in entry.env.items() if value}
            if isinstance(entry, ApiKeyEntry)
            else {}
        )
        return entry, self._config.get(provider), ChainMap(own, dict(self._env)) if own else self._env

    async def _key(self, provider: str) -> Credentials | None:
        """The key, or what stands in for one. A stored key owns its provider: models.json isn't asked."""
        entry, config, env = self._sources(provider)
        stored = entry.env if isinstance(entry, ApiKeyEntry) else {}
        if isinstance(entry, ApiKeyEntry):
            if entry.key and (key := await resolve_beside(entry.key, env, cached=True)):
                return Credentials(key, env=stored)
        elif config and config.api_key:
            key = await resolve_beside(config.api_key, env)
            return Credentials(key) if key else None
        key, headers = environment_key(provider, env)
        if key or headers or has_ambient(provider, env) or self._is_local(provider, env):
            return Credentials(key, headers, stored)
        return None

    async def _logged_in(self, model: Model, refused: str | None = None) -> Credentials:
        """What the provider's login gives; newer than the `refused` token of it, if there is one."""
        tokens, found = await login_credentials(
            self._auth_file, model.provider, self.added_login(model.provider), env=self._env, refused=refused
        )
        if refused is not None:
            return await self._with_configured(model, found)
        return structs.replace(found, renew=partial(self._logged_in, model, tokens.access))

    async def _with_configured(self, model: Model, found: Credentials) -> Credentials:
        """With the headers of models.json, and the key in the header where the provider wants it."""
        _, config, env = self._sources(model.provider)
        key, headers = found.api_key, dict(found.headers)
        known = PROVIDERS.get(model.provider)
        if key and known and known.key_header:
            key, headers = None, {known.key_header: f"Bearer {key}"}
        if config:
            headers |= await _resolve_headers(config.headers, env, f'provider "{model.provider}"')
            if config.auth_header and not key:
                raise ConfigError(
                    f'models.json: provider "{model.provider}" has authHeader, but there is no key.'
                )
            if config.auth_header:
                headers["Authorization"] = f"Bearer {key}"
            headers |= await _resolve_headers(config.headers_of(model.id), env, f'model "{model.ref}"')
        return structs.replace(found, api_key=key, headers=_last_spelling(headers))


def _under_new_names(entries: Mapping[str, _T]) -> dict[str, _T]:
    """Entries of files by the names that providers have now; one under the new name wins."""
    old_first = sorted(entries.items(), key=lambda entry: entry[0] not in RENAMED)
    return {RENAMED.get(name, name): entry for name, entry in old_first}


def _fault(value: str | None, env: Mapping[str, str]) -> str:
    """Why a configured value gives no key, for people."""
    if not value:
        return ""
    if missing := missing_names(value, env):
        return f" ({' and '.join(missing)} not set)"
    return " (its command failed or printed nothing)" if value.startswith("!") else ""


async def _resolve_headers(headers: dict[str, str], env: Mapping[str, str], owner: str) -> dict[str, str]:
    resolved: dict[str, str] = {}
    for name, text in headers.items():
        value = await resolve_beside(text, env)
        if value is None:
            raise ConfigError(f'models.json: header "{name}" of {owner} has no value{_fault(text, env)}.')
        resolved[name] = value
    return resolved


def _last_spelling(headers: dict[str, str]) -> dict[str, str]:
    """Names of headers have no case: of two spellings the later one counts."""
    spellings = {name.lower(): name for name in headers}
    return {name: headers[name] for name in spellings.values()}

"""Who is logged in where: of each provider its name, the ways in, and where its credentials are from."""

from msgspec import Struct

from pi.llm.auth.environment import environment_names
from pi.llm.logins import LOGINS, Method
from pi.llm.logins.doing import login_methods, login_title
from pi.llm.providers import PROVIDERS
from pi.llm.registry import AuthKind, ModelRegistry


class AuthStatus(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One provider; no secret is in it. `methods` are its logins with an account, the usual one first.

    Without an `auth_type` there are no credentials. `source` is the name of a file or of a variable; empty
    where a protocol finds them by itself.
    """

    provider: str
    title: str
    methods: tuple[Method, ...]
    takes_key: bool
    auth_type: AuthKind | None = None
    source: str = ""


def auth_statuses(registry: ModelRegistry) -> list[AuthStatus]:
    """All providers in alphabetical order: known ones, those of models.json and of extensions."""
    names = {*PROVIDERS, *LOGINS, *registry.providers()}
    return [auth_status(registry, name) for name in sorted(names, key=str.lower)]


def auth_status(registry: ModelRegistry, provider: str) -> AuthStatus:
    """One of them."""
    own = registry.added_login(provider)
    methods = own.methods if own else login_methods(provider)
    # some subscriptions have no keys
    takes_key = not methods or bool(environment_names(provider))
    kind, source = registry.source(provider) or (None, "")
    return AuthStatus(provider, provider_name(provider), methods, takes_key, kind, source)


def provider_name(provider: str) -> str:
    """What people know a provider as, however they log in."""
    known = PROVIDERS.get(provider)
    return known.name if known else login_title(provider)


def find_provider(registry: ModelRegistry, name: str) -> str | None:
    """The provider that people mean by its id or its name, whatever the case."""
    wanted = name.lower()
    names = (*PROVIDERS, *LOGINS, *registry.providers())
    by_id = next((each for each in names if each.lower() == wanted), None)
    return by_id or next((each for each in names if provider_name(each).lower() == wanted), None)

"""What variables change about logins: whose registration is used, and where redirects are waited for."""

from collections.abc import Mapping

from pi.llm.oauth.errors import OAuthError

_DEFAULT_HOSTS = ("127.0.0.1", "::1")


def client_variable(provider: str) -> str:
    """The variable that names another client id for a provider's login."""
    return f"PI_OAUTH_CLIENT_ID_{provider.upper().replace('-', '_')}"


def client_id(provider: str, env: Mapping[str, str], default: str) -> str:
    """Who logs in, as the provider's registration knows it."""
    return env.get(client_variable(provider)) or default


def callback_hosts(env: Mapping[str, str]) -> tuple[str, ...]:
    """Where redirects are waited for; PI_OAUTH_CALLBACK_HOST is for containers, as in the original."""
    host = env.get("PI_OAUTH_CALLBACK_HOST")
    return (host,) if host else _DEFAULT_HOSTS


def origin(text: str) -> str:
    """An address as people write it, with https:// where they left it out, and without slashes at its end."""
    return (text if text.lower().startswith(("https://", "http://")) else f"https://{text}").rstrip("/")


def borrowed(provider: str, env: Mapping[str, str], product: str) -> str:
    """Whose name the page is going to show, for people to know before they open it."""
    if env.get(client_variable(provider)):
        return ""
    return (
        f"The page will name {product}: the provider has no registration for Pi. "
        f"To use one of your own, set {client_variable(provider)}."
    )


def cancelled() -> OAuthError:
    """What ends a login whose question nobody answered."""
    return OAuthError("login_cancelled", "The login was cancelled")

"""Keys: where they are stored, how their values are written, and what a request gets."""

from collections.abc import Awaitable, Callable

from msgspec import Struct


class Credentials(Struct, frozen=True):
    """What opens a provider: a key or headers that carry one, the variables that it sees, its own address.

    `env` holds the stored variables of this provider alone. `base_url` is known where a login names the host.
    `renew`, for logins, gets newer ones when the provider has refused these.
    """

    api_key: str | None
    headers: dict[str, str] = {}
    env: dict[str, str] = {}
    base_url: str | None = None
    renew: "Callable[[], Awaitable[Credentials]] | None" = None

    def __repr__(self) -> str:
        return "Credentials(…)"  # so that no log ever shows a key

"""Keys: where they are stored, how their values are written, and what a request gets."""

from msgspec import Struct


class Credentials(Struct, frozen=True):
    """What opens a provider: a key or headers that carry one, and variables that only this provider sees."""

    api_key: str | None
    headers: dict[str, str] = {}
    env: dict[str, str] = {}

    def __repr__(self) -> str:
        return "Credentials(…)"  # so that no log ever shows a key

"""OAuth for extensions: login in a browser or on another device, tokens stored and refreshed in time."""

from typing import Any

from pi.llm import oauth

__all__ = oauth.__all__  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    return getattr(oauth, name)

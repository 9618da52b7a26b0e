"""What a session and its children know of providers: their limits, and which models are down."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pi.harness.spending.limits_book import LimitsBook

_MAYBE = ("limit", "quota", "codex")  # in names of headers; the book looks closer


class Health:
    """Limits come from answers' headers and a file for all sessions; `down` is kept by failover."""

    def __init__(self, agent_dir: Path):
        self.down: dict[str, Any] = {}
        self._agent_dir = agent_dir
        self._book: LimitsBook | None = None

    @property
    def book(self) -> "LimitsBook":
        """What the providers have said of their limits."""
        if self._book is None:
            from pi.harness.spending.limits_book import LimitsBook

            self._book = LimitsBook(self._agent_dir)
        return self._book

    def heard(self, provider: str, headers: Mapping[str, str]) -> None:
        """An answer is there; most tell of no limit, and cost nothing here."""
        if any(mark in name for name in headers for mark in _MAYBE):
            self.book.seen(provider, headers)

    def close(self) -> None:
        """The session ends: keep what was heard."""
        if self._book is not None:
            self._book.close()

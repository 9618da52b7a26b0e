"""Earlier prompts, to be looked through from the editor."""

from collections.abc import Iterable
from typing import NamedTuple

LIMIT = 100


class Draft(NamedTuple):
    """A text, and where the cursor was in it; None where it never was."""

    text: str
    place: tuple[int, int] | None = None


class History:
    """While one browses, the text that was there before is kept as the draft."""

    def __init__(self) -> None:
        self._entries: list[str] = []  # the oldest first
        self._at = 0  # how many steps back; 0 while nobody browses
        self._draft = Draft("")

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def browsing(self) -> bool:
        """Whether an earlier prompt stands in the editor."""
        return self._at > 0

    def add(self, text: str) -> None:
        """A prompt was sent."""
        text = text.strip()
        if text and (not self._entries or self._entries[-1] != text):
            self._entries.append(text)
            del self._entries[:-LIMIT]

    def seed(self, texts: Iterable[str]) -> None:
        """Begin anew with the prompts of a session, the oldest first."""
        self._entries.clear()
        self.leave()
        for text in texts:
            self.add(text)

    def older(self, draft: Draft) -> Draft | None:
        """The prompt before; `draft` is what stands in the editor now. None when there is none."""
        if self._at >= len(self._entries):
            return None
        if self._at == 0:
            self._draft = draft
        self._at += 1
        return Draft(self._entries[-self._at])

    def newer(self) -> Draft | None:
        """The prompt after, at last the draft; None when nobody browses."""
        if self._at == 0:
            return None
        self._at -= 1
        return Draft(self._entries[-self._at]) if self._at else self._draft

    def leave(self) -> None:
        """What stands in the editor is a text of its own again."""
        self._at = 0

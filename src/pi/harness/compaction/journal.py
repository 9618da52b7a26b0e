"""What compaction adds to the session file, and the transcript that follows from it."""

from collections.abc import Callable

from pi.harness.context import build_context
from pi.harness.state import SessionState
from pi.harness.storage.entries import Entry
from pi.harness.storage.file import SessionWriteError


class Journal:
    """Appends entries; that one can't be written now is a warning, for the store writes it with the next."""

    def __init__(self, state: SessionState, warnings: list[str]):
        self._state = state
        self._warnings = warnings

    def add(self, append: Callable[[], Entry]) -> Entry:
        """The entry that `append` adds to the store."""
        store = self._state.store
        try:
            return append()
        except SessionWriteError as error:
            self.warn(str(error))
        entry = store.get(store.leaf or "")
        assert entry is not None
        return entry

    def reload(self) -> None:
        """Make the transcript anew; it stays the same list, the one that the loop holds."""
        self._state.transcript[:] = build_context(self._state.store.context_branch())

    def warn(self, text: str) -> None:
        """Say something once."""
        if text not in self._warnings:
            self._warnings.append(text)

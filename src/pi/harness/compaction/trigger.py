"""Whether to compact: is the window nearly full, or was the last request too long for it."""

from collections.abc import Sequence

from pi.harness.compaction.estimate import context_size
from pi.harness.compaction.settings import CompactionSettings
from pi.harness.storage.entries import CompactionEntry, ContextEdit, Entry, MessageEntry
from pi.harness.storage.store import Store
from pi.llm.messages import AssistantMessage
from pi.llm.models import Model
from pi.llm.overflow import is_overflow, is_recoverable_length


def is_full(store: Store, model: Model, settings: CompactionSettings) -> bool:
    """Whether less than the reserve is left of the model's window; never where the window isn't known."""
    return 0 < model.context_window < context_size(store) + settings.reserve_tokens


def entries_since(store: Store, message: AssistantMessage) -> list[Entry] | None:
    """The entries from an answer's own to the leaf; None when a compaction came after it."""
    found: list[Entry] = []
    for entry in store.newest_first():
        if isinstance(entry, CompactionEntry):
            return None
        found.append(entry)
        if isinstance(entry, MessageEntry) and entry.message is message:
            return found[::-1]
    return None  # what the model sees of it isn't what it said: its usage tells nothing


def overflowed(message: AssistantMessage, since: Sequence[Entry], model: Model) -> bool:
    """Whether the window of `model` was too small for the request that ended in `message`, or for its answer.

    `since` are the entries from the message's own on: an edit among them has changed what its usage counts.
    """
    if (message.provider, message.model) != (model.provider, model.id):
        return False  # another model's window tells nothing about this one's
    if is_recoverable_length(message, model.max_tokens):
        return True
    changed = any(isinstance(entry, ContextEdit) for entry in since)
    return is_overflow(message, model.context_window) and (message.stop_reason == "error" or not changed)

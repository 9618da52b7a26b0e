"""What a compaction is going to do, found out before anything is asked or written."""

from collections.abc import Sequence

from pi.harness.compaction.cut import find_cut
from pi.harness.compaction.estimate import context_size
from pi.harness.compaction.extension import CompactionPreparation
from pi.harness.compaction.files import file_lists
from pi.harness.compaction.settings import CompactionSettings
from pi.harness.context import Projected, project
from pi.harness.events import CompactionReason
from pi.harness.storage.entries import AgentMessage, CompactionEntry
from pi.harness.storage.store import Store
from pi.llm.messages import SystemMessage


def prepare(
    store: Store,
    settings: CompactionSettings,
    reason: CompactionReason,
    *,
    will_retry: bool = False,
    focus: str | None = None,
) -> CompactionPreparation | None:
    """What compacting would do now; None when nothing could be summarised."""
    projected = project(store.context_branch())
    if not projected or isinstance(store.get(store.leaf or ""), CompactionEntry):
        return None
    previous, entries = _after_last(projected)
    cut = find_cut(entries, settings.keep_recent_tokens)
    if cut is None:
        return None
    history_end = cut.first_kept if cut.turn_start is None else cut.turn_start
    history = _spoken(entries[:history_end])
    prefix = _spoken(entries[history_end : cut.first_kept])
    if not (history or prefix):
        return None
    return CompactionPreparation(
        reason=reason,
        will_retry=will_retry,
        first_kept_entry_id=entries[cut.first_kept][0].id,
        messages_to_summarize=history,
        turn_prefix_messages=prefix,
        is_split_turn=cut.turn_start is not None,
        tokens_before=context_size(store),
        previous_summary=previous.summary if previous else None,
        files=file_lists((*history, *prefix), [previous] if previous else []),
        settings=settings,
        custom_instructions=focus,
    )


def _after_last(projected: list[Projected]) -> tuple[CompactionEntry | None, list[Projected]]:
    """The compaction that the context begins with, and what of it can be compacted now: what it kept, too."""
    first = projected[0][0]
    return (first, projected[1:]) if isinstance(first, CompactionEntry) else (None, projected)


def _spoken(entries: Sequence[Projected]) -> tuple[AgentMessage, ...]:
    """The conversation alone: the compaction's entry carries prompt and tools."""
    return tuple(
        message for _, messages in entries for message in messages if not isinstance(message, SystemMessage)
    )

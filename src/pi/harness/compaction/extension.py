"""What extensions are asked before a compaction, what they may answer, and what they are told after it."""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from pi.agent.hooks import Hooks
from pi.harness.compaction.files import FileLists
from pi.harness.compaction.settings import CompactionSettings
from pi.harness.events import CompactionReason
from pi.harness.storage.entries import AgentMessage, CompactionEntry, Entry
from pi.llm.messages import Usage


class CompactionPreparation(Struct, frozen=True):
    """What is to be summarised and what stays.

    Where the cut goes through a user's turn (`is_split_turn`), `turn_prefix_messages` are the turn's
    beginning, which gets a summary of its own. `will_retry` says that the request which was too long is made
    again afterwards.
    """

    reason: CompactionReason
    will_retry: bool
    first_kept_entry_id: str
    messages_to_summarize: tuple[AgentMessage, ...]
    turn_prefix_messages: tuple[AgentMessage, ...]
    is_split_turn: bool
    tokens_before: int
    previous_summary: str | None
    files: FileLists
    settings: CompactionSettings
    branch_entries: tuple[Entry, ...] = ()  # from the root on; only where an extension is asked
    custom_instructions: str | None = None


class Cancel(Struct, frozen=True):
    """Don't do it; people read the reason."""

    reason: str = ""


class OwnCompaction(Struct, frozen=True):
    """The summary that takes the place of all before `first_kept_entry_id` (None: of everything)."""

    summary: str
    first_kept_entry_id: str | None = None
    tokens_before: int | None = None  # by default as it was counted
    details: Any = None
    usage: Usage | None = None


class Compacted(Struct, frozen=True):
    """News for extensions: a compaction is in the session."""

    entry: CompactionEntry
    from_extension: bool
    reason: CompactionReason
    will_retry: bool


class CompactionFailed(Struct, frozen=True):
    """News for extensions: a compaction failed, or was stopped; then there is no message."""

    reason: CompactionReason
    error_message: str | None
    will_retry: bool
    from_extension: bool = False

    @property
    def aborted(self) -> bool:
        """Whether somebody stopped it."""
        return self.error_message is None


AskExtension = Callable[[CompactionPreparation], Awaitable[Cancel | OwnCompaction | None]]
TellExtension = Callable[[Compacted | CompactionFailed], Awaitable[None]]


async def ask_extensions(hooks: Hooks, preparation: CompactionPreparation) -> Cancel | OwnCompaction | None:
    """What extensions say: one that cancels is enough, of several summaries the last one counts."""
    answers = await hooks.answers("session_before_compact", preparation, (Cancel, OwnCompaction))
    cancelled = next((answer for answer in answers if isinstance(answer, Cancel)), None)
    return cancelled or (answers[-1] if answers else None)


async def tell_extensions(hooks: Hooks, news: Compacted | CompactionFailed) -> None:
    """How it ended."""
    name = "session_compact" if isinstance(news, Compacted) else "session_compact_failed"
    if hooks.has(name):
        await hooks.tell(name, news)

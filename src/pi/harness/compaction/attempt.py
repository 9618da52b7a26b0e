"""One compaction from its first event to its last: ask the extensions, get a summary, write it down."""

from collections.abc import Callable, Iterable

from msgspec import UNSET, structs

from pi.agent.abort import Abort, Aborted
from pi.harness.compaction.estimate import estimate_all
from pi.harness.compaction.extension import (
    AskExtension,
    Cancel,
    Compacted,
    CompactionFailed,
    CompactionPreparation,
    OwnCompaction,
    TellExtension,
)
from pi.harness.compaction.journal import Journal
from pi.harness.compaction.summarize import summarize
from pi.harness.compaction.summary import Publish, summary_ask
from pi.harness.events import CompactionEnd, CompactionReason, CompactionResult, CompactionStart
from pi.harness.state import SessionState
from pi.harness.storage.entries import AgentMessage, CompactionEntry
from pi.llm.transcript import system_state
from pi.platform.clock import now_ms
from pi.platform.errors import PiError

_FAILED: dict[CompactionReason, str] = {
    "manual": "Compaction failed",
    "threshold": "Auto-compaction failed",
    "overflow": "Context overflow recovery failed",
}


class CompactionCancelled(PiError):
    """The user or an extension stopped a compaction; the conversation is as it was."""

    def __init__(self) -> None:
        super().__init__("Compaction cancelled")


class Attempt:
    """A compaction that is tried; whatever goes wrong, the conversation is then as it was."""

    def __init__(
        self,
        state: SessionState,
        publish: Publish,
        journal: Journal,
        *,
        reason: CompactionReason,
        will_retry: bool = False,
        ask_extension: AskExtension | None = None,
        tell_extension: TellExtension | None = None,
    ):
        self.reason: CompactionReason = reason
        self.abort = Abort()
        self.over = False
        self._state = state
        self._publish = publish
        self._journal = journal
        self._will_retry = will_retry
        self._ask_extension = ask_extension
        self._tell_extension = tell_extension
        self._from_extension = False

    async def run(self, prepared: Callable[[], CompactionPreparation]) -> CompactionEntry:
        """Compact. Raises CompactionCancelled, and what `prepared` and the request for a summary raise."""
        try:
            await self._publish(CompactionStart(self.reason))
            async with self.abort.scope():
                made = await self._made(prepared())
        except (Aborted, CompactionCancelled):
            await self.fail(None)
            raise CompactionCancelled from None
        except PiError as error:
            await self.fail(f"{_FAILED[self.reason]}: {error}")
            raise
        finally:
            self.over = True
        return await self._write(made)

    async def fail(self, error: str | None) -> None:
        """Say that nothing was compacted; without an `error` because somebody stopped it."""
        self.over = True  # whoever hears of it may begin anew
        await self._publish(CompactionEnd(self.reason, aborted=error is None, error_message=error or UNSET))
        if self._tell_extension:
            failed = CompactionFailed(self.reason, error, self._will_retry, self._from_extension)
            await self._tell_extension(failed)

    async def _made(self, preparation: CompactionPreparation) -> OwnCompaction:
        state = self._state
        if self._ask_extension:
            whole = structs.replace(preparation, branch_entries=tuple(state.store.branch()))
            own = await self._ask_extension(whole)
            if isinstance(own, Cancel):
                raise CompactionCancelled
            if own is not None:
                self._from_extension = True
                return (
                    own
                    if own.tokens_before is not None
                    else structs.replace(own, tokens_before=preparation.tokens_before)
                )
        return await summarize(preparation, state.model, summary_ask(state, self._publish, self.reason))

    async def _write(self, made: OwnCompaction) -> CompactionEntry:
        state = self._state
        entry = self._journal.add(
            lambda: state.store.append_compaction(
                made.summary,
                made.first_kept_entry_id,
                made.tokens_before or 0,
                system_message=system_state(state.transcript, now_ms()),
                details=made.details,
                usage=made.usage,
                from_hook=self._from_extension,
            )
        )
        assert isinstance(entry, CompactionEntry)
        self._journal.reload()
        if self._tell_extension:
            await self._tell_extension(Compacted(entry, self._from_extension, self.reason, self._will_retry))
        result = compaction_result(entry, state.transcript)
        await self._publish(CompactionEnd(self.reason, result, will_retry=self._will_retry))
        return entry


def compaction_result(entry: CompactionEntry, messages: Iterable[AgentMessage]) -> CompactionResult:
    """What clients are told of a compaction after which the model sees `messages`."""
    return CompactionResult(
        entry.summary,
        entry.first_kept_entry_id,
        entry.tokens_before,
        estimate_all(messages),
        entry.usage or UNSET,
        UNSET if entry.details is None else entry.details,
    )

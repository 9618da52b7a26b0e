"""When a session compacts: by hand, when its window fills up, and when a request was too long for it."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pi.harness.compaction.journal import Journal
from pi.harness.compaction.settings import CompactionSettings, compaction_settings
from pi.harness.compaction.trigger import entries_since, is_full, overflowed
from pi.harness.events import CompactionReason, EntryAppended, SessionEvent
from pi.harness.state import SessionState
from pi.harness.storage.entries import CompactionEntry, Entry, MessageEntry, ModelChange
from pi.llm.messages import AssistantMessage, ToolResultMessage, UserMessage
from pi.llm.models import Model
from pi.llm.overflow import is_overflow
from pi.platform.errors import ConfigError, PiError

if TYPE_CHECKING:  # most runs end without a compaction: how it is done is imported when it is
    from pi.harness.compaction.attempt import Attempt
    from pi.harness.compaction.extension import CompactionPreparation

ALREADY = "Already compacted"
TOO_SMALL = "Nothing to compact (session too small)"
_TRIED_OVERFLOW = (
    "Context overflow recovery failed after one compact-and-retry attempt. Try reducing context or switching "
    "to a larger-context model."
)
_TRIED_LENGTH = "Truncated response recovery failed after one compact-and-retry attempt."


class Compactor:
    """Compacts one session; extensions may cancel a compaction or write its summary."""

    def __init__(
        self,
        state: SessionState,
        publish: Callable[[SessionEvent], Awaitable[Any]],
        aborted: Callable[[], bool],
        warnings: list[str],
    ):
        self._state = state
        self._publish = publish
        self._aborted = aborted
        self._journal = Journal(state, warnings)
        self._attempt: Attempt | None = None
        self._recovered = False  # one attempt for each thing that the user says

    @property
    def running(self) -> CompactionReason | None:
        """Why a compaction is going on, None while there is none."""
        return None if self._attempt is None or self._attempt.over else self._attempt.reason

    def abort(self) -> None:
        """Stop the compaction that is going on; the conversation stays as it is."""
        if self._attempt is not None:
            self._attempt.abort.fire()

    def settings(self) -> CompactionSettings:
        """What holds for the session's model. Raises ConfigError for values that can't be used."""
        return compaction_settings(self._state.setup.settings, self._state.model)

    async def compact(self, focus: str | None = None) -> CompactionEntry:
        """Compact now, whatever the settings say; `focus` is what the summary should look at most.

        Raises CompactionCancelled, and PiError when there is nothing to compact or no summary to be had.
        """
        from pi.harness.compaction.preparation import prepare

        def prepared() -> "CompactionPreparation":
            self._state.setup.registry.check_key(self._state.model)  # the first that has to be said
            made = prepare(self._state.store, self.settings(), "manual", focus=focus)
            if made is None:
                raise PiError(ALREADY if self._is_compacted() else TOO_SMALL)
            return made

        return await self._begin("manual").run(prepared)

    def heard(self, message: Any) -> None:
        """A message was saved: a new one of the user's, or a whole answer, allows another recovery."""
        match message:
            case UserMessage():
                self._recovered = False
            case AssistantMessage(stop_reason=stop) if stop not in ("error", "length"):
                self._recovered = False
            case _:
                pass

    async def before_prompt(self) -> None:
        """Compact if the conversation has no room for a new prompt; its last answer may have said so."""
        for message in reversed(self._state.transcript):
            if isinstance(message, AssistantMessage):
                await self._check(message)
                return

    async def before_turn(self) -> None:
        """Compact if the results of tools, or what was queued, have filled the window."""
        settings = self._automatic_settings()
        if settings and is_full(self._state.store, self._state.model, settings):
            await self._automatic("threshold", settings)

    async def after_run(self, message: AssistantMessage) -> bool:
        """After a run that ended with `message`; True when its last request is to be made again."""
        return message.stop_reason != "aborted" and await self._check(message)

    async def _check(self, message: AssistantMessage) -> bool:
        state, settings = self._state, self._automatic_settings()
        if settings is None:
            return False
        since = entries_since(state.store, message)
        if since is not None and overflowed(message, since, self._asked(since)):
            return await self._recover(message, since, settings)
        if is_full(state.store, state.model, settings):
            await self._automatic("threshold", settings)
        return False

    def _asked(self, since: Sequence[Entry]) -> Model:
        """The model that was asked for the chosen one, unless another has been chosen since."""
        asked = self._state.asked
        switched = any(isinstance(entry, ModelChange) for entry in since)
        return self._state.model if asked is None or switched else asked.model

    async def _recover(
        self, message: AssistantMessage, since: Sequence[Entry], settings: CompactionSettings
    ) -> bool:
        """The request or its answer didn't fit: hide the attempt, compact, and try once more."""
        if message.stop_reason == "stop":  # the answer is whole; only the next one won't fit
            await self._automatic("overflow", settings)
            return False
        if self._recovered:
            too_long = is_overflow(message, self._asked(since).context_window)
            await self._begin("overflow").fail(_TRIED_OVERFLOW if too_long else _TRIED_LENGTH)
            return False
        self._recovered = True
        for entry in since:
            if _belongs_to_attempt(entry):
                edit = self._journal.add(lambda id=entry.id: self._state.store.append_context_edit(id, None))
                await self._publish(EntryAppended(edit))
        self._journal.reload()
        return await self._automatic("overflow", settings, will_retry=True)

    def _automatic_settings(self) -> CompactionSettings | None:
        """None when nothing is to happen by itself now."""
        if self._aborted():
            return None
        try:
            settings = self.settings()
        except ConfigError as error:  # the prompt was fine with them: the model has been changed since
            self._journal.warn(str(error))
            return None
        return settings if settings.enabled else None

    async def _automatic(
        self, reason: CompactionReason, settings: CompactionSettings, *, will_retry: bool = False
    ) -> bool:
        from pi.harness.compaction.preparation import prepare

        prepared = prepare(self._state.store, settings, reason, will_retry=will_retry)
        if prepared is None:
            return False
        try:
            await self._begin(reason, will_retry=will_retry).run(lambda: prepared)
        except PiError:
            return False  # its last event has said so
        return True

    def _begin(self, reason: CompactionReason, *, will_retry: bool = False) -> "Attempt":
        from pi.harness.compaction.attempt import Attempt
        from pi.harness.compaction.extension import ask_extensions, tell_extensions

        hooks = self._state.hooks
        self._attempt = Attempt(
            self._state,
            self._publish,
            self._journal,
            reason=reason,
            will_retry=will_retry,
            ask_extension=partial(ask_extensions, hooks) if hooks.has("session_before_compact") else None,
            tell_extension=partial(tell_extensions, hooks),
        )
        return self._attempt

    def _is_compacted(self) -> bool:
        store = self._state.store
        return isinstance(store.get(store.leaf or ""), CompactionEntry)


def _belongs_to_attempt(entry: Entry) -> bool:
    """Of what came since an answer: it, and the results of its calls."""
    return isinstance(entry, MessageEntry) and isinstance(entry.message, AssistantMessage | ToolResultMessage)

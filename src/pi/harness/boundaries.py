"""The ends of turns and runs, where extensions append entries or have the model go on."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pi.agent.events import MessageEnd, MessageStart, TurnEnd
from pi.agent.guard import Stop
from pi.harness.context import build_context
from pi.harness.events import EntryAppended
from pi.harness.state import SessionState
from pi.harness.storage.entries import CustomEntry, CustomMessage, CustomMessageEntry
from pi.llm.messages import AssistantMessage
from pi.platform.clock import now_ms
from pi.platform.errors import PiError

MOST_EXTRA_TURNS = 50  # that extensions may ask for in a row: one that always does would never end


class Boundaries:
    """Counts turns, knows the entries of the current one, and asks extensions at its end."""

    def __init__(self, state: SessionState, emit: Callable[[Any], Awaitable[Any]]):
        self._state = state
        self._emit = emit
        self._turn = -1
        self._extra = 0
        self._saved: list[tuple[Any, str]] = []

    def begin_run(self) -> None:
        """A run that the user or a message began."""
        self._turn = -1
        self._extra = 0
        self._state.stopped = None
        if (budget := self._state.setup.budget) is not None:
            budget.begin(self._state.store)

    def save(self, message: Any) -> None:
        """Make a message an entry. Raises SessionWriteError."""
        store = self._state.store
        try:
            if isinstance(message, CustomMessage):
                store.append(
                    CustomMessageEntry,
                    custom_type=message.custom_type,
                    content=message.content,
                    display=message.display,
                    details=message.details,
                )
            else:
                store.append_message(message)
        finally:
            self._saved.append((message, store.leaf or ""))

    async def turn_started(self) -> None:
        """Tell that a turn begins."""
        self._turn += 1
        self._saved.clear()
        if self._state.hooks.has("turn_start"):
            from pi.harness.extensions.events import TurnStart

            await self._state.hooks.tell("turn_start", TurnStart(self._turn, now_ms()))

    async def turn_ended(self, ended: TurnEnd) -> bool | None:
        """Ask at the end of a turn: True when one more response is wanted, False when the run has to end."""
        if not self._state.hooks.has("turn_end"):
            return None
        from pi.harness.extensions.events import TurnEnd as Asked

        ids = {id(message): entry_id for message, entry_id in self._saved}
        return await self._ask(
            "turn_end",
            Asked(
                self._turn,
                ended.message,
                ended.tool_results,
                self._id_of(AssistantMessage),
                tuple(ids.get(id(result), "") for result in ended.tool_results),
            ),
        )

    async def before_settle(self, message: AssistantMessage | None) -> bool:
        """Ask when nothing is left to do; True when the model is to go on."""
        if not self._state.hooks.has("agent_before_settle"):
            return False
        from pi.harness.extensions.events import AgentBeforeSettle

        failed = message is not None and message.stop_reason == "error"
        return (
            await self._ask(
                "agent_before_settle", AgentBeforeSettle("error" if failed else "completed", message)
            )
            is True
        )

    async def append(self, drafts: Sequence[Any]) -> None:
        """Append what extensions drafted, all or nothing; raises PiError for what can't be appended."""
        from pi.harness.extensions.answers import Data, Edit, Note

        store = self._state.store
        for draft in drafts:
            if isinstance(draft, Edit):
                store.check_edit(draft.target_id)
        rebuild = False
        for draft in drafts:
            match draft:
                case Note():
                    await self.enter(custom_message(draft))
                case Data(kind, data):
                    await self._emit(EntryAppended(store.append(CustomEntry, custom_type=kind, data=data)))
                case Edit(target, replacement):
                    rebuild = True
                    await self._emit(EntryAppended(store.append_context_edit(target, replacement)))
                case _:
                    rebuild = True
                    entry = store.append_compaction(
                        draft.summary,
                        draft.first_kept_entry_id,
                        draft.tokens_before or 0,
                        details=draft.details,
                        usage=draft.usage,
                        from_hook=True,
                    )
                    await self._emit(EntryAppended(entry))
        if rebuild:
            self._state.transcript[:] = build_context(store.context_branch())

    async def enter(self, message: Any) -> None:
        """A message that is complete, into file and transcript."""
        await self._emit(MessageStart(message))
        self._state.transcript.append(await self._emit(MessageEnd(message)))

    async def _ask(self, name: str, event: Any) -> bool | None:
        from pi.harness.extensions.answers import Boundary

        answers = await self._state.hooks.answers(name, event, (Boundary, Stop))
        stops = [answer for answer in answers if isinstance(answer, Stop)]
        answers = [answer for answer in answers if isinstance(answer, Boundary)]
        drafts = [draft for answer in answers for draft in answer.entries]
        try:
            await self.append(drafts)
        except PiError as error:
            self._state.hooks.report("", name, f"nothing was appended: {error}")
        if stops:
            self._state.stopped = stops[0].reason
            return False
        if not any(answer.go_on for answer in answers):
            self._extra = 0
            return None
        self._extra += 1
        if self._extra > MOST_EXTRA_TURNS:
            self._state.hooks.report(
                "", name, f"asked to go on {MOST_EXTRA_TURNS} times in a row; it ends here"
            )
            return None
        return True

    def _id_of(self, kind: type) -> str:
        return next(
            (entry_id for message, entry_id in reversed(self._saved) if isinstance(message, kind)), ""
        )


def custom_message(note: Any) -> CustomMessage:
    """An extension's note as a message of now."""
    if note.details is None:
        return CustomMessage(note.custom_type, note.content, note.display, now_ms())
    return CustomMessage(note.custom_type, note.content, note.display, now_ms(), note.details)

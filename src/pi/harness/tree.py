"""The session's branches: going back, forking, cloning, and the ways to a new or another session."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from pi.harness.context import build_context
from pi.harness.entries import BranchSummary, CustomMessageEntry, Entry, MessageEntry
from pi.harness.events import EntryAppended, SessionInfoChanged
from pi.harness.state import SessionState
from pi.harness.store import Store
from pi.llm.messages import UserMessage, content_text
from pi.platform.errors import PiError

Replace = Callable[..., Awaitable[None]]
Publish = Callable[[Any], Awaitable[Any]]


class Moved(Struct, frozen=True):
    """Where a move led; `text` is the user's message that was left, for the editor."""

    text: str | None = None
    summary: BranchSummary | None = None
    cancelled: bool = False


class SessionTree:
    """Branches and sessions. Extensions can refuse each move; to leave the session it must be idle."""

    def __init__(self, state: SessionState, publish: Publish, replace: Replace):
        self._state = state
        self._publish = publish
        self._replace = replace

    async def set_name(self, name: str) -> None:
        """Name the session; an empty name takes the old one away."""
        self._state.store.append_session_info(name)
        await self._publish(SessionInfoChanged(self._state.store.name))

    async def set_label(self, entry_id: str, label: str | None) -> None:
        """Label an entry, or take its label away. Raises PiError when there is no such entry."""
        await self._publish(EntryAppended(self._state.store.append_label(entry_id, label)))

    async def new(self, *, parent: str | None = None) -> bool:
        """Go on in a new session; False when an extension refused."""
        store = self._state.store
        if await self._refused("new", None):
            return False
        fresh = (
            Store.create(store.cwd, directory=store.path.parent, parent_session=parent)
            if store.path
            else Store.in_memory(store.cwd)
        )
        await self._replace(fresh, "new", previous=store.path)
        return True

    async def switch(self, path: Path, *, cwd: Path | None = None) -> bool:
        """Go on in the session of a file; False when an extension refused. Raises PiError for no session."""
        if await self._refused("resume", path):
            return False
        previous = self._state.store.path
        await self._replace(Store.open(path, cwd=cwd), "resume", previous=previous)
        return True

    async def fork(self, entry_id: str, *, position: Literal["before", "at"] = "before") -> Moved:
        """Go on in a copy of the path up to an entry: without it (a user's message), or with it."""
        store = self._state.store
        entry = store.get(entry_id)
        if entry is None:
            raise PiError("Invalid entry ID for forking")
        text = None
        leaf: str | None = entry_id
        if position == "before":
            if not (isinstance(entry, MessageEntry) and isinstance(entry.message, UserMessage)):
                raise PiError("Invalid entry ID for forking")
            text, leaf = content_text(entry.message.content), entry.parent_id
        if self._state.hooks.has("session_before_fork"):
            from pi.harness.compaction.extension import Cancel
            from pi.harness.extensions.events import SessionBeforeFork

            asked = SessionBeforeFork(entry_id, position)
            if await self._state.hooks.first("session_before_fork", asked, (Cancel,)):
                return Moved(text, cancelled=True)
        directory = store.path.parent if store.path else None
        fresh = store.clone_to(directory or store.cwd, leaf=leaf)
        await self._replace(fresh, "fork", previous=store.path)
        return Moved(text)

    async def clone(self) -> Moved:
        """Go on in a copy of the current branch. Raises PiError when there is nothing to copy."""
        if self._state.store.leaf is None:
            raise PiError("Cannot clone session: no current entry selected")
        return await self.fork(self._state.store.leaf, position="at")

    async def navigate(
        self,
        entry_id: str,
        *,
        summarize: bool = False,
        instructions: str | None = None,
        replace_instructions: bool = False,
        label: str | None = None,
    ) -> Moved:
        """Go on from another entry of this session; the branch that is left may be summed up.

        From a user's message it goes on before it, and gives its text. Raises PiError for an unknown entry.
        """
        store = self._state.store
        target = store.get(entry_id)
        if target is None:
            raise PiError(f"Entry {entry_id} not found")
        before = store.leaf
        if before == entry_id:
            return Moved()
        left = _left_behind(store, entry_id)
        answer = await self._asked(target, left, summarize, instructions, label)
        from pi.harness.compaction.extension import Cancel
        from pi.harness.extensions.answers import OwnSummary, SummaryOptions

        own = None
        match answer:
            case Cancel():
                return Moved(cancelled=True)
            case OwnSummary():
                own = answer
            case SummaryOptions():
                instructions = answer.instructions or instructions
                replace_instructions = answer.replace_instructions or replace_instructions
                label = answer.label or label
            case _:
                pass
        summary = await self._summary(left, own, instructions, replace_instructions) if summarize else None
        text, leaf = _landing(target)
        store.move_to(leaf)
        entry = None
        if summary is not None:
            entry = store.append(
                BranchSummary,
                from_id=leaf,
                summary=summary.summary,
                details=summary.details,
                usage=summary.usage,
                from_hook=True if own else None,
            )
        if label:
            store.append_label(entry.id if entry else entry_id, label)
        self._state.transcript[:] = build_context(store.context_branch())
        if self._state.hooks.has("session_tree"):
            from pi.harness.extensions.events import SessionTree as Told

            await self._state.hooks.tell("session_tree", Told(store.leaf, before, entry, own is not None))
        return Moved(text, entry)

    async def _asked(
        self,
        target: Entry,
        left: Sequence[Entry],
        summarize: bool,
        instructions: str | None,
        label: str | None,
    ) -> Any:
        if not self._state.hooks.has("session_before_tree"):
            return None
        from pi.harness.compaction.extension import Cancel
        from pi.harness.extensions.answers import OwnSummary, SummaryOptions
        from pi.harness.extensions.events import SessionBeforeTree

        asked = SessionBeforeTree(
            target.id,
            self._state.store.leaf,
            left[0].parent_id if left else target.id,
            tuple(left),
            summarize,
            instructions,
            label,
        )
        answers = await self._state.hooks.answers(
            "session_before_tree", asked, (Cancel, OwnSummary, SummaryOptions)
        )
        return next((a for a in answers if isinstance(a, Cancel)), answers[-1] if answers else None)

    async def _summary(
        self, left: Sequence[Entry], own: Any, instructions: str | None, replace_instructions: bool
    ) -> Any:
        if own is not None or not left:
            return own
        raise PiError("Branch summaries aren't part of this version yet. Navigate without one.")

    async def _refused(self, reason: Literal["new", "resume"], path: Path | None) -> bool:
        if not self._state.hooks.has("session_before_switch"):
            return False
        from pi.harness.compaction.extension import Cancel
        from pi.harness.extensions.events import SessionBeforeSwitch

        asked = SessionBeforeSwitch(reason, path)
        return await self._state.hooks.first("session_before_switch", asked, (Cancel,)) is not None


def _left_behind(store: Store, target_id: str) -> list[Entry]:
    """The entries of the branch that only it has, root first: what a jump to the target leaves."""
    path = store.branch()
    here = store.leaf
    store.move_to(target_id)
    try:
        common = {entry.id for entry in store.branch()}
    finally:
        store.move_to(here)
    return [entry for entry in path if entry.id not in common]


def _landing(target: Entry) -> tuple[str | None, str | None]:
    """The text for the editor and the leaf: before what somebody said, after everything else."""
    match target:
        case MessageEntry(message=UserMessage(content=content)):
            return content_text(content), target.parent_id
        case CustomMessageEntry(content=content):
            return content_text(content), target.parent_id
        case _:
            return None, target.id

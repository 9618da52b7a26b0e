"""The session's branches: going back, forking, cloning, and the ways to a new or another session."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from pi.agent.abort import Abort, Aborted
from pi.harness.compaction.branch_summary import abandoned_entries, summarize_branch
from pi.harness.compaction.extension import Cancel
from pi.harness.compaction.summary import summary_ask
from pi.harness.context import build_context
from pi.harness.events import SessionInfoChanged
from pi.harness.extensions.answers import OwnSummary, SummaryOptions
from pi.harness.state import SessionState
from pi.harness.storage.entries import BranchSummary, CustomMessageEntry, Entry, MessageEntry
from pi.harness.storage.store import Store
from pi.llm.messages import UserMessage, content_text
from pi.platform.errors import PiError

Replace = Callable[..., Awaitable[None]]
Publish = Callable[[Any], Awaitable[Any]]
_UNSAVED = (
    "This session has not been saved yet. Wait for the first assistant response before cloning or forking it."
)


class Moved(Struct, frozen=True):
    """Where a move led; `text` is the user's message that was left, for the editor."""

    text: str | None = None
    summary: BranchSummary | None = None
    cancelled: bool = False


class _Refused(Exception):
    """An extension doesn't want the move."""


class _Note(Struct, frozen=True):
    """What stands for the branch that is left, and the label for it or for where it leads."""

    summary: OwnSummary | None
    label: str | None
    from_extension: bool = False


class SessionTree:
    """Branches and sessions. Extensions can refuse each move; to leave the session it must be idle."""

    def __init__(
        self,
        state: SessionState,
        publish: Publish,
        replace: Replace,
        at_work: Callable[[], tuple[bool, bool]],
    ):
        self._state = state
        self._publish = publish
        self._replace = replace
        self._at_work = at_work  # whether a run goes on, whether a summary is being made
        self._abort: Abort | None = None

    @property
    def summarizing(self) -> bool:
        """Whether a move to another branch is going on."""
        return self._abort is not None

    def abort(self) -> None:
        """Stop the summary of a branch; the session stays where it is."""
        if self._abort is not None:
            self._abort.fire()

    def user_messages(self) -> list[tuple[str, str]]:
        """Id and text of all that the user said, on any branch, oldest first: where a fork can begin."""
        return [
            (entry.id, text)
            for entry in self._state.store.entries()
            if isinstance(entry, MessageEntry)
            and isinstance(entry.message, UserMessage)
            and (text := content_text(entry.message.content))
        ]

    async def set_name(self, name: str) -> None:
        """Name the session; an empty name takes the old one away."""
        self._state.store.append_session_info(name)
        await self._publish(SessionInfoChanged(self._state.store.name))

    async def set_label(self, entry_id: str, label: str | None) -> None:
        """Label an entry, or take its label away. Raises PiError when there is no such entry."""
        self._state.store.append_label(entry_id, label)

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
        store = Store.open(path, cwd=cwd)
        if not store.cwd.is_dir():
            raise PiError(
                f"Stored session working directory does not exist: {store.cwd}\nSession file: {path}\n"
                f"Current working directory: {self._state.store.cwd}"
            )
        await self._replace(store, "resume", previous=previous)
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
            from pi.harness.extensions.events import SessionBeforeFork

            asked = SessionBeforeFork(entry_id, position)
            if await self._state.hooks.first("session_before_fork", asked, (Cancel,)):
                return Moved(text, cancelled=True)
        if store.path and leaf is not None and not store.path.exists():
            raise PiError(_UNSAVED)
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
        busy, compacting = self._at_work()
        if busy:
            raise PiError("Wait for the current response to finish before navigating the session tree.")
        if compacting:
            raise PiError(
                "Wait for the current compaction or tree navigation to finish "
                "before navigating the session tree."
            )
        store = self._state.store
        if store.leaf == entry_id:
            return Moved()
        target = store.get(entry_id)
        if target is None:
            raise PiError(f"Entry {entry_id} not found")
        options = SummaryOptions(instructions, replace_instructions, label)
        abort = self._abort = Abort()
        try:
            async with abort.scope():
                note = await self._note(target, options, summarize=summarize)
        except (Aborted, _Refused):
            return Moved(cancelled=True)
        finally:
            self._abort = None
        return await self._move(target, note)

    async def _note(self, target: Entry, options: SummaryOptions, *, summarize: bool) -> _Note:
        """Ask the extensions, and the model for a summary. Raises _Refused, and what `summary_ask` raises."""
        left, common = abandoned_entries(self._state.store, target.id)
        if self._state.hooks.has("session_before_tree"):
            match await self._asked(target, left, common, options, summarize):
                case Cancel():
                    raise _Refused
                case OwnSummary() as own if summarize:
                    return _Note(own, options.label, from_extension=True)
                case SummaryOptions() as changed:
                    options = SummaryOptions(
                        changed.instructions if changed.instructions is not None else options.instructions,
                        changed.replace_instructions or options.replace_instructions,
                        changed.label if changed.label is not None else options.label,
                    )
                case _:
                    pass
        if not summarize or not left:
            return _Note(None, options.label)
        made = await summarize_branch(
            left,
            self._state.model,
            summary_ask(self._state, self._publish),
            reserve_tokens=self._state.setup.settings.number("branchSummary.reserveTokens"),
            instructions=options.instructions,
            replace_instructions=options.replace_instructions,
        )
        own = OwnSummary(made.summary, made.files.details, made.usage)
        return _Note(own, options.label)

    async def _move(self, target: Entry, note: _Note) -> Moved:
        store = self._state.store
        before = store.leaf
        text, leaf = _landing(target)
        store.move_to(leaf)
        entry = None
        if note.summary is not None and note.summary.summary:
            entry = store.append(
                BranchSummary,
                from_id=before or "root",
                summary=note.summary.summary,
                details=note.summary.details,
                usage=note.summary.usage,
                from_hook=note.from_extension,
            )
        if note.label:
            store.append_label(entry.id if entry else target.id, note.label)
        self._state.transcript[:] = build_context(store.context_branch())
        if self._state.hooks.has("session_tree"):
            from pi.harness.extensions.events import SessionTree as Told

            told = Told(store.leaf, before, entry, note.from_extension)
            await self._state.hooks.tell("session_tree", told)
        return Moved(text, entry)

    async def _asked(
        self,
        target: Entry,
        left: Sequence[Entry],
        common: str | None,
        options: SummaryOptions,
        summarize: bool,
    ) -> Any:
        from pi.harness.extensions.events import SessionBeforeTree

        asked = SessionBeforeTree(
            target.id,
            self._state.store.leaf,
            common,
            tuple(left),
            summarize,
            options.instructions,
            options.label,
        )
        answers = await self._state.hooks.answers(
            "session_before_tree", asked, (Cancel, OwnSummary, SummaryOptions)
        )
        return next((a for a in answers if isinstance(a, Cancel)), answers[-1] if answers else None)

    async def _refused(self, reason: Literal["new", "resume"], path: Path | None) -> bool:
        if not self._state.hooks.has("session_before_switch"):
            return False
        from pi.harness.extensions.events import SessionBeforeSwitch

        asked = SessionBeforeSwitch(reason, path)
        return await self._state.hooks.first("session_before_switch", asked, (Cancel,)) is not None


def _landing(target: Entry) -> tuple[str | None, str | None]:
    """The text for the editor and the leaf: before what somebody said, after everything else."""
    match target:
        case MessageEntry(message=UserMessage(content=content)):
            return content_text(content), target.parent_id
        case CustomMessageEntry(content=content):
            return content_text(content), target.parent_id
        case _:
            return None, target.id

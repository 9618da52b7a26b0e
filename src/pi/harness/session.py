"""A session: a conversation with its file, its model and its tools; prompts go in, events come out."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import structs

from pi.agent.abort import Abort, Aborted
from pi.agent.events import AgentEnd, MessageEnd, MessageStart, TurnEnd, TurnStart
from pi.agent.hooks import Failure, Hooks
from pi.agent.loop import run
from pi.harness.boundaries import Boundaries, custom_message
from pi.harness.compaction.compactor import Compactor
from pi.harness.context import build_context
from pi.harness.delivery import Delivery
from pi.harness.event_stream import EventStream
from pi.harness.events import AgentSettled, EntryAppended, ExtensionFailed, SessionEvent, SessionWarning
from pi.harness.host import SessionHost
from pi.harness.intake import Intake
from pi.harness.listeners import Listener, Listeners
from pi.harness.models.routing import LazyFailover
from pi.harness.models.switch import ModelSwitch
from pi.harness.queues import Queues, SessionBusy
from pi.harness.recovery import Recovery
from pi.harness.shell import Shell
from pi.harness.state import SessionState, Setup
from pi.harness.storage.entries import CompactionEntry, CustomMessage
from pi.harness.storage.file import SessionWriteError
from pi.harness.storage.store import Store
from pi.harness.toolbox import Toolbox
from pi.llm.messages import AssistantMessage, Image, ThinkingLevel, UserMessage
from pi.llm.models import Model
from pi.platform.errors import PiError

if TYPE_CHECKING:
    from pi.harness.tree import SessionTree

WhenBusy = Literal["steer", "follow_up"]
Source = Literal["interactive", "rpc", "extension"]
Disposition = Literal["started", "queued", "handled"]
_ASKED = frozenset(("message_end", "turn_start", "turn_end", "agent_settled"))  # told in their own places


class Session:
    """One conversation. Everything that happens passes `_emit`: hooks, then the file, then subscribers."""

    def __init__(self, store: Store, model: Model, level: ThinkingLevel, setup: Setup):
        self.hooks = Hooks(self._report_hook)
        self.warnings: list[str] = []
        self.last_message: AssistantMessage | None = None
        self.state = SessionState(store, model, level, setup, self.hooks)
        self.state.transcript = list(build_context(store.context_branch()))
        self._compactor = Compactor(self.state, self._publish, self._is_aborted, self.warnings)
        self._delivery = Delivery(self)
        before_turn = (self._delivery.between_turns, self._compactor.before_turn)
        self.host = SessionHost(self.state, self._emit, before_turn, lambda: self.busy)
        self.models = ModelSwitch(self.state, self._publish)
        self._intake = Intake(self.state, self.warnings)
        self.queue = Queues(self.state, self._intake, self._publish, lambda: self.busy)
        self._listeners = Listeners()
        self.announce = self._listeners.announce  # at once, from where nothing can be waited for
        self.shell = Shell(self.state, self.host.env, self._save, lambda: self.busy, self.announce)
        self._boundaries = Boundaries(self.state, self._emit)
        self.state.failover, self.state.warn = LazyFailover(self.state, self._publish), self._warn
        self.recovery = Recovery(self.state, self._publish, self._omit_last, self._compactor.after_run)
        self._abort: Abort | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._last_entry_id: str | None = None
        self._tree: SessionTree | None = None
        self._posted: set[asyncio.Task[None]] = set()
        self._started = False

    @property
    def store(self) -> Store:
        """The session's file and tree."""
        return self.state.store

    @property
    def model(self) -> Model:
        """The model that answers next."""
        return self.state.model

    @property
    def thinking_level(self) -> ThinkingLevel:
        """The level at which it thinks."""
        return self.state.thinking_level

    @property
    def messages(self) -> tuple[Any, ...]:
        """The transcript as the model would see it now, system messages in place."""
        return tuple(self.state.transcript)

    @property
    def busy(self) -> bool:
        """Whether a run is going on."""
        return self._abort is not None

    @property
    def compacting(self) -> bool:
        """Whether a summary is being made, of the conversation or of a branch."""
        return self._compactor.running is not None or (self._tree is not None and self._tree.summarizing)

    @property
    def setup(self) -> Setup:
        """What the session is made of: settings, models, skills, templates."""
        return self.state.setup

    @property
    def tools(self) -> Toolbox:
        """The tools that there are, and those that the model has."""
        return self.state.setup.toolbox

    @property
    def extensions(self) -> Any:
        """The extensions (`pi.harness.extensions.host.ExtensionHost`), or None."""
        return extensions.host if (extensions := self.state.setup.extensions) is not None else None

    @property
    def tree(self) -> "SessionTree":
        """The branches of the session, and the ways to another session."""
        if self._tree is None:
            from pi.harness.tree import SessionTree

            self._tree = SessionTree(
                self.state, self._publish, self._replace, lambda: (self.busy, self.compacting)
            )
        return self._tree

    async def start(self) -> None:
        """Let the extensions begin; the first prompt does it if nobody else has."""
        if not self._started:
            self._started = True
            if self.setup.extensions is not None:
                await self.setup.extensions.start(self, "startup", None)
            await self._delivery.open(watch=self.setup.long_lived)

    async def prompt(
        self,
        text: str,
        *,
        images: Sequence[Image] = (),
        when_busy: WhenBusy | None = None,
        source: Source = "interactive",
        expand: bool = True,
        accepted: Callable[[Disposition], None] = lambda disposition: None,
    ) -> None:
        """Say something and run until the session is idle again.

        While it runs, `when_busy` queues the text instead; without it SessionBusy is raised. A failed
        response is no exception: it is `last_message`, with the stop reason "error". Raises PiError when
        there is no key for the model. Commands, skills and templates count only with `expand`; `accepted`
        hears what becomes of the text as soon as that is clear.
        """
        await self.start()
        if expand and await self._intake.command(text, self.reload):
            accepted("handled")
            return
        if not self.busy and self.compacting:
            raise SessionBusy(
                "Cannot submit a prompt while compaction is in progress. "
                "Wait for compaction to finish and retry."
            )
        message = await self._intake.hear(text, images, source, when_busy, expanded=expand)
        if message is None:
            accepted("handled")
            return
        if self.busy:
            await self.queue.add(message, when_busy)
            accepted("queued")
            return
        self.models.check_key()
        self._compactor.settings()
        accepted("started")
        async with self.models.for_run(self._intake.wish):
            await self._run(message)

    async def send(
        self, note: Any, *, when: Literal["steer", "follow_up", "next"] = "steer", run: bool = False
    ) -> None:
        """Tell the model something that the user didn't say: a `Note`, or a message.

        A running agent hears it at once or when it would stop; with "next" it waits for the next prompt. An
        idle session keeps it, and answers it if `run`.
        """
        message = note if hasattr(note, "timestamp") else custom_message(note)
        if when == "next":
            self.state.with_next.append(message)
        elif self.busy:
            await self.queue.add(message, when)
        elif run:
            await self.start()
            await self._run(message)
        else:
            await self._boundaries.enter(message)

    def post(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something as soon as nothing runs, such as a prompt; `wait_idle` waits for it too."""

        async def later() -> None:
            await self._idle.wait()
            try:
                await work()
            except PiError as error:
                self.warnings.append(str(error))

        task = asyncio.create_task(later())
        self._posted.add(task)
        task.add_done_callback(self._posted.discard)

    async def abort(self, *, wait: bool = True) -> None:
        """Stop the run, its tools and its retries; `wait` until the session is idle (not inside a run)."""
        if self._abort is not None:
            self._abort.fire()
        self._compactor.abort()
        if self._tree is not None:
            self._tree.abort()
        if wait:
            await self._idle.wait()

    async def compact(self, focus: str | None = None) -> CompactionEntry:
        """Sum up what was said so far; `focus` is what the summary should look at most. Stops a run first.

        Raises PiError when there is nothing to compact, when it was stopped, and when there is no summary.
        """
        await self.abort()
        self._idle.clear()
        try:
            return await self._compactor.compact(focus)
        finally:
            if not self.busy:  # whoever heard of the end may have spoken already
                self._idle.set()

    async def wait_idle(self) -> None:
        """Return once nothing runs and nothing was posted."""
        own = asyncio.current_task()
        while waiting := [task for task in self._posted if task is not own]:
            await asyncio.wait(waiting)
        await self._idle.wait()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hear every event after it was saved; the result unsubscribes. An async listener is waited for."""
        return self._listeners.add(listener)

    def events(self) -> EventStream:
        """The events from now on, to be read at any speed."""
        return EventStream(self.subscribe)

    async def reload(self) -> None:
        """Read settings, prompts, skills and extensions again. Raises SessionBusy while a run goes on."""
        await self._replace(self.store, "reload")

    async def close(self) -> None:
        """End: tell the extensions, stop what they run, let go of the file.

        Raises SessionWriteError when something can't be written.
        """
        for task in list(self._posted):
            if task is not asyncio.current_task():
                task.cancel()
        self.shell.abort()
        self.host.close()
        if self.setup.extensions is not None:
            await self.setup.extensions.stop("quit", None)
        self._started = False
        self._delivery.close()
        self._listeners.end()
        self.store.close()

    async def __aenter__(self) -> "Session":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def _replace(self, store: Store, reason: Any, *, previous: Path | None = None) -> None:
        """Go on with another store, or the same read again; subscribers stay. On an error nothing changes."""
        if self.busy:
            raise SessionBusy("The agent is running. Stop it or wait until it is done.")
        setup = self.setup
        if setup.remake is None:
            raise PiError("This session was made by hand and can't be made again.")
        before, made = self.store, await setup.remake(store)
        if setup.extensions is not None and self._started:
            await setup.extensions.stop(reason, store.path if store is not self.store else None)
        if store is self.store:
            made = structs.replace(made, model=self.model, thinking_level=self.thinking_level)
        else:
            self._delivery.close()
            self.store.close()
        self.warnings += made.warnings
        self.state.become(store, made)
        self.last_message = next(
            (m for m in reversed(self.state.transcript) if isinstance(m, AssistantMessage)), None
        )
        self._last_entry_id = None
        if store is not before:
            self.models.begin()
        if made.setup.extensions is not None:
            self._started = True
            await made.setup.extensions.start(self, reason, previous)
        if store is not before:
            await self._delivery.open(watch=made.setup.long_lived)

    async def _run(self, message: Any) -> None:
        abort = self._abort = Abort()
        self._idle.clear()
        self._boundaries.begin_run()
        aborted = False
        try:
            await self._compactor.before_prompt()
            try:
                async with abort.scope():
                    prompts = await self._intake.prompts(message)
            except Aborted:  # what was said is kept
                prompts = [message]
            await run(self.host, self.state.transcript, prompts, abort)
            while self.state.stopped is None:
                if await self.recovery.goes_on(self.last_message, abort):
                    await run(self.host, self.state.transcript, (), abort)
                    continue
                ended = self.last_message
                aborted = abort.fired or (ended is not None and ended.stop_reason == "aborted")
                if aborted or not await self._boundaries.before_settle(ended):
                    break
                await run(self.host, self.state.transcript, (), abort)
        finally:
            self._abort = None
            self.shell.settle()
            await self._publish(AgentSettled())
            if self.hooks.has("agent_settled"):
                from pi.harness.extensions.events import AgentSettled as Settled

                await self.hooks.tell("agent_settled", Settled(aborted))
            self._idle.set()

    def _is_aborted(self) -> bool:
        return self._abort is not None and self._abort.fired

    async def _omit_last(self) -> None:
        """The last response stays in the file, but no request shows it again."""
        transcript = self.state.transcript
        if self._last_entry_id is None or not transcript or transcript[-1] is not self.last_message:
            return
        transcript.pop()
        await self._publish(EntryAppended(self.store.append_context_edit(self._last_entry_id, None)))

    async def _emit(self, event: SessionEvent) -> Any:
        """Where every event of the loop passes; a MessageEnd gives back the message as it was saved."""
        match event:
            case MessageEnd(message):
                if self.hooks.has("message_end"):
                    event = await self._intake.finish(event)
                    message = event.message
                self._save(message)
                self._compactor.heard(message)
                await self._publish(event)
                if isinstance(message, AssistantMessage):
                    await self.host.answered(message)
                    await self.recovery.answered(message)
                return message
            case MessageStart(UserMessage() | CustomMessage() as message):
                await self.queue.delivered(message)
            case TurnStart():
                await self._boundaries.turn_started()
            case TurnEnd():
                await self._publish(event)
                return await self._boundaries.turn_ended(event)
            case AgentEnd():
                will_retry = not self._is_aborted() and self.recovery.will_retry(self.last_message)
                event = structs.replace(event, will_retry=will_retry)
            case _:
                pass
        return await self._publish(event)

    async def _publish(self, event: SessionEvent) -> None:
        name = str(type(event).__struct_config__.tag)
        if name not in _ASKED and self.hooks.has(name):
            await self.hooks.tell(name, event)
        await self._listeners.tell(event)

    def _save(self, message: Any) -> None:
        try:
            self._boundaries.save(message)
        except SessionWriteError as error:  # the store has the entry and writes it with the next one
            self._warn(str(error))
        if isinstance(message, AssistantMessage):
            self.last_message, self._last_entry_id = message, self.store.leaf

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)
            self.announce(SessionWarning(text))

    def _report_hook(self, failure: Failure) -> None:
        if str(failure) not in self.warnings:  # one that fails with every delta says so once
            self.warnings.append(str(failure))
        self.announce(ExtensionFailed(failure.owner, failure.event, failure.error))

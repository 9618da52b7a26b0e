"""A session: a conversation with its file, its model and its tools; prompts go in, events come out."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

from msgspec import structs

from pi.agent.abort import Abort
from pi.agent.events import AgentEnd, MessageEnd, MessageStart
from pi.agent.hooks import Handled, Hooks
from pi.agent.loop import run
from pi.harness.compaction.compactor import Compactor
from pi.harness.context import build_context
from pi.harness.entries import CompactionEntry
from pi.harness.events import AgentSettled, EntryAppended, QueueUpdate, SessionEvent, ThinkingLevelChanged
from pi.harness.host import SessionHost
from pi.harness.prompts import expand
from pi.harness.recovery import Recovery
from pi.harness.session_file import SessionWriteError
from pi.harness.state import SessionState, Setup
from pi.harness.store import Store
from pi.harness.system_prompt import prompt_update
from pi.llm.messages import AssistantMessage, Image, Text, ThinkingLevel, UserMessage, content_text
from pi.llm.models import Model, clamp_level
from pi.platform.clock import now_ms
from pi.platform.errors import PiError

Listener = Callable[[Any], Awaitable[None] | None]
WhenBusy = Literal["steer", "follow_up"]


class SessionBusy(PiError):
    """A prompt came while the agent runs, and didn't say whether to steer or to follow up."""


class Session:
    """One conversation. Everything that happens passes `_emit`: hooks, then the file, then subscribers."""

    def __init__(self, store: Store, model: Model, level: ThinkingLevel, setup: Setup):
        self.hooks = Hooks(self._report_hook)
        self.warnings: list[str] = []
        self.last_message: AssistantMessage | None = None
        self._state = SessionState(store, model, level, setup, self.hooks)
        self._state.transcript = list(build_context(store.context_branch()))
        self._compactor = Compactor(
            self._state, self._publish, aborted=self._is_aborted, warnings=self.warnings
        )
        self._host = SessionHost(self._state, self._emit, self._compactor.before_turn)
        self._recovery = Recovery(self._state, self._publish, self._omit_last, self._compactor.after_run)
        self._listeners: list[Listener] = []
        self._abort: Abort | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._last_entry_id: str | None = None
        self._later: list[Any] = []

    @property
    def store(self) -> Store:
        """The session's file and tree."""
        return self._state.store

    @property
    def model(self) -> Model:
        """The model that answers next."""
        return self._state.model

    @property
    def thinking_level(self) -> ThinkingLevel:
        """The level at which it thinks."""
        return self._state.thinking_level

    @property
    def messages(self) -> tuple[Any, ...]:
        """The transcript as the model would see it now, system messages in place."""
        return tuple(self._state.transcript)

    @property
    def busy(self) -> bool:
        """Whether a run is going on."""
        return self._abort is not None

    async def prompt(
        self, text: str, *, images: Sequence[Image] = (), when_busy: WhenBusy | None = None
    ) -> None:
        """Say something and run until the session is idle again.

        While it runs, `when_busy` queues the text instead; without it SessionBusy is raised. A failed
        response is no exception: it is `last_message`, with the stop reason "error". Raises PiError when
        there is no key for the model, ConfigError for settings that can't be used.
        """
        if self._compactor.running == "manual":
            raise SessionBusy(
                "Cannot submit a prompt while compaction is in progress. "
                "Wait for compaction to finish and retry."
            )
        said = await self.hooks.transform("input", text)
        if isinstance(said, Handled):
            return
        state = self._state
        said = expand(said, state.setup.skills, state.setup.templates, self.warnings)
        message = UserMessage((Text(said), *images), now_ms())
        if self.busy:
            await self._queue(message, when_busy)
            return
        state.setup.registry.check_key(state.model, state.setup.runtime_key)
        self._compactor.settings()
        update = prompt_update(state)
        prompts: list[Any] = [update, message] if update else [message]
        await self._run(await self.hooks.transform("before_agent_start", prompts))

    async def abort(self) -> None:
        """Stop the run, its tools, its retries and compaction, and wait until the session is idle."""
        if self._abort is not None:
            self._abort.fire()
        self._compactor.abort()
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
        """Return once nothing runs."""
        await self._idle.wait()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hear every event after it was saved; the result unsubscribes. An async listener is waited for."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def clear_queue(self) -> tuple[list[str], list[str]]:
        """Take back what waits: the texts of steering and of follow-up messages."""
        taken = [
            [content_text(message.content) for message in queue.clear()]
            for queue in (self._state.steering, self._state.following)
        ]
        await self._publish(self._queue_update())
        return taken[0], taken[1]

    async def set_model(self, model: Model, level: ThinkingLevel | None = None) -> None:
        """Use another model from the next request on; the level is clamped to what it supports."""
        self._state.model = model
        self.store.append_model_change(model.provider, model.id)
        await self.set_thinking_level(level or self.thinking_level)

    async def set_thinking_level(self, level: ThinkingLevel) -> None:
        """Think at another level from the next request on."""
        level = clamp_level(self.model, level)
        if level == self.thinking_level:
            return
        self._state.thinking_level = level
        self.store.append_thinking_level(level)
        await self._publish(ThinkingLevelChanged(level))

    def record(self, message: Any) -> None:
        """Add what no model wrote and no event tells of, such as a shell command of the user's."""
        if self.busy:  # after the run: a call and its result must stay next to each other
            self._later.append(message)
            return
        self._save(message)
        self._state.transcript.append(message)

    def close(self) -> None:
        """Let go of the session file. Raises SessionWriteError when something of it can't be written."""
        self.store.close()

    async def _queue(self, message: UserMessage, when_busy: WhenBusy | None) -> None:
        if when_busy is None:
            raise SessionBusy(
                "Agent is already processing. Specify streamingBehavior ('steer' or 'followUp') "
                "to queue the message."
            )
        (self._state.steering if when_busy == "steer" else self._state.following).add(message)
        await self._publish(self._queue_update())

    async def _run(self, prompts: Sequence[Any]) -> None:
        abort = self._abort = Abort()
        self._idle.clear()
        try:
            await self._compactor.before_prompt()
            await run(self._host, self._state.transcript, prompts, abort)
            while await self._recovery.goes_on(self.last_message, abort):
                await run(self._host, self._state.transcript, (), abort)
        finally:
            self._abort = None
            later, self._later = self._later, []
            for message in later:
                self.record(message)
            await self._publish(AgentSettled())
            self._idle.set()

    def _is_aborted(self) -> bool:
        return self._abort is not None and self._abort.fired

    async def _omit_last(self) -> None:
        """The last response stays in the file, but no request shows it again."""
        transcript = self._state.transcript
        if self._last_entry_id is None or not transcript or transcript[-1] is not self.last_message:
            return
        transcript.pop()
        await self._publish(EntryAppended(self.store.append_context_edit(self._last_entry_id, None)))

    async def _emit(self, event: SessionEvent) -> Any:
        """Where every event of the loop passes; a MessageEnd gives back the message as it was saved."""
        match event:
            case MessageEnd(message):
                if self.hooks.has("message_end"):
                    message = await self.hooks.transform("message_end", message)
                    event = MessageEnd(message)
                self._save(message)
                self._compactor.heard(message)
                await self._publish(event)
                if isinstance(message, AssistantMessage):
                    await self._recovery.answered(message)
                return message
            case MessageStart(UserMessage() as message):
                state = self._state
                if state.steering.delivered(message) or state.following.delivered(message):
                    await self._publish(self._queue_update())
            case AgentEnd():
                will_retry = not self._is_aborted() and self._recovery.will_retry(self.last_message)
                event = structs.replace(event, will_retry=will_retry)
            case _:
                pass
        return await self._publish(event)

    async def _publish(self, event: SessionEvent) -> None:
        if self.hooks.has("event"):
            await self.hooks.tell("event", event)
        for listener in tuple(self._listeners):
            waiting = listener(event)
            if waiting is not None:
                await waiting

    def _save(self, message: Any) -> None:
        try:
            self.store.append_message(message)
        except SessionWriteError as error:  # the store has the entry and writes it with the next one
            if str(error) not in self.warnings:
                self.warnings.append(str(error))
        if isinstance(message, AssistantMessage):
            self.last_message, self._last_entry_id = message, self.store.leaf

    def _queue_update(self) -> QueueUpdate:
        waiting = [
            tuple(content_text(message.content) for message in queue.waiting)
            for queue in (self._state.steering, self._state.following)
        ]
        return QueueUpdate(waiting[0], waiting[1])

    def _report_hook(self, hook: str, error: Exception) -> None:
        self.warnings.append(f"A {hook} handler failed: {type(error).__name__}: {error}")

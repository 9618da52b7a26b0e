"""One session of the editor's: prompts go in one by one, and each ends with a reason."""

import asyncio
from collections.abc import Callable, Sequence

from acp import RequestError
from acp.schema import (
    ConfigOptionUpdate,
    CurrentModeUpdate,
    PromptResponse,
    SessionInfoUpdate,
    StopReason,
    Usage,
)

from pi.harness.session import Disposition, Session
from pi.harness.stats import stats_of
from pi.llm.messages import AssistantMessage
from pi.llm.messages import Usage as Tokens
from pi.modes.acp import choices
from pi.modes.acp.blocks import Block, Said, read_prompt
from pi.modes.acp.cards import Cards
from pi.modes.acp.clean import shown
from pi.modes.acp.commands import available, run_own
from pi.modes.acp.events import Events
from pi.modes.acp.failures import FAILED
from pi.modes.acp.feed import Feed
from pi.modes.acp.history import replay
from pi.modes.acp.ui import AcpUI
from pi.platform.errors import PiError
from pi.platform.terminal import say

_GRACE_S = 2.0  # for what hangs when the session has to end


class Conversation:
    """A session and the editor's view of it. Begin it once, when the editor knows its id."""

    def __init__(self, session: Session, feed: Feed, cards: Cards, ui: AcpUI):
        self.session = session
        self._feed = feed
        self._cards = cards
        self._ui = ui
        self._events = Events(session, feed, cards, self.tell_choices)
        self._told: tuple[object, ...] = self._choices
        self._unsubscribe: Callable[[], None] = session.subscribe(self._events.heard)
        self._begun: asyncio.Task[None] | None = None
        self._prompts = 0  # that haven't been answered
        self._cancels = 0
        self._stopping = False
        self._aborting: asyncio.Future[None] | None = None  # held while it goes on
        self._answered = asyncio.Event()  # no prompt waits
        self._answered.set()

    def begin(self) -> None:
        """Let updates go out and extensions begin."""
        self._feed.open()
        if self._begun is None:
            self._begun = asyncio.create_task(self._begin())
        elif self._begun.done():  # an editor that has loaded the session once more
            self._feed.send(available(self.session))

    def replay(self) -> None:
        """Show what was said."""
        self._feed.open()
        replay(self.session.store, self._feed, self._cards)

    async def prompt(self, blocks: Sequence[Block]) -> PromptResponse:
        """Say something and wait until the session is idle; said to a running agent, it hears it at once.

        Raises RequestError for what can't be sent and an answer that failed, PiError when nothing is asked.
        """
        self._prompts += 1
        self._answered.clear()
        try:
            return await self._run(blocks)
        finally:
            self._prompts -= 1
            if not self._prompts:
                self._events.known = 0  # what was queued and then stopped never comes
                self._answered.set()
            self.say_warnings()
            self.tell_choices()

    async def cancel(self) -> None:
        """Stop what runs and what is asked; each prompt that waits ends as cancelled."""
        self._cancels += 1
        self._stopping = self.session.busy
        self._ui.cancel()
        await self.session.abort(wait=False)

    def tell_choices(self) -> None:
        """Tell the editor of a model or level that somebody else has chosen."""
        if self._told == self._choices:
            return
        self._told = self._choices
        level = choices.modes(self.session).current_mode_id
        self._feed.send(CurrentModeUpdate(session_update="current_mode_update", current_mode_id=level))
        options = choices.options(self.session)
        self._feed.send(ConfigOptionUpdate(session_update="config_option_update", config_options=options))

    def say_warnings(self) -> None:
        """On stderr, where editors keep their logs of agents."""
        warnings, self.session.warnings[:] = list(self.session.warnings), []
        for warning in warnings:
            say(f"Warning: {warning}")

    async def close(self) -> None:
        """Stop what runs and let go of the session."""
        self._ui.close()
        self._cancels += 1
        self.session.shell.abort()
        try:
            await asyncio.wait_for(self._stop(), _GRACE_S)
        except TimeoutError:
            pass  # it hangs: the end doesn't wait for it
        if self._begun is not None:
            self._begun.cancel()
        self._unsubscribe()
        try:
            await self.session.close()
        except PiError as error:
            say(f"Error: {error}")
        self.say_warnings()

    async def _stop(self) -> None:
        await self.session.abort()
        await self._answered.wait()

    async def _begin(self) -> None:
        try:
            await self.session.start()
        except PiError as error:
            self._feed.notice(f"*{shown(str(error))}*")
        self._feed.send(available(self.session))
        self.say_warnings()
        self.tell_choices()

    async def _run(self, blocks: Sequence[Block]) -> PromptResponse:
        cancels = self._cancels
        if self._stopping:  # what was stopped is still ending
            await self.session.wait_idle()
            self._stopping = False
        said = await read_prompt(blocks)
        if self._begun is None:
            self.begin()
        assert self._begun is not None
        await asyncio.wait({self._begun})
        before, last = stats_of(self.session).usage, self.session.last_message
        if self._cancels == cancels:
            await self._say(said, cancels)
            await self.session.wait_idle()
        cancelled = self._cancels != cancels
        reason = "cancelled" if cancelled else self._stop_reason(last)
        return PromptResponse(stop_reason=reason, usage=_spent(before, stats_of(self.session).usage))

    async def _say(self, said: Said, cancels: int) -> None:
        if (answer := await self._own(said)) is not None:
            if answer:
                self._feed.notice(answer)
            return
        self._title(said)
        self._events.known += 1
        dispositions: list[Disposition] = []

        def accepted(disposition: Disposition) -> None:
            dispositions.append(disposition)
            if self._cancels != cancels:  # while extensions heard it: the run is about to begin
                asyncio.get_running_loop().call_soon(self._abort)

        try:
            await self.session.prompt(
                said.text, images=said.images, when_busy="steer", source="rpc", accepted=accepted
            )
        finally:
            if dispositions not in (["started"], ["queued"]):
                self._events.known -= 1

    def _abort(self) -> None:
        self._aborting = asyncio.ensure_future(self.session.abort(wait=False))

    async def _own(self, said: Said) -> str | None:
        """The answer of one of our commands. It is no failure of the protocol when one can't be done."""
        try:
            answer = await run_own(self.session, said.text)
        except PiError as error:
            return f"**{shown(str(error))}**"
        if answer is not None:
            self._feed.send(available(self.session))
        return answer

    def _title(self, said: Said) -> None:
        """A session without a name is listed by what was said first."""
        if self.session.store.name is None and self.session.last_message is None and said.title:
            title = shown(said.title)
            self._feed.send(SessionInfoUpdate(session_update="session_info_update", title=title))

    def _stop_reason(self, last: AssistantMessage | None) -> StopReason:
        message = self.session.last_message
        if self.session.state.stopped is not None:
            self._feed.notice(f"*Stopped: {shown(self.session.state.stopped)}*")
            return "max_turn_requests"
        if message is None or message is last:
            return "end_turn"
        match message.stop_reason:
            case "error":
                raise RequestError(
                    FAILED, shown(message.error_message or "The model's answer failed. Try again.")
                )
            case "aborted":
                return "cancelled"
            case "length":
                return "max_tokens"
            case _:
                return "end_turn"

    @property
    def _choices(self) -> tuple[object, ...]:
        session = self.session
        return session.model.ref, session.models.role, session.thinking_level


def _spent(before: Tokens, after: Tokens) -> Usage | None:
    """What the prompt has cost in tokens, with requests beside the conversation; None where nothing was."""
    read, written = after.cache_read - before.cache_read, after.cache_write - before.cache_write
    sent, got = after.input - before.input, after.output - before.output
    if not sent + got + read + written:
        return None
    return Usage(
        total_tokens=sent + got + read + written,
        input_tokens=sent,
        output_tokens=got,
        cached_read_tokens=read,
        cached_write_tokens=written,
    )

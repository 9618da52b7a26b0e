"""The agent loop: ask the model, run the tools it calls, until it stops and nothing waits."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, Protocol

from pi.agent.abort import Abort, Aborted
from pi.agent.events import (
    AgentEnd,
    AgentEvent,
    AgentStart,
    MessageEnd,
    MessageStart,
    MessageUpdate,
    TurnEnd,
    TurnStart,
)
from pi.agent.guard import AskAgain, Cut, Stop, StreamGuard, Verdict
from pi.agent.hooks import Hooks
from pi.agent.run_tools import run_tools
from pi.agent.tool import Tool, ToolContext
from pi.llm.events import StreamEnd, StreamStart
from pi.llm.messages import AssistantMessage, Message, ThinkingLevel, ToolResultMessage, UserMessage
from pi.llm.models import Model
from pi.llm.stream import ModelStream
from pi.platform.clock import now_ms

MAX_ASKS = 4  # of one response, when the stream guard drops it again and again


class Host(Protocol):
    """What the loop needs from the session above it."""

    @property
    def hooks(self) -> Hooks: ...
    @property
    def guard(self) -> StreamGuard | None: ...
    @property
    def tools(self) -> Sequence[Tool]: ...
    async def emit(self, event: AgentEvent) -> Any:
        """Save and show an event. A `MessageEnd` gives the message as it was saved, a `TurnEnd` gives True

        when one more response is wanted though no tool was called, False when the run has to end.
        """
        ...

    async def ask(
        self, transcript: Sequence[Any], model: Model | None, level: ThinkingLevel | None
    ) -> ModelStream:
        """A request with this transcript to `model` at `level`, by default the session's own."""
        ...

    def tool_context(self) -> ToolContext:
        """What tools may use in this turn, before the call's own id and updates are filled in."""
        ...

    async def prepare_turn(self) -> Sequence[Message]:
        """Between turns: take up changes of model, tools and context; what is given enters the transcript."""
        ...

    def steering(self) -> Sequence[Any]: ...
    def follow_ups(self) -> Sequence[Any]: ...


async def run(host: Host, transcript: list[Any], prompts: Sequence[Any], abort: Abort) -> list[Any]:
    """Run until the model stops and no message waits; gives the messages that were added to `transcript`.

    Without prompts the run goes on from the transcript as it stands. A failed or aborted response ends it.
    """
    return await _Run(host, transcript, abort).go(prompts)


class _Run:
    def __init__(self, host: Host, transcript: list[Any], abort: Abort):
        self.host = host
        self.transcript = transcript
        self.abort = abort
        self.added: list[Any] = []
        self.more = False  # tools were called: their results want an answer
        self.model: Model | None = None  # instead of the session's, when a stream guard said so
        self.level: ThinkingLevel | None = None

    async def go(self, prompts: Sequence[Any]) -> list[Any]:
        emit = self.host.emit
        await emit(AgentStart())
        await emit(TurnStart())
        for message in prompts:
            await self.enter(message)
        waiting: Sequence[Any] = self.host.steering()
        if not waiting and self.transcript and isinstance(self.transcript[-1], AssistantMessage):
            waiting = self.host.follow_ups()
        ended = await self.turn(waiting)
        while not ended:
            if not (waiting := self.host.steering()) and not self.more:
                waiting = self.host.follow_ups()
                if not waiting:
                    break
            prepared = await self.host.prepare_turn()
            waiting = waiting or self.host.steering()  # preparing can take long: the user may have spoken
            await emit(TurnStart())
            ended = await self.turn([*prepared, *waiting])
        await emit(AgentEnd(tuple(self.added)))
        return self.added

    async def turn(self, waiting: Sequence[Message]) -> bool:
        """One response and its tools; True when the run is over, `more` says whether tools were called."""
        for message in waiting:
            await self.enter(message)
        message = await self.ask_model()
        results: tuple[ToolResultMessage, ...] = ()
        self.more = False
        if failed := message.stop_reason in ("error", "aborted"):
            await self.host.emit(TurnEnd(message, ()))
            return failed
        if message.tool_calls:
            results, terminate = await run_tools(self.host, message, self.abort)
            self.transcript.extend(results)
            self.added.extend(results)
            self.more = not terminate
        goes_on = await self.host.emit(TurnEnd(message, results))
        self.more = self.more or goes_on is True
        return goes_on is False

    async def enter(self, message: Message) -> None:
        """A message that is complete from the start: a prompt, a queued one, a change of the prompt."""
        await self.host.emit(MessageStart(message))
        self.keep(await self.host.emit(MessageEnd(message)))

    def keep(self, message: Any) -> None:
        self.transcript.append(message)
        self.added.append(message)

    async def ask_model(self) -> AssistantMessage:
        """One response, saved whatever becomes of it; a guard may have it asked again."""
        model, level = self.model, self.level
        asks = 1
        while True:
            message, verdict = await self.stream_response(model, level)
            self.keep(message)
            if not isinstance(verdict, AskAgain) or asks == MAX_ASKS:
                return message
            asks += 1
            again = verdict.model
            model = again if isinstance(again, Model) else model
            level = verdict.thinking or level
            if verdict.until == "run":
                self.model, self.level = model, level
            if verdict.note:
                await self.enter(UserMessage(verdict.note, now_ms()))

    async def stream_response(
        self, model: Model | None, level: ThinkingLevel | None
    ) -> tuple[AssistantMessage, Verdict | None]:
        emit, guard = self.host.emit, self.host.guard
        stream = await self.host.ask(self.transcript, model, level)
        started = False
        verdict = None
        message: AssistantMessage | None = None
        try:
            async with self.abort.scope(), aclosing(aiter(stream)) as events:
                async for event in events:
                    if guard and (verdict := guard(event, stream)):
                        break
                    match event:
                        case StreamStart():
                            started = True
                            await emit(MessageStart(stream.partial()))
                        case StreamEnd(message):
                            pass
                        case _:
                            await emit(MessageUpdate(stream.usage, event))
        except Aborted:
            for event in stream.close():
                await emit(MessageUpdate(stream.usage, event))
            message = _aborted(stream, started=started)
        except (
            asyncio.CancelledError
        ):  # from outside: what has arrived is saved, then the cancellation goes on
            await emit(MessageEnd(_aborted(stream, started=started)))
            raise
        message = message or _guarded(stream, verdict)
        if not started:
            await emit(MessageStart(message))
        return await emit(MessageEnd(message)), verdict


def _aborted(stream: ModelStream, *, started: bool) -> AssistantMessage:
    if started:
        return stream.partial("aborted", stream.stopped_text)
    return stream.partial("error", "This operation was aborted")


def _guarded(stream: ModelStream, verdict: Verdict | None) -> AssistantMessage:
    match verdict:
        case Cut():
            return stream.partial("stop")
        case Stop(reason):
            return stream.partial("error", reason)
        case _:
            return stream.partial("aborted", "Dropped by a stream guard")

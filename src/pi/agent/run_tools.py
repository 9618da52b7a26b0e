"""Running the tool calls of one response: prepared in order, run together, answered in order."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import UNSET, Struct, UnsetType, structs

from pi.agent.abort import Abort, Aborted
from pi.agent.events import (
    AgentEvent,
    MessageEnd,
    MessageStart,
    ToolExecutionEnd,
    ToolExecutionStart,
    ToolExecutionUpdate,
)
from pi.agent.hooks import Block, Hooks
from pi.agent.one_call import Allowed, executed, judged
from pi.agent.tool import Tool, ToolContext, ToolError, ToolResult, text_result
from pi.llm.messages import AssistantMessage, ToolCall, ToolResultMessage
from pi.platform.clock import now_ms


class ToolHost(Protocol):
    """What running tools needs from above."""

    @property
    def hooks(self) -> Hooks: ...
    @property
    def tools(self) -> Sequence[Tool]: ...
    async def emit(self, event: AgentEvent) -> Any: ...
    def tool_context(self) -> ToolContext: ...


async def run_tools(
    host: ToolHost, message: AssistantMessage, abort: Abort
) -> tuple[tuple[ToolResultMessage, ...], bool]:
    """Answer every call of a message; the second value says that all results ask to end the run.

    A response that was cut by the output limit runs nothing: its arguments may be incomplete. An abort stops
    what runs; every call is answered all the same, so that the history stays valid.
    """
    batch = _Batch(host, message)
    try:
        async with abort.scope():
            await batch.run()
    except Aborted:
        await batch.answer_all()
    except asyncio.CancelledError:
        await batch.answer_all()
        raise
    return tuple(answer for answer in batch.answers if answer is not None), batch.terminate


class _Failed(Exception):
    """A call that ends before its tool runs."""

    def __init__(self, text: str, *, terminate: bool = False):
        super().__init__(text)
        self.result = structs.replace(text_result(text, {}), terminate=terminate)


class _Outcome(Struct, frozen=True):
    result: ToolResult
    is_error: bool
    duration_ms: int | UnsetType = UNSET


class _Batch:
    """The calls of one message by their index, and how far each has come."""

    def __init__(self, host: ToolHost, message: AssistantMessage):
        self.host = host
        self.message = message
        self.calls = message.tool_calls
        self.tools = {tool.name: tool for tool in host.tools}
        self.context = host.tool_context()
        self.started = [False] * len(self.calls)
        self.outcomes: list[_Outcome | None] = [None] * len(self.calls)
        self.answers: list[ToolResultMessage | None] = [None] * len(self.calls)

    @property
    def terminate(self) -> bool:
        return all(outcome is not None and outcome.result.terminate for outcome in self.outcomes)

    @property
    def sequential(self) -> bool:
        called = (self.tools.get(call.name) for call in self.calls)
        return any(tool is not None and tool.execution == "sequential" for tool in called)

    async def run(self) -> None:
        if self.message.stop_reason == "length" or self.sequential:
            for index in range(len(self.calls)):
                await self.run_one(index, await self.prepare(index))
                await self.answer(index)
            return
        ready = [(index, await self.prepare(index)) for index in range(len(self.calls))]
        if len(ready) == 1:  # the usual case needs no task
            await self.run_one(*ready[0])
        else:
            async with asyncio.TaskGroup() as group:
                for index, prepared in ready:
                    group.create_task(self.run_one(index, prepared))
        await self.answer_all()

    async def prepare(self, index: int) -> Allowed | None:
        """Validated, asked about and allowed; None when the call is already over."""
        call = self.calls[index]
        await self.start(index)
        try:
            return await self.ready(call)
        except (ToolError, _Failed) as error:
            await self.end(index, _Outcome(error.result, True))
            return None

    async def ready(self, call: ToolCall) -> Allowed:
        if self.message.stop_reason == "length":
            raise _Failed(
                f'Tool call "{call.name}" was not executed: the response hit the output token limit, so its '
                "arguments may be truncated. Re-issue the tool call with complete arguments."
            )
        tool = self.tools.get(call.name)
        if tool is None:
            raise _Failed(f"Tool {call.name} not found")
        allowed = await judged(self.host.hooks, tool, call, self.context.cwd, message=self.message)
        if isinstance(allowed, Block):
            raise _Failed(allowed.reason, terminate=allowed.terminate)
        return allowed

    async def run_one(self, index: int, allowed: Allowed | None) -> None:
        if allowed is None:
            return
        call = self.calls[index]
        updates: list[asyncio.Task[Any]] = []
        open_for_updates = True

        def update(partial: ToolResult) -> None:
            if open_for_updates:  # what a tool says after it has ended is dropped
                event = ToolExecutionUpdate(call.id, call.name, call.arguments, partial)
                updates.append(asyncio.ensure_future(self.host.emit(event)))

        began = time.monotonic()
        context = structs.replace(self.context, call_id=call.id, update=update)
        try:
            done = await executed(self.host.hooks, allowed, context)
        finally:
            open_for_updates = False
        if updates:
            await asyncio.gather(*updates)
        duration_ms = round((time.monotonic() - began) * 1000)
        await self.end(index, _Outcome(done.result, done.is_error, duration_ms))
        task = asyncio.current_task()
        if (
            task is not None and task.cancelling()
        ):  # the tool turned its cancellation into an answer: go on with it
            raise asyncio.CancelledError

    async def answer_all(self) -> None:
        """Results in the order of the calls; what an abort left open is answered as aborted."""
        for index in range(len(self.calls)):
            if not self.started[index]:
                await self.start(index)
            if self.outcomes[index] is None:
                await self.end(index, _Outcome(text_result("Operation aborted", {}), True))
            await self.answer(index)

    async def start(self, index: int) -> None:
        call = self.calls[index]
        self.started[index] = True
        await self.host.emit(ToolExecutionStart(call.id, call.name, call.arguments))

    async def end(self, index: int, outcome: _Outcome) -> None:
        self.outcomes[index] = outcome
        call = self.calls[index]
        await self.host.emit(
            ToolExecutionEnd(call.id, call.name, outcome.result, outcome.is_error, outcome.duration_ms)
        )

    async def answer(self, index: int) -> None:
        outcome = self.outcomes[index]
        if outcome is None or self.answers[index] is not None:
            return
        call = self.calls[index]
        message = ToolResultMessage(
            tool_call_id=call.id,
            tool_name=call.name,
            content=outcome.result.content,
            is_error=outcome.is_error,
            timestamp=now_ms(),
            details=outcome.result.details,
            usage=outcome.result.usage,
        )
        await self.host.emit(MessageStart(message))
        self.answers[index] = await self.host.emit(MessageEnd(message))

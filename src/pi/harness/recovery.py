"""After a run that failed: ask another model, or again what may pass, or shorter what was too long."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pi.agent.abort import Abort, Aborted
from pi.harness.events import AutoRetryEnd, AutoRetryStart, SessionEvent
from pi.harness.models.routing import API as VIRTUAL
from pi.harness.state import SessionState
from pi.llm.messages import AssistantMessage
from pi.llm.overflow import is_overflow
from pi.llm.retry import agent_retry_delay_ms, is_transient


class Recovery:
    """Counts the attempts at one response; a success starts the count anew."""

    def __init__(
        self,
        state: SessionState,
        publish: Callable[[SessionEvent], Awaitable[Any]],
        omit_last: Callable[[], Awaitable[None]],
        after_run: Callable[[AssistantMessage], Awaitable[bool]],
    ):
        self._state = state
        self._publish = publish
        self._omit_last = omit_last
        self._after_run = after_run
        self._attempt = 0
        self._waiting: Abort | None = None
        self._switch = False  # another model is asked next, without a wait
        self._refused: set[str] = set()  # models that a router has tried for this response

    def cancel(self) -> None:
        """Stop waiting for the next attempt, and try no more."""
        if self._waiting is not None:
            self._waiting.fire()

    def will_retry(self, message: AssistantMessage | None) -> bool:
        """Whether a run that ended with this message is run again."""
        return message is not None and (self._switch or self._may_pass(message))

    def _may_pass(self, message: AssistantMessage) -> bool:
        """Whether the same request is worth another attempt, and there is one left."""
        settings = self._state.setup.settings
        if not settings.flag("retry.enabled"):
            return False
        if self._attempt >= settings.number("retry.maxRetries"):
            return False
        return is_transient(message) and not is_overflow(message, self._state.model.context_window)

    async def answered(self, message: AssistantMessage) -> None:
        """A response is there: if it isn't another failure, the retries have worked."""
        state = self._state
        state.failed = None
        self._switch = message.stop_reason == "error" and self._another_can(message)
        if message.stop_reason != "error":
            self._refused.clear()
            if (failover := state.failover()) is not None:
                failover.worked(message)
            await self._end(success=True)

    def _another_can(self, message: AssistantMessage) -> bool:
        """Whether the request is worth routing anew: a chain or a router may know another model."""
        state = self._state
        error = state.asked.error if state.asked is not None else None
        if state.model.api != VIRTUAL:
            failover = state.failover()
            return failover is not None and failover.failed(
                message, error, waited=not self._may_pass(message)
            )
        from pi.llm.failures import failure_kind

        ref = f"{message.provider}/{message.model}"
        known = ref in self._refused
        self._refused.add(ref)
        return not known and failure_kind(message, error, 0) in ("quota", "login")

    async def goes_on(self, message: AssistantMessage | None, abort: Abort) -> bool:
        """After a run: True when the loop should run again."""
        if message is None or abort.fired:
            self._switch = False
            await self._end(error="Retry cancelled")
            return False
        if self._switch:
            self._switch = False
            await self._end(error=message.error_message or "Unknown error")
            await self._omit_last()
            self._state.failed = message
            return True
        if self.will_retry(message):
            return await self._wait_for_retry(message, abort)
        if message.stop_reason == "error":
            await self._end(error=message.error_message or "Unknown error")
        again = await self._after_run(message)
        return not abort.fired and bool(again or self._state.steering or self._state.following)

    async def _wait_for_retry(self, message: AssistantMessage, abort: Abort) -> bool:
        settings = self._state.setup.settings
        self._attempt += 1
        delay_ms = agent_retry_delay_ms(
            self._attempt,
            base_ms=settings.number("retry.baseDelayMs"),
            cap_ms=settings.number("retry.maxAgentDelayMs"),
        )
        error = message.error_message or "Unknown error"
        attempts = settings.number("retry.maxRetries")
        await self._publish(AutoRetryStart(self._attempt, attempts, delay_ms, error))
        await self._omit_last()
        self._state.failed = message
        self._waiting = Abort()
        try:
            async with abort.scope(), self._waiting.scope():
                await asyncio.sleep(delay_ms / 1000)
        except Aborted:
            await self._end(error="Retry cancelled")
            return False
        finally:
            self._waiting = None
        return True

    async def _end(self, *, success: bool = False, error: str = "") -> None:
        if self._attempt:
            attempt, self._attempt = self._attempt, 0
            event = AutoRetryEnd(True, attempt) if success else AutoRetryEnd(False, attempt, error)
            await self._publish(event)

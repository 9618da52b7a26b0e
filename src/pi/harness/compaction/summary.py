"""One summary: a request to the session's model, asked again when it fails for a reason that can pass."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

from msgspec import UNSET, Struct, structs

from pi.harness.compaction.prompts import SYSTEM
from pi.harness.events import (
    CompactionReason,
    SessionEvent,
    SummarizationRetryAttemptStart,
    SummarizationRetryFinished,
    SummarizationRetryScheduled,
)
from pi.harness.models.routing import route
from pi.harness.request import request_options
from pi.harness.settings import Settings
from pi.harness.state import SessionState
from pi.llm.events import StreamEnd
from pi.llm.messages import AssistantMessage, Context, Text, Usage, UserMessage, content_text
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.retry import agent_retry_delay_ms, is_transient
from pi.llm.stream import ask
from pi.platform.clock import now_ms
from pi.platform.errors import PiError


class SummaryError(PiError):
    """The model gave no summary that could stand in for the conversation."""


class SummaryRequest(Struct, frozen=True):
    """What to ask for; `label` opens the sentence that says what failed, `max_tokens` limits the answer."""

    label: str
    prompt: str
    max_tokens: int
    thinking: bool = True  # at the session's level


class Summary(Struct, frozen=True):
    """What the model wrote, and what it cost."""

    text: str
    usage: Usage


Ask = Callable[[SummaryRequest], Awaitable[Summary]]
Publish = Callable[[SessionEvent], Awaitable[Any]]


def summary_ask(state: SessionState, publish: Publish, reason: CompactionReason | None = None) -> Ask:
    """How to get summaries from the session's model, as it is now; without a `reason` they are of branches.

    The result raises SummaryError when there is no whole summary, PiError when there is no key. Nothing is
    written to the provider's cache: no request will begin like this one again.
    """
    model, settings = state.model, state.setup.settings
    again = SummarizationRetryAttemptStart("compaction" if reason else "branchSummary", reason or UNSET)

    async def ask_model(request: SummaryRequest) -> Summary:
        messages = (UserMessage((Text(request.prompt),), now_ms()),)
        while True:
            to = await route(state, model, state.thinking_level, messages, direct=True)
            options = await request_options(state, to.model, to.thinking_level)
            options = structs.replace(
                options,
                cache_retention="none",
                max_tokens=request.max_tokens,
                thinking=options.thinking if request.thinking else "off",
            )
            answers = _Answers(to.model, Context(messages, SYSTEM), options)
            message = await _retried(answers.next, settings, publish, again)
            failover = state.failover()
            if failover is None or not failover.failed(message, answers.error, waited=True):
                return Summary(_checked(request.label, message), message.usage)

    return ask_model


def summary_limit(model: Model, share: int) -> int:
    """The most tokens for a summary: its `share` of them (0: all), but no more than the model can write."""
    return min(share or model.max_tokens, model.max_tokens or share)


async def _retried(
    produce: Callable[[], Awaitable[AssistantMessage]],
    settings: Settings,
    publish: Publish,
    again: SummarizationRetryAttemptStart,
) -> AssistantMessage:
    most = settings.number("retry.maxRetries") if settings.flag("retry.enabled") else 0
    attempt = 0
    try:
        while True:
            message = await produce()
            if attempt >= most or not is_transient(message):
                return message
            attempt += 1
            delay_ms = agent_retry_delay_ms(
                attempt,
                base_ms=settings.number("retry.baseDelayMs"),
                cap_ms=settings.number("retry.maxAgentDelayMs"),
            )
            error = message.error_message or "Unknown error"
            await publish(SummarizationRetryScheduled(attempt, most, delay_ms, error))
            await asyncio.sleep(delay_ms / 1000)
            await publish(again)
    finally:
        if attempt:
            await publish(SummarizationRetryFinished())


class _Answers:
    """Asks one model the same again and again; `error` is what the latest answer failed with."""

    def __init__(self, model: Model, context: Context, options: StreamOptions):
        self._asked = (model, context, options)
        self.error: PiError | None = None

    async def next(self) -> AssistantMessage:
        stream = ask(*self._asked)
        async with aclosing(aiter(stream)) as events:
            async for event in events:
                if isinstance(event, StreamEnd):
                    self.error = stream.error
                    return event.message
        return stream.partial("error", "The response has no end")


def _checked(label: str, message: AssistantMessage) -> str:
    """The whole summary: half of one, or none, would lose what it stands for."""
    if message.stop_reason in ("error", "aborted"):
        raise SummaryError(f"{label} failed: {message.error_message or 'Unknown error'}")
    if message.stop_reason == "length":
        raise SummaryError(f"{label} failed: generation hit the token cap and the summary is incomplete")
    if message.tool_calls:
        raise SummaryError(f"{label} attempted to call a tool")
    text = content_text(message.content)
    if not text.strip():
        raise SummaryError(f"{label} failed: the model wrote nothing. Try again, or with another model.")
    return text

"""The one door to a model: `ask` sends a context and gives back a stream of events that never raises."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from msgspec.structs import replace

from pi.llm.auth import Credentials
from pi.llm.draft import Draft
from pi.llm.errors import ProviderError
from pi.llm.events import BlockEvent, StreamEnd, StreamEvent, StreamStart
from pi.llm.messages import AssistantMessage, Context, StopReason, Usage
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.protocols import protocol_of
from pi.llm.provider_headers import with_own_headers
from pi.llm.retry import retry_delay_ms
from pi.llm.transcript import prepare
from pi.platform.errors import PiError

# What a response that the user stopped says; the blocks of these protocols are then left without an end.
_STOPPED = {
    "anthropic-messages": "This operation was aborted",
    "azure-openai-responses": "OpenAI Responses stream ended before a terminal response event",
    "google-generative-ai": "This operation was aborted",
    "mistral-conversations": "This operation was aborted",
    "openai-codex-responses": "Request was aborted",
    "openai-responses": "OpenAI Responses stream ended before a terminal response event",
    "pi-messages": "This operation was aborted",
}

Source = Callable[[Draft], AsyncGenerator[StreamStart | BlockEvent]]


class ModelStream:
    """One request to a model; iterate it once, and close the iterator if you leave it early.

    The last event is a `StreamEnd`, also when the provider failed. Only cancellation raises: `partial` then
    gives what had arrived.
    """

    def __init__(self, model: Model, source: Source):
        self.model = model
        self._draft = Draft(model)
        self._source = source
        self.error: PiError | None = None  # why it failed, where the last event has only the text

    @property
    def usage(self) -> Usage:
        """Tokens and cost so far, as the provider reported them."""
        return self._draft.usage

    def partial(
        self, stop_reason: StopReason = "pending", error_message: str | None = None
    ) -> AssistantMessage:
        """The message as far as it has come."""
        return self._draft.freeze(stop_reason, error_message)

    def close(self) -> list[BlockEvent]:
        """End the blocks that an abort left open; their last events."""
        return [] if self.model.api in _STOPPED else self._draft.close_all()

    @property
    def stopped_text(self) -> str:
        """The error message of the response when the user has stopped it."""
        return _STOPPED.get(self.model.api, "Request was aborted")

    async def __aiter__(self) -> AsyncGenerator[StreamEvent]:
        draft = self._draft
        try:
            async with aclosing(self._source(draft)) as events:
                async for event in events:
                    yield event
        except PiError as error:
            self.error = error
            yield StreamEnd(draft.freeze("error", str(error)))
        else:
            yield StreamEnd(draft.freeze(draft.stop_reason, draft.error_message))


def ask(model: Model, context: Context, options: StreamOptions | None = None) -> ModelStream:
    """Ask a model; nothing is sent before the stream is iterated."""
    options = with_own_headers(model, context, options or StreamOptions())
    if options.base_url is not None:
        model = replace(model, base_url=options.base_url)

    async def source(draft: Draft) -> AsyncGenerator[StreamStart | BlockEvent]:
        protocol, given = protocol_of(model.api), options
        prepared = prepare(model, context)
        attempt = 0
        while True:
            started = False
            try:
                async with aclosing(protocol(draft, prepared, given)) as events:
                    async for event in events:
                        started = True
                        yield event
                return
            except ProviderError as error:  # the provider layer's own retries: only before the answer begins
                if error.status == 401 and not started and given.renew:
                    given = await _renewed(given, given.renew)
                    continue
                delay = None if started else retry_delay_ms(error, attempt, given)
                if delay is None:
                    raise
            attempt += 1
            await asyncio.sleep(delay / 1000)

    return ModelStream(model, source)


def failed(model: Model, error: PiError) -> ModelStream:
    """A stream for a request that can't even be made: its only event is the failure."""

    async def source(draft: Draft) -> AsyncGenerator[StreamStart | BlockEvent]:
        raise error
        yield  # makes it a generator

    return ModelStream(model, source)


async def _renewed(options: StreamOptions, renew: Callable[[], Awaitable[Credentials]]) -> StreamOptions:
    """With newer tokens of the login. It may be refused though it seems to last: clocks differ."""
    new = await renew()
    headers = {**(options.headers or {}), **new.headers}
    return replace(options, api_key=new.api_key, headers=headers, renew=None)

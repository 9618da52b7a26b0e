"""The one door to a model: `ask` sends a context and gives back a stream of events that never raises."""

import asyncio
from collections.abc import AsyncIterator

from pi.llm.draft import Draft
from pi.llm.errors import ProviderError
from pi.llm.events import BlockEvent, StreamEnd, StreamEvent, StreamStart
from pi.llm.messages import AssistantMessage, Context, StopReason, Usage
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.protocols import Protocol, protocol_of
from pi.llm.retry import retry_delay_ms
from pi.llm.transcript import prepare
from pi.platform.errors import PiError


class ModelStream:
    """One request to a model; iterate it once.

    The last event is a `StreamEnd`, also when the provider failed. Only cancellation raises: `partial` then
    gives what had arrived.
    """

    def __init__(self, model: Model, context: Context, options: StreamOptions):
        self.model = model
        self._context = context
        self._options = options
        self._draft = Draft(model)

    @property
    def usage(self) -> Usage:
        """Tokens and cost so far, as the provider reported them."""
        return self._draft.usage

    def partial(self, stop_reason: StopReason = "pending", error_message: str | None = None) -> AssistantMessage:
        """The message as far as it has come."""
        return self._draft.freeze(stop_reason, error_message)

    async def __aiter__(self) -> AsyncIterator[StreamEvent]:
        try:
            protocol = protocol_of(self.model.api)
            context = prepare(self.model, self._context)
            async for event in self._retrying(protocol, context):
                yield event
        except PiError as error:
            yield StreamEnd(self.partial("error", str(error)))
        else:
            draft = self._draft
            yield StreamEnd(draft.freeze(draft.stop_reason, draft.error_message))

    async def _retrying(self, protocol: Protocol, context: Context) -> AsyncIterator[StreamStart | BlockEvent]:
        """The provider layer's own retries: only before the answer begins, only for what may pass."""
        attempt = 0
        while True:
            started = False
            try:
                async for event in protocol(self._draft, context, self._options):
                    started = True
                    yield event
                return
            except ProviderError as error:
                delay = None if started else retry_delay_ms(error, attempt, self._options)
                if delay is None:
                    raise
            attempt += 1
            await asyncio.sleep(delay / 1000)


def ask(model: Model, context: Context, options: StreamOptions | None = None) -> ModelStream:
    """Ask a model; nothing is sent before the stream is iterated."""
    return ModelStream(model, context, options or StreamOptions())

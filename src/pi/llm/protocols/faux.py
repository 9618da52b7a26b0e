"""The scripted provider: a model that says what a script tells it to, for tests, demos and examples."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from pi.llm.cost import priced
from pi.llm.draft import Draft, Kind
from pi.llm.errors import ProviderError
from pi.llm.events import BlockEvent, StreamStart
from pi.llm.messages import Context, StopReason, ToolCall, Usage
from pi.llm.options import StreamOptions

CHUNK = 16  # characters a delta


class Reply(Struct, frozen=True):
    """One response. `error` makes it fail after its content; `hang` makes it wait for ever before its end."""

    text: str = ""
    thinking: str = ""
    calls: tuple[ToolCall, ...] = ()
    stop_reason: StopReason | None = None  # by default as the content says
    usage: Usage = Usage(input=100, output=20, total_tokens=120)
    error: str | None = None
    hang: bool = False


class Asked(Struct, frozen=True):
    """A request as the scripted model got it."""

    context: Context
    options: StreamOptions


ReplyOf = Callable[[Asked], Reply | str]


class Script:
    """Replies in order: texts, Replies, or functions of the request. `asked` keeps the requests."""

    def __init__(self, *replies: Reply | str | ReplyOf, after: Reply | str | ReplyOf | None = None):
        self._replies = list(replies)
        self._after = after
        self.asked: list[Asked] = []

    def next(self, asked: Asked) -> Reply:
        """The reply to the next request; raises ProviderError when the script is over."""
        at = len(self.asked)
        self.asked.append(asked)
        reply = self._replies[at] if at < len(self._replies) else self._after
        if reply is None:
            raise ProviderError(f"The script has {len(self._replies)} replies, and this is request {at + 1}")
        if not isinstance(reply, Reply | str):
            reply = reply(asked)
        return Reply(reply) if isinstance(reply, str) else reply


async def stream(
    draft: Draft, context: Context, options: StreamOptions
) -> AsyncGenerator[StreamStart | BlockEvent]:
    """Play the next reply of the script that the model carries in `compat["script"]`."""
    script: Any = (draft.model.compat or {}).get("script")
    if not isinstance(script, Script):
        raise ProviderError('A model of the api "faux" needs a Script: make it with pi.testing.ScriptedModel')
    reply = script.next(Asked(context, options))
    yield StreamStart()
    for event in _blocks(draft, reply):
        yield event
        await asyncio.sleep(0)  # as with a socket, others run between two pieces
    if reply.hang:
        await asyncio.Event().wait()
    draft.usage = priced(draft.model, reply.usage)
    if reply.error is not None:
        raise ProviderError(reply.error)
    draft.stop_reason = reply.stop_reason or ("toolUse" if reply.calls else "stop")


def _blocks(draft: Draft, reply: Reply) -> Iterator[BlockEvent]:
    """The events of a reply; the draft grows as they are taken."""

    def block(kind: Kind, text: str, *, id: str = "", name: str = "") -> Iterator[BlockEvent]:
        opened, start = draft.open(kind, id=id, name=name)
        yield start
        for at in range(0, len(text), CHUNK):
            yield draft.grow(opened, text[at : at + CHUNK])
        if not reply.hang:
            yield draft.close(opened)

    if reply.thinking:
        yield from block("thinking", reply.thinking)
    if reply.text:
        yield from block("text", reply.text)
    for call in reply.calls:
        arguments = msgspec.json.encode(call.arguments).decode()
        yield from block("toolcall", arguments, id=call.id, name=call.name)

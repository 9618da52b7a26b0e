"""What the user says, and taking it back."""

from typing import Any, Literal

from msgspec import Struct

from pi.llm.messages import Image
from pi.modes.rpc.call import Call, Command, NoArguments


class Prompt(Struct, frozen=True, rename="camel"):
    """A text, pictures beside it, and what to do while the agent runs."""

    message: str
    images: tuple[Image, ...] = ()
    streaming_behavior: Literal["steer", "followUp"] | None = None


class Queued(Struct, frozen=True):
    """A text for the running agent, pictures beside it."""

    message: str
    images: tuple[Image, ...] = ()


async def prompt(call: Call, given: Prompt) -> None:
    """Answered as soon as it is clear what becomes of the text; the run goes on."""
    when = {"steer": "steer", "followUp": "follow_up", None: None}[given.streaming_behavior]
    busy: Any = when
    await call.session.prompt(
        given.message,
        images=given.images,
        when_busy=busy,
        source="rpc",
        accepted=lambda disposition: call.answer({"disposition": disposition}),
    )


async def steer(call: Call, given: Queued) -> dict[str, Any]:
    return await _queue(call, given, "steer")


async def follow_up(call: Call, given: Queued) -> dict[str, Any]:
    return await _queue(call, given, "follow_up")


async def abort(call: Call, given: NoArguments) -> None:
    await call.session.abort()


async def clear_queue(call: Call, given: NoArguments) -> dict[str, Any]:
    steering, following = await call.session.queue.clear()
    return {"steering": steering, "followUp": following}


async def _queue(call: Call, given: Queued, when: Literal["steer", "follow_up"]) -> dict[str, Any]:
    kept = await call.session.queue.say(given.message, when=when, images=given.images, source="rpc")
    return {"disposition": "queued" if kept else "handled"}


COMMANDS = {
    "prompt": Command(Prompt, prompt),
    "steer": Command(Queued, steer),
    "follow_up": Command(Queued, follow_up),
    "abort": Command(NoArguments, abort),
    "clear_queue": Command(NoArguments, clear_queue),
}

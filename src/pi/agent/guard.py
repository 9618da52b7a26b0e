"""The stream guard: it watches a response being written and may cut it, ask again, or end the run."""

from collections.abc import Callable
from typing import Literal, Protocol

from msgspec import Struct

from pi.llm.events import BlockDelta, StreamEvent, StreamStart
from pi.llm.messages import ThinkingLevel
from pi.llm.models import Model
from pi.llm.stream import ModelStream


class Cut(Struct, frozen=True):
    """Keep what has been written and end the response here, as if the model had stopped."""


class AskAgain(Struct, frozen=True):
    """Drop what has been written and ask again; `note` is added for the model.

    With a `model` or a `thinking` level that one is asked, for this response or until the run ends. A model
    may be a pattern where an extension answers.
    """

    note: str = ""
    model: Model | str | None = None
    thinking: ThinkingLevel | None = None
    until: Literal["turn", "run"] = "turn"


class Stop(Struct, frozen=True):
    """Drop what has been written and end the run with an error; people read the reason."""

    reason: str


Verdict = Cut | AskAgain | Stop


class StreamGuard(Protocol):
    """Sees each event of a response, and in `stream.partial()` what has been written; None lets it go on."""

    def __call__(self, event: StreamEvent, stream: ModelStream) -> Verdict | None: ...


def reasoning_cap(tokens: int, verdict: Verdict | None = None) -> Callable[[StreamEvent], Verdict | None]:
    """A guard against thinking without end: its `verdict` comes after `tokens` of it (4 characters each).

    By default the model is asked again, at a low level and with a note to act.
    """
    note = "You have thought long enough about this. Say what you know and take the next step."
    answer = verdict or AskAgain(note, thinking="low")
    left = tokens * 4

    def guard(event: StreamEvent, *_: object) -> Verdict | None:
        nonlocal left
        if isinstance(event, StreamStart):
            left = tokens * 4
        elif isinstance(event, BlockDelta) and event.type == "thinking_delta":
            left -= len(event.delta)
            return answer if left < 0 else None
        return None

    return guard

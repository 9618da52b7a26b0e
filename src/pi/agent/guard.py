"""The stream guard: it watches a response being written and may cut it, ask again or change the model."""

from typing import Protocol

from msgspec import Struct

from pi.llm.events import StreamEvent
from pi.llm.models import Model
from pi.llm.stream import ModelStream


class Cut(Struct, frozen=True):
    """Keep what has been written and end the response here, as if the model had stopped."""


class AskAgain(Struct, frozen=True):
    """Drop what has been written and ask again, on another model if one is named; `note` is added for it."""

    note: str = ""
    model: Model | None = None


class StreamGuard(Protocol):
    """Sees each event of a response, and in `stream.partial()` what has been written; None lets it go on."""

    def __call__(self, event: StreamEvent, stream: ModelStream) -> Cut | AskAgain | None: ...

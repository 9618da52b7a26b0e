"""The events of a Responses stream, decoded fast when well formed, forgivingly when not."""

from typing import Any

from msgspec import Struct

from pi.llm.formats.lenient import Reader


class Event(Struct, gc=False):
    """One event: `type` says which of the other fields it has."""

    type: str = ""
    output_index: int | float | None = None
    delta: Any = None  # text, in the events that we know
    arguments: Any = None
    item: dict[str, Any] | None = None
    response: dict[str, Any] | None = None
    error: Any = None
    code: Any = None
    message: Any = None


_reader = Reader(Event)


def read_event(data: bytes) -> Event:
    """The event in an SSE event's data; raises ProtocolError for what is none."""
    return _reader.read(data)

"""The events of a Responses stream, decoded fast when well formed, forgivingly when not."""

import json
from typing import Any, cast

import msgspec
from msgspec import Struct

from pi.llm.errors import ProtocolError
from pi.llm.unicode import well_formed_json


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


_decode = msgspec.json.Decoder(Event).decode


def read_event(data: bytes) -> Event:
    """The event in an SSE event's data; raises ProtocolError for what is none."""
    try:
        return _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _forgiving(data.decode("utf-8", "replace"))


def _forgiving(text: str) -> Event:
    """Half of a surrogate pair, a raw control character: the standard library reads them, msgspec doesn't."""
    try:
        return msgspec.convert(well_formed_json(json.loads(text, strict=False)), Event)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()):
            raise ProtocolError("Unexpected end of JSON input") from None
        raise ProtocolError(f"The provider sent an event that is no JSON: {error}. Try again.") from None
    except msgspec.ValidationError as error:
        raise ProtocolError(f"The provider sent an event of a foreign shape: {error}. Try again.") from None


def as_list(value: Any) -> list[Any]:
    """An array of JSON, empty when it is something else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """A string of JSON, empty when it is something else."""
    return value if isinstance(value, str) else ""

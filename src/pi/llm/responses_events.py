"""The events of a Responses stream, decoded fast when well formed, forgivingly when not."""

import json
from typing import Any

import msgspec
from msgspec import Struct

from pi.llm.errors import ProtocolError
from pi.llm.openai_chunks import as_dict
from pi.llm.unicode import well_formed_json


class Event(Struct, gc=False):
    """One event: `type` says which of the other fields it has, hosts decide what is in them."""

    type: Any = None
    output_index: Any = None
    delta: Any = None
    arguments: Any = None
    item: Any = None
    response: Any = None
    error: Any = None
    code: Any = None
    message: Any = None


_decode = msgspec.json.Decoder(Event).decode


def read_event(data: bytes) -> Event:
    """The event in an SSE event's data; raises ProtocolError for what is no JSON."""
    try:
        return _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _forgiving(data.decode("utf-8", "replace"))


def _forgiving(text: str) -> Event:
    """Half of a surrogate pair, a raw control character: the standard library reads them, msgspec doesn't."""
    try:
        raw = as_dict(well_formed_json(json.loads(text, strict=False)))
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()):
            raise ProtocolError("Unexpected end of JSON input") from None
        raise ProtocolError(f"The provider sent an event that is no JSON: {error}. Try again.") from None
    return Event(**{name: raw.get(name) for name in Event.__struct_fields__})

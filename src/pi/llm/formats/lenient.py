"""Foreign JSON: decoded fast where it is what a format promises, forgivingly where it nearly is."""

from typing import Any, Generic, TypeVar, cast

import msgspec

from pi.llm.errors import ProtocolError
from pi.llm.unicode import well_formed_json

T = TypeVar("T")


class Reader(Generic[T]):
    """Decodes the data of one kind of event. What is no object becomes an empty one."""

    def __init__(self, kind: type[T]):
        self._kind = kind
        self._decode = msgspec.json.Decoder(kind).decode

    def read(self, data: bytes) -> T:
        """The event; raises ProtocolError for what can't be read as one."""
        try:
            return self._decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raw = foreign_json(data)
        try:
            return msgspec.convert(raw if isinstance(raw, dict) else {}, self._kind, strict=False)
        except msgspec.ValidationError as error:
            raise ProtocolError(
                f"The provider sent an event of a foreign shape: {error}. Try again."
            ) from None


def foreign_json(data: bytes, *, clean: bool = True) -> Any:
    """What msgspec refuses and the standard library reads: half a surrogate pair, a raw control character.

    Half pairs go unless `clean` is off. Raises ProtocolError.
    """
    import json  # rarely needed, and 3 ms

    text = data.decode("utf-8", "replace")
    try:
        value = json.loads(text, strict=False)
        return well_formed_json(value) if clean else value
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()):
            raise ProtocolError("Unexpected end of JSON input") from None
        raise ProtocolError(f"The provider sent an event that is no JSON: {error}. Try again.") from None


def as_dict(value: Any) -> dict[str, Any]:
    """An object of JSON, empty when it is something else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """An array of JSON, empty when it is something else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """A string of JSON, empty when it is something else."""
    return value if isinstance(value, str) else ""

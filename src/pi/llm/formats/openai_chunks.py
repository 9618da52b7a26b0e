"""The pieces of a Chat Completions stream, decoded fast when well formed, forgivingly when not."""

from typing import Any

import msgspec
from msgspec import Struct

from pi.llm.formats.lenient import as_dict, as_list, foreign_json


class FunctionPiece(Struct, gc=False):
    """A piece of a call: the name comes first, the arguments in pieces of JSON."""

    name: str | None = None
    arguments: str | None = None


class CustomPiece(Struct, gc=False):
    """A piece of a call that carries raw text instead of arguments."""

    name: str | None = None
    input: str | None = None


class CallPiece(Struct, gc=False):
    """A piece of one of the calls of a turn; `index` or `id` says of which."""

    index: int | None = None
    id: str | None = None
    function: FunctionPiece | None = None
    custom: CustomPiece | None = None


class Delta(Struct, gc=False):
    """What is new; hosts disagree on the field for reasoning, some fill two alike."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_text: str | None = None
    tool_calls: list[CallPiece] | None = None
    reasoning_details: list[Any] | None = None


class Choice(Struct, gc=False):
    """The one choice that is asked for."""

    delta: Delta | None = None
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None


class Chunk(Struct, gc=False):
    """One event of the stream."""

    id: str | None = None
    model: str | None = None
    choices: list[Choice] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


class ChunkReader:
    """Decodes the events of one stream."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(Chunk).decode
        self._torn: dict[str, str] = {}  # by field: the first half of a character that was cut in two

    def read(self, data: bytes) -> Chunk:
        """The chunk in an event's data; raises ProtocolError for what is no JSON."""
        try:
            return self._decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._forgiving(data)

    def _forgiving(self, data: bytes) -> Chunk:
        raw = as_dict(foreign_json(data, clean=False))
        first = next(iter(as_list(raw.get("choices"))), None)
        return Chunk(
            id=_str(raw.get("id")),
            model=_str(raw.get("model")),
            choices=None if first is None else [self._choice(as_dict(first))],
            usage=as_dict(raw.get("usage")),
            error=raw.get("error"),
        )

    def _choice(self, raw: dict[str, Any]) -> Choice:
        delta = as_dict(raw.get("delta"))
        return Choice(
            delta=Delta(
                content=self._text("content", delta),
                reasoning_content=self._text("reasoning_content", delta),
                reasoning=self._text("reasoning", delta),
                reasoning_text=self._text("reasoning_text", delta),
                tool_calls=[self._call(as_dict(call)) for call in as_list(delta.get("tool_calls"))],
                reasoning_details=as_list(delta.get("reasoning_details")),
            ),
            finish_reason=_str(raw.get("finish_reason")),
            usage=as_dict(raw.get("usage")),
        )

    def _call(self, raw: dict[str, Any]) -> CallPiece:
        index = raw.get("index")
        function, custom = as_dict(raw.get("function")), as_dict(raw.get("custom"))
        return CallPiece(
            index=int(index) if isinstance(index, int | float) else None,
            id=_str(raw.get("id")),
            function=FunctionPiece(_str(function.get("name")), self._text("arguments", function)),
            custom=CustomPiece(_str(custom.get("name")), self._text("input", custom)) if custom else None,
        )

    def _text(self, field: str, raw: dict[str, Any]) -> str | None:
        """A string without surrogates: a host may send the halves of a character in two events."""
        value = raw.get(field)
        if not isinstance(value, str):
            return None
        value = self._torn.pop(field, "") + value
        if "\ud800" <= value[-1:] <= "\udbff":
            self._torn[field] = value[-1]
            value = value[:-1]
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _str(value: Any) -> str | None:
    return value if isinstance(value, str) else None

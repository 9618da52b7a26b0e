"""Records as lines: JSON objects that end with LF; CR before it, U+2028 and U+2029 mean nothing."""

from functools import cache
from typing import Any

import msgspec

from pi.harness.storage.entries import dump_json, load_json

_LITERALS = ("true", "false", "null")
_SHOWN = 10  # characters on either side of what is wrong


class Splitter:
    """Cuts bytes into lines; a long line costs no more than its length."""

    def __init__(self) -> None:
        self._open: list[bytes] = []

    def add(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes."""
        *ends, rest = data.split(b"\n")
        lines: list[bytes] = []
        for end in ends:
            lines.append(_without_return(b"".join((*self._open, end))))
            self._open = []
        if rest:
            self._open.append(rest)
        return lines

    def last(self) -> bytes | None:
        """What is there without an end; None when there is nothing."""
        line = b"".join(self._open)
        return _without_return(line) if line else None


@cache
def _encoder() -> msgspec.json.Encoder:
    # what extensions put into events and results must not keep a client from hearing of the rest
    return msgspec.json.Encoder(enc_hook=str)


def encode(record: Any) -> bytes:
    """A record as a line with its end; lone surrogates are escaped, as JavaScript does."""
    try:
        return _encoder().encode(record) + b"\n"
    except UnicodeEncodeError:
        return dump_json(msgspec.to_builtins(record, enc_hook=_plain, str_keys=True)) + b"\n"


def decode(line: bytes) -> Any:
    """The JSON value of a line. Raises ValueError with a sentence that says what is wrong with it."""
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = load_json(line)  # what only JavaScript reads, such as lone surrogates
        if value is None:
            raise ValueError(_problem(line.decode("utf-8", "replace"))) from None
        return value


def _plain(value: Any) -> Any:
    return load_json(bytes(value)) if isinstance(value, msgspec.Raw) else str(value)


def _problem(text: str) -> str:
    """What is wrong, in the words of the original's engine: clients have seen them in their logs."""
    import json

    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        at = error.pos
        for word in _LITERALS:  # they are read letter by letter
            if at < len(text) and text[at] == word[0]:
                while at < len(text) and text[at : at + 1] == word[at - error.pos : at - error.pos + 1]:
                    at += 1
        if at >= len(text):
            return "Unexpected end of JSON input"
        return f"Unexpected token '{text[at]}', {_excerpt(text, at)} is not valid JSON"
    except RecursionError:
        return "it is nested too deeply"
    return "it is no JSON that Pi can read"


def _excerpt(text: str, at: int) -> str:
    if len(text) <= 2 * _SHOWN:
        return f'"{text}"'
    start = at - _SHOWN if at >= _SHOWN else 0
    end = at + _SHOWN if at < len(text) - _SHOWN else len(text)
    return f'{"..." if start else ""}"{text[start:end]}"{"..." if end < len(text) else ""}'


def _without_return(line: bytes) -> bytes:
    return line.removesuffix(b"\r")

"""What programs print for terminals, as plain text."""

import codecs
import re

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]+[0-~]|[0-Z\\^-~])")
_BEGUN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?|[ -/]*)\Z")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\ufff9-\ufffb]")
_LONGEST_ESCAPE = 4096  # what goes on for longer is text


class Cleaned:
    """Bytes of a program as text without escape sequences, carriage returns and control characters."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._open = ""  # an escape sequence whose end hasn't come yet

    def add(self, data: bytes, *, last: bool = False) -> str:
        """The text of the next piece; `last` gives what was still held back."""
        text = _ESCAPES.sub("", self._open + self._decoder.decode(data, last))
        self._open = ""
        begun = None if last else _BEGUN.search(text)
        if begun is not None and len(begun[0]) < _LONGEST_ESCAPE:
            text, self._open = text[: begun.start()], begun[0]
        return _UNPRINTABLE.sub("", text)

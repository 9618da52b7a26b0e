"""How much of a tool's output a model sees: whole lines from the start or the end, within two limits."""

import codecs
import os
from pathlib import Path
from typing import BinaryIO, Literal

from msgspec import Struct
from msgspec.structs import replace

MAX_LINES = 2000
MAX_BYTES = 51200
_KB = 1024
_MB = 1024 * 1024


class Truncation(Struct, frozen=True, rename="camel"):
    """What is left of a text and why, as `details.truncation` carries it; sizes in UTF-8 bytes.

    A newline at the very end closes the last line and opens no further one.
    """

    content: str
    truncated: bool
    truncated_by: Literal["lines", "bytes"] | None
    total_lines: int
    total_bytes: int
    output_lines: int
    output_bytes: int
    last_line_partial: bool
    first_line_exceeds_limit: bool
    max_lines: int
    max_bytes: int


def format_size(size: int) -> str:
    """A number of bytes for readers: `512B`, `50.0KB`, `1.5MB`; a half is rounded up."""
    if size < _KB:
        return f"{size}B"
    unit, name = (_KB, "KB") if size < _MB else (_MB, "MB")
    tenths = (size * 20 + unit) // (2 * unit)
    return f"{tenths // 10}.{tenths % 10}{name}"


def truncate_head(text: str, *, max_lines: int = MAX_LINES, max_bytes: int = MAX_BYTES) -> Truncation:
    """The first whole lines within both limits; empty when even the first line has more than `max_bytes`."""
    data = text.encode(errors="surrogatepass")
    total_lines = _count_lines(data)
    if total_lines <= max_lines and len(data) <= max_bytes:
        return _whole(text, len(data), total_lines, max_lines, max_bytes)
    body = data.removesuffix(b"\n")
    end = len(body) if len(body) <= max_bytes else body.rfind(b"\n", 0, max_bytes + 1)
    first_too_long = end < 0
    lines = [] if first_too_long else body[:end].split(b"\n", max_lines)[:max_lines]
    kept = b"\n".join(lines)
    return Truncation(
        content=kept.decode(errors="surrogatepass"),
        truncated=True,
        truncated_by="bytes" if len(lines) < min(total_lines, max_lines) else "lines",
        total_lines=total_lines,
        total_bytes=len(data),
        output_lines=len(lines),
        output_bytes=len(kept),
        last_line_partial=False,
        first_line_exceeds_limit=first_too_long,
        max_lines=max_lines,
        max_bytes=max_bytes,
    )


def truncate_tail(text: str, *, max_lines: int = MAX_LINES, max_bytes: int = MAX_BYTES) -> Truncation:
    """The last whole lines within both limits; of a last line over `max_bytes` its end, at a character."""
    data = text.encode(errors="surrogatepass")
    total_lines = _count_lines(data)
    if total_lines <= max_lines and len(data) <= max_bytes:
        return _whole(text, len(data), total_lines, max_lines, max_bytes)
    body = data.removesuffix(b"\n")
    start = 0 if len(body) <= max_bytes else body.find(b"\n", len(body) - max_bytes - 1) + 1
    partial = start == 0 and len(body) > max_bytes
    if partial:
        start = _character_start(body, len(body) - max_bytes)
    lines = body[start:].rsplit(b"\n", max_lines)[-max_lines:]
    kept = b"\n".join(lines)
    return Truncation(
        content=kept.decode(errors="surrogatepass"),
        truncated=True,
        truncated_by="bytes" if start and len(lines) < max_lines else "lines",
        total_lines=total_lines,
        total_bytes=len(data),
        output_lines=len(lines),
        output_bytes=len(kept),
        last_line_partial=partial,
        first_line_exceeds_limit=False,
        max_lines=max_lines,
        max_bytes=max_bytes,
    )


def _character_start(data: bytes | bytearray, start: int) -> int:
    """The first index from `start` on that doesn't lie inside a UTF-8 character."""
    while start < len(data) and data[start] & 0xC0 == 0x80:
        start += 1
    return start


class OutputTail:
    """A program's output of any length in little memory: its tail as text, and all of it in a file.

    The file, `<temporary folder>/pi-bash-<16 hex digits>.log`, exists only once a limit is passed; it stays.
    When it can't be written, `path` is None and `problem` says why.
    """

    def __init__(self) -> None:
        self.path: Path | None = None
        self.problem = ""
        self.open_line_bytes = 0  # of the last line, 0 when a newline has ended it
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = False
        self._raw = bytearray()  # all of the output until there is a file
        self._file: BinaryIO | None = None
        self._tail = bytearray()  # decoded and encoded again, so that it is UTF-8
        self._newlines = 0
        self._bytes = 0

    def add(self, data: bytes) -> None:
        """Takes the next piece, which may end inside a character."""
        text = self._decoder.decode(data)
        if text and not self._begun:  # utf-8-sig would take half a byte order mark for all of one
            text, self._begun = text.removeprefix("\ufeff"), True
        self._add_text(text)
        self._save(data)

    def close(self) -> None:
        """The output is complete: what is left of a broken character counts, the file is closed."""
        self._add_text(self._decoder.decode(b"", final=True))
        self._save(b"", last=True)

    def truncation(self) -> Truncation:
        """The output so far, truncated to its tail."""
        cut = truncate_tail(self._tail.decode())
        return replace(cut, truncated=self._over_limits(), total_lines=self._lines, total_bytes=self._bytes)

    @property
    def _lines(self) -> int:
        return self._newlines + (self.open_line_bytes > 0)

    def _over_limits(self) -> bool:
        return self._bytes > MAX_BYTES or self._lines > MAX_LINES

    def _add_text(self, text: str) -> None:
        data = text.encode()
        self._bytes += len(data)
        self._newlines += data.count(b"\n")
        last = data.rfind(b"\n")
        self.open_line_bytes = len(data) - last - 1 + (self.open_line_bytes if last < 0 else 0)
        self._tail += data
        if len(self._tail) > 4 * MAX_BYTES:  # half of it stays, more than truncation ever shows
            del self._tail[: _character_start(self._tail, len(self._tail) - 2 * MAX_BYTES)]

    def _save(self, data: bytes, *, last: bool = False) -> None:
        if self.problem:
            return
        if self._file is None:
            self._raw += data
            if not self._over_limits():
                return
            data = bytes(self._raw)
            self._raw.clear()
        try:
            self._file = self._file or self._create_file()
            self._file.write(data)
            if last:
                self._file.close()
        except OSError as error:  # such as a full disk, which is no reason to stop the program
            self._give_up(error)

    def _create_file(self) -> BinaryIO:
        from tempfile import gettempdir

        self.path = Path(gettempdir(), f"pi-bash-{os.urandom(8).hex()}.log")
        return open(self.path, "xb", opener=lambda path, flags: os.open(path, flags, 0o600))

    def _give_up(self, error: OSError) -> None:
        self.problem = error.strerror or str(error)
        for step in (self._file and self._file.close, self.path and self.path.unlink):
            try:
                if step:
                    step()
            except OSError:
                pass  # closing writes what is left, and fails for the same reason
        self._file = self.path = None


def _count_lines(data: bytes) -> int:
    return data.count(b"\n") + (bool(data) and not data.endswith(b"\n"))


def _whole(text: str, size: int, lines: int, max_lines: int, max_bytes: int) -> Truncation:
    return Truncation(text, False, None, lines, size, lines, size, False, False, max_lines, max_bytes)

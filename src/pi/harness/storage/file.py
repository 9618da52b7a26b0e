"""One session file on the disk: it is read at once, and added to without ever being rewritten."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from pi.harness.storage.entries import UNREADABLE, SessionHeader, decode_header, load_json
from pi.harness.storage.migrate import migrate, rewrite
from pi.platform.errors import PiError
from pi.platform.files import exclusive

_BLOCK = 1 << 18  # bytes: so many stay in the processor's cache while their lines are read


class EntryHead(Struct, rename="camel", frozen=True, gc=False):
    """As much of a line as a tree needs: reading only this keeps the opening of long sessions fast."""

    type: str = ""
    id: str | None = None
    parent_id: str | None = None


class SessionWriteError(PiError):
    """An entry is not in the file yet; it is in memory, and the next append writes it first."""


class SessionFile:
    """The end of a session file: whole lines go on it, or nothing does."""

    def __init__(self, path: Path, *, exists: bool = False, size: int = 0, torn: bool = False):
        self.path = path
        self.header = b""  # its first line, with what other versions wrote into it
        self.exists = exists
        self.size = size  # as far as we know the file
        self._torn = torn  # it ends inside a line
        self._taken = False  # there is another file in its place
        self._descriptor: int | None = None

    def lost(self) -> list[bytes] | None:
        """The lines that are left when somebody deleted, cut or replaced the file; None when nobody did.

        They are news then; what is `missing` among them has to be appended again.
        """
        if not self.exists:
            return None
        try:
            status = self.path.stat()
            same = self._descriptor is None or os.path.samestat(os.fstat(self._descriptor), status)
            if same and status.st_size >= self.size and not self._taken:
                return None
            left = self.path.read_bytes()
        except FileNotFoundError:
            self.exists, left = False, b""
        except OSError:
            return None  # whatever is wrong, writing says it
        self.close()
        self.size, self._torn = 0, False
        return left.splitlines()

    def missing(self, ours: Sequence[bytes], left: Sequence[bytes]) -> list[bytes]:
        """Those of our lines, header first, that aren't left. Nothing is added to another session's file."""
        heads, wanted = read_heads(left), read_heads(ours)
        first = next((head for head in heads if head), None)
        self._taken = first is not None and first != wanted[0]
        there = {head.id for head in heads if head}
        return [line for line, head in zip(ours, wanted, strict=True) if head and head.id not in there]

    def news(self) -> list[bytes]:
        """The lines that other programs have added since we last looked."""
        if not self.exists:
            return []
        try:
            if self.path.stat().st_size <= self.size:
                return []
            with self.path.open("rb") as file:
                file.seek(self.size)
                added = file.read()
        except OSError:
            return []  # whatever is wrong, writing says it
        self.size += len(added)
        self._torn = not added.endswith(b"\n")
        return added.split(b"\n")

    def append(self, lines: Iterable[bytes]) -> list[bytes]:
        """Add all lines at once; the result is what other programs had added just before.

        Raises SessionWriteError, and then the file is as it was.
        """
        text = b"".join(line.rstrip() + b"\n" for line in lines)
        if self._taken:
            raise SessionWriteError(
                f"Something else is now in the place of the session file {self.path}. Nothing is lost while "
                "Pi runs: move it away and go on, then the session is written there again."
            )
        try:
            if self._descriptor is None:
                self._descriptor = self._open()
                self.exists = True
            with exclusive(self._descriptor):
                news = self.news()
                self._write(self._descriptor, b"\n" + text if self._torn else text)
        except OSError as error:
            raise SessionWriteError(
                f"Can't write the session file {self.path}: {error.strerror}. Nothing is lost while Pi runs: "
                "mend that and go on, then what is missing is written too."
            ) from error
        self._torn = False
        return news

    def close(self) -> None:
        """Let go of the file; the next append opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0)
        if not self.exists:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags |= os.O_CREAT | os.O_EXCL
        return os.open(self.path, flags, 0o666)

    def _write(self, descriptor: int, text: bytes) -> None:
        written = 0
        try:
            while written < len(text):
                written += os.write(descriptor, text[written:])
        except OSError:
            # half a line goes away again, unless another program has added its own behind it
            if written and os.fstat(descriptor).st_size == self.size + written:
                os.ftruncate(descriptor, self.size)
            raise
        self.size += written


def read_session(path: Path) -> tuple[SessionHeader | None, list[bytes], SessionFile]:
    """Header, blocks of whole lines and file of a session, brought to the current version.

    No header means no session.
    """
    with path.open("rb") as file:
        first = file.readline()
        while first and load_json(first) is None:
            first = file.readline()
        header = decode_header(first) if first else None
        blocks = list(_blocks(file)) if header else []
        size = file.tell() if header else os.fstat(file.fileno()).st_size
    torn = size > 0 and not (blocks[-1] if blocks else first).endswith(b"\n")
    if header and migrate([first]) != [first]:
        first, *lines = migrate([first, *b"".join(blocks).split(b"\n")])
        rewrite(path, [first, *lines])
        blocks = [b"\n".join(lines)]
        size, torn = path.stat().st_size, False
    session_file = SessionFile(path, exists=True, size=size, torn=torn)
    session_file.header = first.rstrip() if header else b""
    return header, blocks, session_file


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """What is left of a file, in pieces that end where a line ends."""
    while block := file.read(_BLOCK):
        yield block if block.endswith(b"\n") else block + file.readline()


def read_heads(lines: Iterable[bytes]) -> list[EntryHead | None]:
    """Type and place of the entry that each line holds; None for one that is no JSON object."""
    decode = msgspec.json.Decoder(EntryHead).decode
    heads: list[EntryHead | None] = []
    for line in lines:
        try:
            heads.append(decode(line))
        except UNREADABLE:
            heads.append(_lenient_head(line))
    return heads


def _lenient_head(line: bytes) -> EntryHead | None:
    value = load_json(line)
    if value is None:
        return None
    names = ("type", "id", "parentId")
    kind, id, parent = (it if isinstance(it, str) else None for it in map(value.get, names))
    return EntryHead(kind or "", id, parent)

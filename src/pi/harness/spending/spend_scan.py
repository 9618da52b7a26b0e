"""What a session file says was spent, told from its bytes: only lines that can matter are decoded."""

import hashlib
import os
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Raw, Struct, structs

from pi.harness.storage.entries import UNREADABLE, VERSION, iso_ms
from pi.harness.storage.files import read_header
from pi.harness.storage.migrate import migrate
from pi.platform.terminal import plain

ROLE = "pi.role"  # the type of the custom entries that say which role is active from there on
CHILD = "child"  # the kind of the usage entries that repeat what a child session has spent
TITLE_LIMIT = 80  # characters

_MARKS = (b'"usage"', b'"pi.role"', b'"model_change"', b'"session_info"')  # a quote inside a text has a \
_USER = b'"role":"user"'
_BLOCK = 1 << 24  # bytes that are read at once
_TAIL = 256  # bytes before the offset by which a file that grew is known again

Number = int | float | None  # as other programs write them


class Maker(Struct, frozen=True, array_like=True):
    """Who answered: the model, and the role that was active (empty: none)."""

    provider: str
    model: str
    role: str


class Spend(Struct, frozen=True, array_like=True, gc=False):
    """What one request cost, in tokens and USD; `maker` is a position in its file's list.

    `key` is the same in all copies of the entry. `child` marks what a child session spent and its parent
    repeats.
    """

    key: int
    at_ms: int
    maker: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    cost: float
    child: bool = False


class Scan(Struct, array_like=True):
    """A session file as far as it was read: whose it is, its spends, and what the reading goes on from."""

    name: str  # of the file, in its folder
    size: int
    mtime_ns: int
    session: str
    began: str  # ISO 8601
    cwd: str
    parent: str  # the file that it came from; empty when there is none
    title: str = ""
    named: bool = False  # by the user; else the title is what the user said first
    offset: int = 0
    tail: int = 0
    now: Maker = Maker("", "", "")
    makers: list[Maker] = []
    spends: list[Spend] = []


class _Cost(Struct):
    total: Number = None


class _Usage(Struct, rename="camel"):
    input: Number = None
    output: Number = None
    cache_read: Number = None
    cache_write: Number = None
    cost: _Cost | None = None


class _Message(Struct, rename="camel"):
    role: str = ""
    provider: str | None = None
    model: str | None = None
    usage: _Usage | None = None
    response_id: str | None = None
    content: Raw = Raw()


class _Line(Struct, rename="camel"):
    """As much of an entry of any type as counts here."""

    type: str = ""
    id: str | None = None
    timestamp: str = ""
    message: _Message | None = None
    usage: _Usage | None = None
    kind: str = ""
    provider: str | None = None
    model: str | None = None
    model_id: str | None = None
    custom_type: str = ""
    data: Raw = Raw()
    name: str | None = None


class _Role(Struct):
    role: str | None = None


class _Text(Struct):
    type: str = ""
    text: str = ""


def scan(path: Path, status: os.stat_result, known: Scan | None = None) -> Scan | None:
    """The spends of a file; of one that only grew since it was `known`, the rest is read.

    None for what is no session or can't be read.
    """
    try:
        if known is not None and status.st_size >= known.offset and (grown := _grown(path, known)):
            return _stamped(grown, status)
        header = read_header(path)
        if header is None:
            return None
        session, cwd, parent = map(_storable, (header.id, header.cwd, header.parent_session or ""))
        fresh = Scan(path.name, 0, 0, session, _storable(header.timestamp), cwd, parent)
        fresh.makers, fresh.spends = [], []
        if header.version < VERSION:
            _take(fresh, b"\n".join(migrate(path.read_bytes().split(b"\n"))))
            return _stamped(fresh, status)
        with path.open("rb") as file:
            _read_on(file, fresh)
        return _stamped(fresh, status)
    except OSError:  # deleted meanwhile, or not ours to read
        return None


def _stamped(scanned: Scan, status: os.stat_result) -> Scan:
    scanned.size, scanned.mtime_ns = status.st_size, status.st_mtime_ns
    return scanned


def _grown(path: Path, known: Scan) -> Scan | None:
    """The scan with what was appended to the file; None when it isn't the same file any more."""
    if not known.offset:
        return None
    with path.open("rb") as file:
        before = file.seek(max(known.offset - _TAIL, 0))
        if zlib.crc32(file.read(known.offset - before)) != known.tail:
            return None
        copy = structs.replace(known, makers=[*known.makers], spends=[*known.spends])
        _read_on(file, copy)
    return copy


def _read_on(file: BinaryIO, into: Scan) -> None:
    """Read from the file's position to its end; a last line that isn't whole waits for the next time."""
    while block := file.read(_BLOCK):
        if not block.endswith(b"\n"):
            block += file.readline()
        if not block.endswith(b"\n"):
            start = block.rfind(b"\n") + 1
            block = block[:start] if _decoded(block[start:]) is None else block
        _take(into, block)
        into.offset += len(block)
    start = file.seek(max(into.offset - _TAIL, 0))
    into.tail = zlib.crc32(file.read(into.offset - start))


def _take(into: Scan, data: bytes) -> None:
    for line in _lines(data, titled=bool(into.title)):
        entry = _decoded(line)
        if entry is not None:
            _enter(into, entry, line)


def _lines(data: bytes, *, titled: bool) -> Iterator[bytes]:
    """The lines that hold one of the marks, and the first of the user's, in their order."""
    found: dict[int, int] = {}
    marks = _MARKS if titled else (*_MARKS, _USER)
    for mark in marks:
        at = data.find(mark)
        while at >= 0:
            end = data.find(b"\n", at)
            end = len(data) if end < 0 else end
            found[data.rfind(b"\n", 0, at) + 1] = end
            at = -1 if mark is _USER else data.find(mark, end)
    return (data[start : found[start]] for start in sorted(found))


def _decoded(line: bytes) -> _Line | None:
    try:
        return _decoder().decode(line)
    except UNREADABLE:  # half a line, or a value of another kind: as elsewhere, it doesn't count
        return None


@cache
def _decoder() -> msgspec.json.Decoder[_Line]:
    return msgspec.json.Decoder(_Line)


def _enter(into: Scan, entry: _Line, line: bytes) -> None:
    match entry.type:
        case "message" if entry.message is not None:
            _enter_message(into, entry, entry.message, line)
        case "usage":
            maker = Maker(entry.provider or "", entry.model or "", into.now.role)
            _spend(into, entry, entry.usage, maker, line)
        case "model_change":
            into.now = structs.replace(into.now, provider=entry.provider or "", model=entry.model_id or "")
        case "session_info":
            into.title, into.named = _one_line(entry.name or ""), bool(entry.name)
        case "custom" if entry.custom_type == ROLE:
            into.now = structs.replace(into.now, role=_role(entry.data) or "")
        case "compaction" | "branch_summary":
            _spend(into, entry, entry.usage, into.now, line)
        case _:
            pass


def _enter_message(into: Scan, entry: _Line, message: _Message, line: bytes) -> None:
    if message.role == "assistant" and message.provider and message.model:
        into.now = Maker(message.provider, message.model, into.now.role)
    if message.role == "user" and not into.title:
        into.title = _one_line(_said(message.content))
    _spend(into, entry, message.usage, into.now, line)


def _spend(into: Scan, entry: _Line, usage: _Usage | None, maker: Maker, line: bytes) -> None:
    if usage is None:
        return
    sent, written = int(usage.input or 0), int(usage.output or 0)
    read, kept = int(usage.cache_read or 0), int(usage.cache_write or 0)
    cost = float((usage.cost and usage.cost.total) or 0)
    if not (sent or written or read or kept or cost):
        return
    if maker not in into.makers:
        into.makers.append(maker)
    response = (entry.message and entry.message.response_id) or ""
    known_by = f"{entry.id}\n{entry.timestamp}\n{response}".encode() if entry.id else line
    key = int.from_bytes(hashlib.blake2b(known_by, digest_size=8).digest()) >> 1
    at = into.makers.index(maker)
    child = entry.type == "usage" and entry.kind == CHILD
    into.spends.append(Spend(key, iso_ms(entry.timestamp), at, sent, written, read, kept, cost, child))


def _role(data: Raw) -> str | None:
    try:
        return msgspec.json.decode(data or b"{}", type=_Role).role
    except UNREADABLE:
        return None


def _said(content: Raw) -> str:
    try:
        blocks = msgspec.json.decode(content or b'""', type=str | list[_Text])
    except UNREADABLE:
        return ""
    return blocks if isinstance(blocks, str) else " ".join(block.text for block in blocks)


def _one_line(text: str) -> str:
    return _storable(plain(" ".join(text[: 10 * TITLE_LIMIT].split()))[:TITLE_LIMIT])


def _storable(text: str) -> str:
    """Without the half characters that JavaScript leaves and UTF-8 lacks."""
    return text.encode("utf-8", "replace").decode("utf-8")

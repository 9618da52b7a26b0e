"""What a session file is about, told from its bytes: most of its lines are counted and never decoded."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from pi.harness.storage.entries import MessageEntry, SessionInfo, decode_entry, dump_json, iso_ms, load_json
from pi.harness.storage.files import read_header
from pi.llm.messages import AssistantMessage, Text, UserMessage
from pi.platform.terminal import plain

FIRST_LIMIT = 200  # characters of the first message that a row shows

_LINE = b'\n{"type":"'  # Pi writes the type first; a newline in JSON stands only between lines
_MESSAGE = b'\n{"type":"message"'
_NAME = b'\n{"type":"session_info"'
_TOOL_RESULT = b'"role":"toolResult"'


class SessionRow(Struct, frozen=True, omit_defaults=True):
    """A session in a list. Times are ms since 1970; texts have no control characters."""

    id: str
    path: Path
    cwd: str  # empty when the file doesn't say
    name: str | None
    first_message: str  # of the user, on one line and cut; empty when nothing was said
    message_count: int  # of all branches, with system messages and tool results
    created: int
    modified: int  # when the user or a model last said something; else the session's or the file's time
    parent: Path | None = None  # the file that it was forked from
    depth: int = 0  # in a list of threads: how many of its ancestors stand above it


def read_row(path: Path, changed: int) -> SessionRow | None:
    """The row of a file that changed at `changed` (ms since 1970); None for what is no readable session."""
    header = read_header(path)
    if header is None:
        return None
    try:
        data = _typed_first(path.read_bytes())
    except OSError:  # deleted meanwhile
        return None
    began = iso_ms(header.timestamp) or changed
    last = next(_speech(_lines_backwards(data)), None)
    return SessionRow(
        id=_storable(header.id),
        path=path,
        cwd=_storable(header.cwd),
        name=_name(data),
        first_message=_first_message(data),
        message_count=data.count(_MESSAGE),
        created=began,
        modified=last.timestamp if last else began,
        parent=Path(_storable(header.parent_session)) if header.parent_session else None,
    )


def spoken_text(path: Path, needles: Sequence[bytes] = ()) -> str:
    """All that the user and models said in a session, on all branches.

    Empty, and nothing is decoded, when one of the `needles` (of lower case) is nowhere in the file.
    """
    try:
        data = path.read_bytes()
    except OSError:  # deleted meanwhile
        return ""
    if needles:
        folded = data.lower()
        if not all(needle in folded for needle in needles):
            return ""
    return "\n".join(filter(None, map(_text_of, _speech(_lines(_typed_first(data))))))


def _typed_first(data: bytes) -> bytes:
    """The lines as Pi writes them, each opening with its type; those of other programs are written anew."""
    if data.endswith(b"\n") and data.count(_LINE) + data.startswith(_LINE[1:]) == data.count(b"\n"):
        return data
    values = (value for line in data.split(b"\n") if (value := load_json(line)) is not None)
    return b"".join(dump_json({"type": value.get("type"), **value}) + b"\n" for value in values)


def _lines(data: bytes) -> Iterator[bytes]:
    """The lines that hold a message."""
    at = data.find(_MESSAGE)
    while at >= 0:
        end = data.find(b"\n", at + 1)
        yield data[at + 1 : end]
        at = data.find(_MESSAGE, end)


def _lines_backwards(data: bytes) -> Iterator[bytes]:
    at = data.rfind(_MESSAGE)
    while at >= 0:
        yield data[at + 1 : data.find(b"\n", at + 1)]
        at = data.rfind(_MESSAGE, 0, at)


def _speech(lines: Iterator[bytes]) -> Iterator[UserMessage | AssistantMessage]:
    for line in lines:
        if _TOOL_RESULT in line[:300]:  # the longest lines there are
            continue
        match decode_entry(line):
            case MessageEntry(message=UserMessage() | AssistantMessage() as message):
                yield message
            case _:
                pass


def _name(data: bytes) -> str | None:
    at = data.rfind(_NAME)
    if at < 0:
        return None
    match decode_entry(data[at + 1 : data.find(b"\n", at + 1)]):
        case SessionInfo(name=str() as name):
            return _one_line(name) or None
        case _:
            return None


def _first_message(data: bytes) -> str:
    for message in _speech(_lines(data)):
        if isinstance(message, UserMessage) and (text := _one_line(_text_of(message)[: 10 * FIRST_LIMIT])):
            return text[:FIRST_LIMIT]
    return ""


def _text_of(message: UserMessage | AssistantMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    return " ".join(block.text for block in message.content if isinstance(block, Text))


def _one_line(text: str) -> str:
    return _storable(" ".join(text.split()))


def _storable(text: str) -> str:
    """Without control characters, and without the half characters that JavaScript leaves and UTF-8 lacks."""
    return plain(text).encode("utf-8", "replace").decode("utf-8")

"""Session files on the disk: where they lie, how one is found, how lines are added to one."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from pi.harness.entries import (
    UNREADABLE,
    MessageEntry,
    SessionHeader,
    decode_entry,
    decode_header,
    iso_ms,
    load_json,
)
from pi.harness.migrate import migrate, rewrite
from pi.llm.messages import AssistantMessage, UserMessage
from pi.platform.errors import ConfigError, PiError

HEADER_LIMIT = 1024 * 1024  # bytes that are searched for a header


class SessionDir(Struct, frozen=True):
    """The folder for sessions of `cwd`; one that the user chose may hold those of several projects."""

    path: Path
    cwd: Path
    root: Path  # of the folders of all projects
    chosen: bool  # by a flag, the environment or a setting


class FoundSession(Struct, frozen=True):
    """A session file; `elsewhere` means that it belongs to another project, whose folder is `cwd`."""

    path: Path
    cwd: str = ""
    elsewhere: bool = False


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
        self.exists = exists
        self.size = size  # as far as we know the file
        self._torn = torn  # it ends inside a line
        self._descriptor: int | None = None

    def lost(self) -> bool:
        """Whether somebody deleted the file; then the next append makes it anew."""
        if self._descriptor is not None and os.fstat(self._descriptor).st_nlink == 0:
            self.close()
            self.size = 0  # a file that was put in its place is all news
        if self.exists and self._descriptor is None and not self.path.exists():
            self.exists = False
            return True
        return False

    def news(self) -> list[bytes]:
        """The lines that other programs have added since we last looked."""
        if not self.exists:
            return []
        try:
            size = self.path.stat().st_size
            if size < self.size:
                self.size, self._torn = size, size > 0  # somebody cut it, who knows where
            if size == self.size:
                return []
            with self.path.open("rb") as file:
                file.seek(self.size)
                added = file.read()
        except OSError:
            return []  # whatever is wrong, writing says it
        self.size += len(added)
        self._torn = not added.endswith(b"\n")
        return added.split(b"\n")

    def append(self, lines: Iterable[bytes]) -> None:
        """Add all lines at once. Raises SessionWriteError, and then the file is as it was."""
        text = b"".join(line.rstrip() + b"\n" for line in lines)
        try:
            if self._descriptor is None:
                self._descriptor = self._open()
                self.exists = True
            self._write(self._descriptor, b"\n" + text if self._torn else text)
        except OSError as error:
            raise SessionWriteError(
                f"Can't write the session file {self.path}: {error.strerror}. Nothing is lost while Pi runs: "
                "mend that and go on, then what is missing is written too."
            ) from error
        self._torn = False

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
    """Header, lines and file of a session, brought to the current version; no header means no session."""
    with path.open("rb") as file:
        lines = file.readlines()
        size = file.tell()
    torn = bool(lines) and not lines[-1].endswith(b"\n")
    first = next((at for at, line in enumerate(lines) if load_json(line) is not None), len(lines))
    header = decode_header(lines[first]) if first < len(lines) else None
    if header:
        lines = lines[first:]
        migrated = migrate(lines)
        if migrated is not lines:
            lines = migrated
            rewrite(path, lines)
            size, torn = path.stat().st_size, False
    return header, lines[1:], SessionFile(path, exists=True, size=size, torn=torn)


@cache
def _head_decoder() -> msgspec.json.Decoder[EntryHead]:
    return msgspec.json.Decoder(EntryHead)


def read_head(line: bytes) -> EntryHead | None:
    """Type and place of the entry that a line holds; None for one that is no JSON object."""
    try:
        return _head_decoder().decode(line)
    except UNREADABLE:
        value = load_json(line)
    if value is None:
        return None
    names = ("type", "id", "parentId")
    kind, id, parent = (it if isinstance(it, str) else None for it in map(value.get, names))
    return EntryHead(kind or "", id, parent)


def agent_dir(env: Mapping[str, str]) -> Path:
    """The folder of everything that Pi keeps for a user."""
    chosen = env.get("PI_CODING_AGENT_DIR")
    return expand(chosen, env) if chosen else _home(env) / ".pi" / "agent"


def session_dir(
    agent_dir: Path, cwd: Path, *, env: Mapping[str, str], flag: str | None = None, setting: str | None = None
) -> SessionDir:
    """Where the sessions of `cwd` lie: the flag says, else the environment, the setting, the default."""
    root = agent_dir.absolute() / "sessions"
    default = root / f"--{_mangled(cwd)}--"
    chosen = flag or env.get("PI_CODING_AGENT_SESSION_DIR") or setting
    path = expand(chosen, env) if chosen else default
    return SessionDir(path=path, cwd=cwd, root=root, chosen=path != default)


def new_session_path(directory: Path, session_id: str, timestamp: str) -> Path:
    """The file of a session that begins at `timestamp` (ISO 8601)."""
    return directory / f"{re.sub('[:.]', '-', timestamp)}_{session_id}.jsonl"


def valid_session_id(session_id: str) -> str:
    """The id itself; raises ConfigError for one that can't name a file everywhere."""
    if not re.fullmatch("[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", session_id):
        raise ConfigError(
            "Session id must be non-empty, contain only alphanumeric characters, '-', '_', and '.', "
            "and start and end with an alphanumeric character"
        )
    return session_id


def find_session(ref: str, directory: SessionDir, env: Mapping[str, str]) -> FoundSession:
    """What `ref` names: a path (there need not be a file), or an id or its start, this project's first.

    Among several that start so, the one with the latest message wins. Raises ConfigError when there is none.
    """
    if "/" in ref or "\\" in ref or ref.endswith(".jsonl"):
        return FoundSession(Path(os.path.abspath(directory.cwd / expand(ref, env))))  # noqa: PTH100 - no links
    here = _sessions(directory)
    if found := _best_match(ref, here):
        return FoundSession(*found)
    if directory.chosen:
        others = list(_headers(directory.path))
    else:
        others = [found for folder in _folders(directory.root) for found in _headers(folder)]
    if found := _best_match(ref, others):
        return FoundSession(*found, elsewhere=True)
    raise ConfigError(f"No session found matching '{ref}'")


def find_session_id(session_id: str, directory: SessionDir) -> Path | None:
    """This project's session of exactly this id."""
    return next((path for path, header in _sessions(directory) if header.id == session_id), None)


def latest_session(directory: SessionDir) -> Path | None:
    """This project's session with the latest message; None when it has none.

    Files are tried by their time of change, which no message in them is younger than: mostly one is read.
    """
    best = (-1, -1, Path())
    for changed, path in sorted(_files(directory.path), reverse=True):
        if changed < best[0]:
            break
        header = read_header(path)
        if header and _is_of(directory, header):
            best = max(best, (_last_activity(path, header, changed), changed, path))
    return best[2] if best[0] >= 0 else None


def read_header(path: Path) -> SessionHeader | None:
    """A file's header; None for what is no session, can't be read, or has no header in its first MiB."""
    try:
        with path.open("rb") as file:
            left = HEADER_LIMIT
            while line := file.readline(left):
                left -= len(line)
                if left == 0 and not line.endswith(b"\n") and file.read(1):
                    return None
                header = decode_header(line)
                if header or load_json(line) is not None:
                    return header
    except OSError:
        pass  # one unreadable file must not hide the others
    return None


def expand(path: str, env: Mapping[str, str]) -> Path:
    """A path as users write it, with `~` for their home or as a `file://` URL."""
    if path.startswith("file://"):
        from urllib.parse import urlparse
        from urllib.request import url2pathname

        return Path(url2pathname(urlparse(path).path))
    if path == "~" or path.startswith(("~/", "~\\") if os.name == "nt" else "~/"):
        return _home(env) / path[2:]
    return Path(path)


def _home(env: Mapping[str, str]) -> Path:
    home = env.get("USERPROFILE" if os.name == "nt" else "HOME")
    return Path(home) if home else Path.home()


def _mangled(cwd: Path) -> str:
    return re.sub(r"[/\\:]", "-", re.sub(r"^[/\\]", "", os.path.abspath(cwd)))  # noqa: PTH100 - links stay


def _folders(root: Path) -> list[Path]:
    try:
        return [path for path in root.iterdir() if path.is_dir()]
    except OSError:
        return []


def _files(folder: Path) -> list[tuple[int, Path]]:
    """The session files of a folder, each with its time of change in ms since 1970."""
    try:
        return [(path.stat().st_mtime_ns // 1_000_000, path) for path in folder.glob("*.jsonl")]
    except OSError:
        return []


def _headers(folder: Path) -> Iterator[tuple[Path, SessionHeader]]:
    for _, path in _files(folder):
        if header := read_header(path):
            yield path, header


def _sessions(directory: SessionDir) -> list[tuple[Path, SessionHeader]]:
    return [(path, header) for path, header in _headers(directory.path) if _is_of(directory, header)]


def _is_of(directory: SessionDir, header: SessionHeader) -> bool:
    """The default folder is this project's alone, whatever the headers in it say (imported ones differ)."""
    if not directory.chosen:
        return True
    return bool(header.cwd) and os.path.abspath(header.cwd) == os.path.abspath(directory.cwd)  # noqa: PTH100


def _best_match(ref: str, sessions: list[tuple[Path, SessionHeader]]) -> tuple[Path, str] | None:
    matches = [(path, header) for path, header in sessions if header.id == ref]
    matches = matches or [(path, header) for path, header in sessions if header.id.startswith(ref)]
    if not matches:
        return None
    path, header = matches[0] if len(matches) == 1 else max(matches, key=lambda it: _last_activity(*it, 0))
    return path, header.cwd


def _last_activity(path: Path, header: SessionHeader, changed: int) -> int:
    """When the user or a model last said something, in ms since 1970; else the session's or file's time."""
    try:
        with path.open("rb") as file:
            for line in _backwards(file):
                match decode_entry(line):
                    case MessageEntry(message=UserMessage() | AssistantMessage() as message):
                        return message.timestamp
                    case _:
                        pass
    except OSError:
        pass  # deleted meanwhile
    return iso_ms(header.timestamp) or changed


def _backwards(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, the last first; only as much is read as is asked for."""
    at = file.seek(0, os.SEEK_END)
    rest, step = b"", 64 * 1024
    while at > 0:
        size = min(step, at)
        at = file.seek(at - size)
        rest, *lines = (file.read(size) + rest).split(b"\n")
        yield from reversed(lines)
        step *= 2  # a line of many MiB is not copied anew for each block
    yield rest

"""Where session files lie and how one is found: by path, by the start of its id, or as the latest."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from pi.harness.storage.entries import (
    MessageEntry,
    SessionHeader,
    decode_entry,
    decode_header,
    iso_ms,
    load_json,
)
from pi.llm.messages import AssistantMessage, UserMessage
from pi.platform.errors import ConfigError

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

"""The inbox: messages to a session or a project, each delivered once, also when Pi crashes in between.

All lie in one folder, a file each, whose name tells when it was sent, to whom (a hash, so that no name can
harm) and when it is due; a claim adds who took it, for which session. Sending, claiming and giving back are
renames, so of several takers one gets it. A claim ends when its message is saved and acknowledged; a claim of
a process that has ended is due again, unless the session's file turns out to hold the message.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from pi.harness.storage.files import valid_session_id
from pi.platform.clock import now_ms, uuid7
from pi.platform.errors import PiError
from pi.platform.files import write_atomic
from pi.platform.process_ids import ProcessId, process_id

Deliver = Literal["now", "follow_up", "next_open"]
_LONGEST_ID = 100  # characters of a session's id: claims carry it in their file's name
_COARSE_NS = (
    2_000_000_000  # within which two changes of a folder may bear the same time, on some file systems
)
_NAME = re.compile(
    r"(?P<sent>\d{20}-[0-9a-f]{8}\.(?P<to>[0-9a-f]{20})\.(?P<deliver>now|follow_up|next_open))"
    r"(\.(?P<pid>\d+)-(?P<birth>[\w-]+)\.(?P<session>.+))?"
)


class Message(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is sent: `now` steers a running session, `follow_up` waits for its end, `next_open` for opening.

    `details` is anything that JSON can hold; `created_at` is in milliseconds since 1970.
    """

    id: str = field(default_factory=uuid7)
    text: str
    sender: str = ""
    created_at: int = field(default_factory=now_ms)
    deliver: Deliver = "follow_up"
    custom_type: str | None = None
    details: Any = None


def send(inbox_dir: Path, to: str, message: Message) -> None:
    """Put a message into the inbox of the session `to`; it need not exist yet. Raises PiError."""
    _post(inbox_dir, _session_key(to), message)


def send_to_project(inbox_dir: Path, cwd: Path, message: Message) -> None:
    """Put it into the inbox of a project: the next session that opens or runs in `cwd` gets it."""
    _post(inbox_dir, _project_key(cwd), message)


class Inbox:
    """What a session gets. `warnings` tells of damaged files, which are set aside as `damaged-…`.

    `already` says whether this session's file holds a message, by its id, and `already_in` whether that of
    another session does (session id, message id). Without the latter, a message to the project that another
    session took before it crashed waits for that session. Raises PiError for an impossible session id.
    """

    def __init__(
        self,
        inbox_dir: Path,
        session_id: str,
        cwd: Path,
        *,
        already: Callable[[str], bool],
        already_in: Callable[[str, str], bool] | None = None,
    ) -> None:
        self.warnings: list[str] = []
        self._dir = inbox_dir
        self._session_id = session_id
        self._addresses = {_session_key(session_id), _project_key(cwd)}
        self._already = already
        self._already_in = already_in
        self._claims: dict[str, tuple[Path, str]] = {}  # by message id: the file and its unclaimed name
        self._seen_ns: int | None = None  # the folder's time of change when it was read last

    def changed(self) -> bool:
        """Whether `take` may find something; one `stat`, for asking between turns and while idle."""
        try:
            return self._dir.stat().st_mtime_ns != self._seen_ns
        except OSError:
            return False

    def take(self, *, opening: bool = False) -> list[Message]:
        """Claim what is due, in the order of sending; `opening` includes what waits for that.

        Save each message in the session, then `acknowledge` it.
        """
        taken: list[Message] = []
        for name in self._names():
            found = _NAME.fullmatch(name)
            if found is None or found["to"] not in self._addresses:
                continue
            if found["deliver"] == "next_open" and not opening:
                continue
            if self._is_due(found) and (message := self._claim(found)):
                taken.append(message)
        return taken

    def acknowledge(self, message: Message) -> None:
        """The session's file holds it now: it won't come back. A second time does nothing."""
        claim = self._claims.pop(message.id, None)
        if claim:
            claim[0].unlink(missing_ok=True)

    def close(self) -> None:
        """Give back what was taken but not acknowledged, when the session ends before Pi does."""
        for claim, name in self._claims.values():
            try:
                claim.rename(self._dir / name)
            except FileNotFoundError:
                pass  # somebody cleared the folder
        self._claims.clear()

    def _names(self) -> list[str]:
        try:
            changed_ns = self._dir.stat().st_mtime_ns
            names = sorted(entry.name for entry in os.scandir(self._dir))
        except FileNotFoundError:
            return []
        settled = abs(time.time_ns() - changed_ns) > _COARSE_NS
        self._seen_ns = changed_ns if settled else None
        return names

    def _is_due(self, name: re.Match[str]) -> bool:
        if name["pid"] is None:
            return True
        if ProcessId(int(name["pid"]), name["birth"]).alive:
            self._seen_ns = None  # its end would not change the folder: look again
            return False
        return name["session"] == self._session_id or self._already_in is not None

    def _claim(self, name: re.Match[str]) -> Message | None:
        """The message, if nobody else was faster and no session has it."""
        path = self._dir / name[0]
        try:
            message = msgspec.json.decode(path.read_bytes(), type=Message)
            if self._is_delivered(message.id, name["session"] or self._session_id):
                path.unlink()
                return None
            claim = self._dir / f"{name['sent']}.{_claimant(os.getpid())}.{self._session_id}"
            path.rename(claim)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, msgspec.DecodeError, RecursionError) as error:
            self._set_aside(path, error)
            return None
        self._claims[message.id] = claim, name["sent"]
        return message

    def _is_delivered(self, message_id: str, session_id: str) -> bool:
        if message_id in self._claims or self._already(message_id):
            return True
        if session_id == self._session_id or self._already_in is None:
            return False
        return self._already_in(session_id, message_id)

    def _set_aside(self, path: Path, error: Exception) -> None:
        aside = path.with_name(f"damaged-{path.name}")
        try:
            path.rename(aside)
        except FileNotFoundError:
            return  # another Pi was faster, and tells
        except OSError:
            aside = path
        self.warnings.append(f"A message could not be read ({error}). Look at {aside}, then delete it.")


def _post(inbox_dir: Path, key: str, message: Message) -> None:
    try:
        data = msgspec.json.encode(message)
    except (TypeError, ValueError) as error:  # ValueError: half of a surrogate pair
        raise PiError(
            f"The message can't be written as JSON: {error}. Change its text or details."
        ) from error
    path = inbox_dir / f"{time.time_ns():020d}-{os.urandom(4).hex()}.{key}.{message.deliver}"
    try:
        inbox_dir.mkdir(0o700, parents=True, exist_ok=True)
        write_atomic(path, data, mode=0o600)
    except OSError as error:
        raise PiError(f"Can't write to the inbox {inbox_dir}: {error.strerror}. Make it writable.") from error


def _session_key(session_id: str) -> str:
    if len(session_id) > _LONGEST_ID:
        raise PiError(f"A session id has at most {_LONGEST_ID} characters: {session_id[:20]!r}… is none.")
    return _key("session", valid_session_id(session_id))


def _project_key(cwd: Path) -> str:
    try:
        return _key("project", os.path.normcase(os.path.realpath(cwd)))
    except ValueError:  # a NUL
        raise PiError(f"{str(cwd)!r} can't be a folder. Name the project by its path.") from None


def _key(kind: str, name: str) -> str:
    return hashlib.blake2b(os.fsencode(f"{kind}:{name}"), digest_size=10).hexdigest()


@lru_cache(1)
def _claimant(pid: int) -> str:
    me = process_id(pid)
    if me is None:
        raise PiError("Pi can't tell processes apart here. Mount /proc, or install ps.")
    return f"{me.pid}-{me.birth}"

"""Where an editor's sessions come from: new files, files that are found again, and the list of them."""

import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from acp import RequestError
from acp.schema import SessionInfo
from msgspec import Struct

from pi.harness.session import Session
from pi.harness.storage.files import SessionDir, find_session, valid_session_id
from pi.harness.storage.listing import list_sessions
from pi.harness.storage.store import Store
from pi.harness.ui import UI
from pi.modes.acp.clean import shown
from pi.modes.acp.failures import INVALID, NOT_FOUND
from pi.platform.errors import ConfigError

_PAGE = 100  # sessions in one answer


class Home(Struct, frozen=True):
    """What the command line gives: the agent's folder, that of a project's sessions, and the way to one."""

    agent_dir: Path
    folder: Callable[[Path], SessionDir]
    make: Callable[[Store, UI], Awaitable[Session]]
    saves: bool = True

    def new(self, cwd: str) -> Store:
        """A new session. Raises RequestError for a folder that isn't there."""
        path = project(cwd)
        return Store.create(path, directory=self.folder(path).path) if self.saves else Store.in_memory(path)

    def find(self, session_id: str, cwd: str) -> Store:
        """A saved session, to go on in this folder. Raises RequestError when there is none."""
        path = project(cwd)
        try:
            found = find_session(valid_session_id(session_id), self.folder(path), os.environ)
        except ConfigError:
            raise unknown(session_id) from None
        store = Store.open(found.path, cwd=path)
        if store.id != session_id:  # only the beginning of an id was given
            store.close()
            raise unknown(session_id)
        return store

    def list(self, cwd: str | None, cursor: str | None) -> tuple[list[SessionInfo], str | None]:
        """A page of the sessions of a folder, or of all, the latest first, and the cursor of the next."""
        start = int(cursor) if cursor and cursor.isdecimal() else 0
        folder = self.folder(Path(cwd) if cwd else Path.cwd())
        rows = [
            row for row in list_sessions(folder, all_projects=cwd is None) if row.message_count and row.cwd
        ]
        infos = [
            SessionInfo(
                session_id=row.id,
                cwd=row.cwd,
                title=shown(row.name or row.first_message) or None,
                updated_at=datetime.fromtimestamp(row.modified / 1000, UTC)
                .isoformat()
                .replace("+00:00", "Z"),
            )
            for row in rows[start : start + _PAGE]
        ]
        return infos, str(start + _PAGE) if len(rows) > start + _PAGE else None


def project(cwd: str) -> Path:
    """The folder that an editor names. Raises RequestError for one that can't be worked in."""
    path = Path(cwd)
    if not path.is_absolute() or not path.is_dir():
        raise RequestError(INVALID, f"The folder {cwd} isn't there. Open one that is, by its absolute path.")
    return path


def unknown(session_id: str) -> RequestError:
    """There is no such session."""
    return RequestError(
        NOT_FOUND, f"There is no session {session_id}. List the sessions, or begin a new one."
    )

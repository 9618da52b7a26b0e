"""The folder that a session works in may be gone when the session is opened again."""

from pathlib import Path

from pi.harness.storage.store import Store
from pi.platform.errors import PiError


class MissingFolderError(PiError):
    """The session's folder is gone; the text is the original's, and says how to go on."""

    def __init__(self, text: str, folder: Path | None = None, session: Path | None = None):
        super().__init__(text)
        self.folder = folder or Path()
        self.session = session or Path()


def require_folder(store: Store, here: Path) -> None:
    """Raise MissingFolderError for a saved session whose folder is gone; `here` is where Pi was started."""
    if store.path is None or store.cwd.is_dir():
        return
    raise MissingFolderError(
        f"Stored session working directory does not exist: {store.cwd}\n"
        f"Session file: {store.path}\n"
        f"Current working directory: {here}\n"
        f"Bring the folder back, or go on here in a copy: pi --fork {store.path}",
        store.cwd,
        store.path,
    )

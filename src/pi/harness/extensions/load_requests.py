"""How `pi ext load`, run by the model, reaches the session that it runs in: through one small file."""

import os
import tempfile
from pathlib import Path

VARIABLE = "PI_EXTENSION_REQUESTS"


class LoadRequests:
    """The session's side: it makes the file when tools first run, and reads what was added to it."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._read = 0

    def path(self) -> Path:
        """The file, for the environment of commands; only the user can read and write it."""
        if self._path is None:
            descriptor, name = tempfile.mkstemp(prefix="pi-ext-", suffix=".requests")
            os.close(descriptor)
            self._path = Path(name)
        return self._path

    def take(self) -> list[Path]:
        """The files to load that were asked for since the last time, each once."""
        if self._path is None:
            return []
        try:
            if self._path.stat().st_size <= self._read:
                return []
            with self._path.open("rb") as file:
                file.seek(self._read)
                added = file.read()
        except OSError:  # somebody took it away: nothing is asked for
            return []
        whole = added[: added.rfind(b"\n") + 1]
        self._read += len(whole)
        return list(dict.fromkeys(Path(os.fsdecode(line)) for line in whole.splitlines() if line))

    def close(self) -> None:
        """Take the file away."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None


def request_load(path: Path) -> bool:
    """The command's side: ask the session that runs this command; False when there is none."""
    name = os.environ.get(VARIABLE)
    if not name or not os.path.isfile(name):  # noqa: PTH113 (an odd value is no session)
        return False
    with open(name, "ab") as file:  # noqa: PTH123
        file.write(os.fsencode(path) + b"\n")
    return True

"""How `pi ext load`, run by the model, reaches the session that it runs in: through one small file."""

import os
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "_PI_EXTENSION_REQUESTS"  # PI_… are the original's, and there are no others
UNTRUSTED = "_PI_UNTRUSTED_PROJECT"  # the folder from which nothing is loaded


class LoadRequests:
    """The session's side: it makes the file when tools first run, and reads what was added to it."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._read = 0

    def path(self) -> Path:
        """The file, for the environment of commands; only the user can read and write it."""
        if self._path is None:
            from tempfile import mkstemp  # 4 ms, and the bash tool needs it anyway

            descriptor, name = mkstemp(prefix="pi-ext-", suffix=".requests")
            os.close(descriptor)
            self._path = Path(name)
        return self._path

    def environment(self, project: Path, *, trusted: bool) -> dict[str, str]:
        """What commands of tools need to ask for something."""
        return {VARIABLE: str(self.path()), UNTRUSTED: "" if trusted else str(project)}

    @property
    def waiting(self) -> bool:
        """Whether something was asked for since the last time."""
        try:
            return self._path is not None and self._path.stat().st_size > self._read
        except OSError:  # somebody took it away: nothing is asked for
            return False

    def take(self) -> list[Path]:
        """The files to load that were asked for since the last time, each once."""
        if self._path is None or not self.waiting:
            return []
        try:
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


def refusal(path: Path, untrusted: Path | None) -> str | None:
    """Why a file isn't loaded: it lies in a project that nobody has said to trust."""
    if untrusted is None or not path.resolve().is_relative_to(untrusted.resolve()):
        return None
    return (
        f"{path} is inside {untrusted}, a project that isn't trusted. Move the file to the user's own "
        "extensions, or ask the user to start Pi with --approve."
    )


def untrusted_project(env: Mapping[str, str] = os.environ) -> Path | None:
    """The project of the session that runs this command, when it isn't trusted."""
    return Path(env[UNTRUSTED]) if env.get(UNTRUSTED) else None


def in_session(env: Mapping[str, str] = os.environ) -> bool:
    """Whether a session runs this command and listens."""
    return bool(name := env.get(VARIABLE)) and os.path.isfile(name)  # noqa: PTH113 (odd values)


def request_load(path: Path) -> bool:
    """The command's side: ask the session that runs this command; False when there is none."""
    name = os.environ.get(VARIABLE)
    if not name or not os.path.isfile(name):  # noqa: PTH113 (an odd value is no session)
        return False
    with open(name, "ab") as file:  # noqa: PTH123
        file.write(os.fsencode(path) + b"\n")
    return True

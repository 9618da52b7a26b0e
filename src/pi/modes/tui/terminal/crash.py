"""What Pi leaves behind after a fault of its own: where it happened, and where people find that."""

import os
import platform
import time
import traceback
from pathlib import Path

from pi.version import __version__

_MOST = 256 * 1024  # bytes of the log; older faults go
_RULE = "=" * 72


def write_crash_log(agent_dir: Path, error: BaseException, *, now: float | None = None) -> Path | None:
    """Append where the fault happened to pi-crash.log, which only its owner can read; None if that fails.

    Names of errors, files and functions, and source lines: no messages and no values, which may hold secrets.
    """
    path = agent_dir / "pi-crash.log"
    text = crash_report(error, time.time() if now is None else now)
    try:
        agent_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            if file.tell() > _MOST:
                file.truncate(0)
            path.chmod(0o600)
            file.write(text.encode("utf-8", "replace"))
    except OSError:
        return None
    return path


def crash_report(error: BaseException, now: float) -> str:
    """The fault as it stands in the log."""
    when = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(now))
    head = f"{_RULE}\n{when}  pi {__version__}  Python {platform.python_version()}  {platform.platform()}\n"
    return head + "\n".join(_parts(error, set())) + "\n"


def crash_message(error: BaseException, path: Path | None) -> str:
    """What people read when Pi has ended by a fault."""
    where = f"What happened is in {path}." if path else "The log couldn't be written."
    return (
        f"Pi has ended by a fault of its own ({type(error).__name__}). {where} "
        "Your session is kept: `pi --continue` goes on with it."
    )


def _parts(error: BaseException, seen: set[int]) -> list[str]:
    """The causes first, as Python shows them."""
    seen.add(id(error))
    lines: list[str] = []
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        lines = [*_parts(before, seen), "", "and then:", ""]
    for frame in traceback.extract_tb(error.__traceback__):
        lines.append(f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}')
        if frame.line:
            lines.append(f"    {frame.line}")
    lines.append(f"{type(error).__module__}.{type(error).__qualname__}")
    if isinstance(error, BaseExceptionGroup):
        inners: tuple[BaseException, ...] = error.exceptions  # pyright: ignore - of whatever kind
        for number, inner in enumerate(inners, 1):
            if id(inner) not in seen:
                lines += ["", f"error {number} of the group:", "", *_parts(inner, seen)]
    return lines

"""What stays on the normal screen when Pi has ended: the end of the transcript, and how to go on."""

import shlex
from collections.abc import Sequence

_SCREENS = 3  # of the transcript; all of it is in the session


def exit_output(
    lines: Sequence[str],
    *,
    height: int,
    session_id: str | None = None,
    latest: bool = False,
    reset: str = "\x1b[0m",
) -> str:
    """What to print: the last screens of `lines`, which are painted already, and the hint.

    `session_id` is None when nothing was kept; `latest` says that it is the last session of its folder. With
    the setting fullscreenExitOutput "resume-hint" there are no lines.
    """
    end = list(lines)
    while end and not end[-1].strip():
        end.pop()
    most = max(1, height) * _SCREENS
    left_out = len(end) - most
    text = "".join(f"{line}{reset}\n" for line in end[-most:])
    if left_out > 0:
        text = f"… {left_out:,} earlier {'line' if left_out == 1 else 'lines'}\n{text}"
    hint = resume_hint(session_id, latest=latest)
    return "\n".join(part for part in (text, hint and f"{hint}\n") if part)


def resume_hint(session_id: str | None, *, latest: bool = False) -> str:
    """How to go on with the session; "" when there is nothing to go on with."""
    if not session_id:
        return ""
    command = "pi --continue" if latest else f"pi --session {shlex.quote(session_id)}"
    return f"To go on with this session: {command}"

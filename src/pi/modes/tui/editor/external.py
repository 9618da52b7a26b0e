"""The prompt in the user's own editor: which program that is, and the way of the text through a file."""

import os
import shlex
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import Protocol

from pi.platform.errors import PiError


class _Settings(Protocol):
    def text(self, path: str) -> str | None: ...


def editor_command(settings: _Settings, env: Mapping[str, str]) -> list[str]:
    """The program and its arguments. Raises PiError when the setting can't be split into words."""
    for name, value in (
        ("the setting externalEditor", settings.text("externalEditor")),
        ("$VISUAL", env.get("VISUAL")),
        ("$EDITOR", env.get("EDITOR")),
    ):
        if value and value.strip():
            return _words(name, value)
    return ["notepad"] if sys.platform == "win32" else ["nano"]


def _words(name: str, value: str) -> list[str]:
    try:
        if sys.platform != "win32":
            return shlex.split(value)
        return [word.strip('"') for word in shlex.split(value, posix=False)]
    except ValueError as error:
        raise PiError(f"Can't read {name} ({value}): {error}. Correct its quotes.") from None


async def edit_elsewhere(
    text: str, argv: Sequence[str], run: Callable[[Sequence[str]], Awaitable[int]]
) -> str | None:
    """The text as the program has left it, without the newline at its end; None when it failed.

    The file is for the user's eyes only and is gone afterwards. Raises PiError when it can't be read.
    """
    handle, name = mkstemp(prefix="pi-prompt-", suffix=".md")  # with mode 0600
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
        if await run([*argv, name]) != 0:
            return None
        edited = path.read_text("utf-8", errors="replace").removeprefix("\ufeff")
        return edited.removesuffix("\n")
    except OSError as error:
        raise PiError(f"Can't read {path}: {error.strerror}. The prompt is as it was before.") from None
    finally:
        with suppress(OSError):
            path.unlink()

"""Paths as people write them behind a command."""

import os
from pathlib import Path

from pi.harness.storage.files import expand


def path_of(args: str, cwd: Path) -> Path:
    """One path: with or without quotes, `~` for the home folder, relative to the session's folder."""
    text = args.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    return cwd / expand(text, os.environ)

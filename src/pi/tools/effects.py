"""What calls of the built-in tools will touch, for gates: absolute paths as the tool would open them."""

from pathlib import Path
from typing import Any

from pi.agent.tool import Effects
from pi.tools.paths import resolve_path


def reads(arguments: dict[str, Any], cwd: Path) -> Effects:
    """A file is read, or a folder searched."""
    return Effects(reads=(str(resolve_path(arguments.get("path") or ".", cwd)),))


def writes(arguments: dict[str, Any], cwd: Path) -> Effects:
    """A file is made or replaced."""
    return Effects(writes=(str(resolve_path(arguments["path"], cwd)),))


def edits(arguments: dict[str, Any], cwd: Path) -> Effects:
    """A file is read and changed."""
    path = str(resolve_path(arguments["path"], cwd))
    return Effects(reads=(path,), writes=(path,))


def runs(arguments: dict[str, Any], cwd: Path) -> Effects:
    """A shell command runs; what that touches, only the command says."""
    return Effects(commands=(arguments["command"],))

"""/debug, which no list shows: what the model sees and how it is shown, in a file for who mends Pi."""

import asyncio
import os
from pathlib import Path

import msgspec

from pi.modes.tui.commands.command import Command
from pi.modes.tui.footer import short_path
from pi.modes.tui.stage import Stage
from pi.platform.clock import iso
from pi.platform.errors import PiError
from pi.platform.files import write_atomic


async def run(stage: Stage, args: str) -> None:
    """Write the file, which only its owner may read."""
    path = stage.agent_dir / "pi-debug.log"
    text = report(stage)
    await asyncio.to_thread(_write, path, text)
    stage.notify(f"Written: {short_path(path)}")


def report(stage: Stage) -> str:
    """The messages as the model would see them, one line each, before them the state of the screen."""
    session = stage.session
    size = os.get_terminal_size() if os.isatty(1) else None
    head = [
        f"Time: {iso()}",
        f"Terminal: {f'{size.columns}x{size.lines}' if size else 'none'}, {os.environ.get('TERM', '')}",
        f"Session: {session.store.id} at {session.store.leaf}",
        f"Model: {session.model.ref}, thinking {session.thinking_level}",
        f"Theme: {stage.themes.current.name}",
        f"Look: {stage.look}",
    ]
    messages = [msgspec.json.encode(message, enc_hook=str).decode() for message in session.messages]
    return "\n".join([*head, "", f"=== {len(messages)} messages ===", *messages, ""])


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text.encode("utf-8", "replace"), mode=0o600)
    except OSError as error:
        raise PiError(f"Can't write {path}: {error.strerror}.") from error


COMMAND = Command("debug", "Write the state of Pi to a file", run)

"""/import: take in a session file, and go on in it."""

import asyncio

from pi.harness.storage.transfer import import_session
from pi.modes.tui.commands.command import Command
from pi.modes.tui.commands.moving import require_idle, session_folder, switch
from pi.modes.tui.commands.paths import path_of
from pi.modes.tui.stage import Stage
from pi.platform.errors import PiError


async def run(stage: Stage, args: str) -> None:
    """Copy the file among the sessions of this folder, and open the copy."""
    if not args.strip():
        raise PiError("Say which file: /import PATH.jsonl")
    require_idle(stage, "import a session")
    source = path_of(args, stage.session.store.cwd)
    path = await asyncio.to_thread(import_session, source, session_folder(stage))
    current = stage.session.store.path
    if current is not None and path.resolve() == current.resolve():
        stage.notify("This session is open already.")
        return
    await switch(stage, path, f"Imported: {path.name}")


COMMAND = Command("import", "Open a session file from elsewhere", run, hint="PATH")

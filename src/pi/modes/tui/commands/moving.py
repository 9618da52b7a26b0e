"""What commands share that lead to another place or session: when they may, and what is shown after."""

import asyncio
from pathlib import Path

from pi.harness.storage.cwd import MissingFolderError
from pi.harness.storage.files import SessionDir, read_header
from pi.harness.storage.store import Store
from pi.modes.tui.pickers.missing_cwd import missing_cwd
from pi.modes.tui.pickers.sessions import sessions_of
from pi.modes.tui.stage import Stage
from pi.platform.errors import PiError


def require_idle(stage: Stage, doing: str) -> None:
    """Raise PiError while the session works; `doing` is what can't be done meanwhile, such as "fork"."""
    session = stage.session
    if session.busy or session.compacting:
        stop = stage.keymap.label("app.interrupt")
        how = f"Press {stop} to stop, or wait" if stop else "Wait"
        what = "The agent is working." if session.busy else "A summary is being made."
        raise PiError(f"{what} {how} until it is done, then {doing}.")


def moved(stage: Stage, text: str | None, notice: str) -> None:
    """Show the session as it is now; the text goes into an editor that has none."""
    if stage.look.cwd != stage.session.store.cwd:
        stage.change_look(cwd=stage.session.store.cwd)
    stage.rebuild()
    if text and not stage.editor_text.strip():
        stage.editor_text = text
    warnings = stage.session.warnings
    for warning in dict.fromkeys(warnings):
        stage.notify(warning, "warning")
    warnings.clear()
    stage.notify(notice)


def session_folder(stage: Stage) -> SessionDir:
    """Where the sessions beside the open one lie."""
    session = stage.session
    store = session.store
    return sessions_of(store.path, store.cwd, stage.agent_dir, session.setup.settings.text("sessionDir"))


async def switch(stage: Stage, path: Path, notice: str) -> bool:
    """Go on in the session of a file; False when people or an extension don't want to. Raises PiError."""
    session = stage.session
    here = session.store.cwd
    header = await asyncio.to_thread(read_header, path)
    cwd: Path | None = None
    if header is not None and header.cwd and not Path(header.cwd).is_dir():
        if not here.is_dir():
            raise MissingFolderError(
                f"Neither {header.cwd} nor {here} is there. Bring one of the folders back."
            )
        row = await stage.ask(missing_cwd(stage.keymap, header.cwd, here))
        match row.id if row is not None else "cancel":
            case "continue":
                cwd = here
            case "fork":
                path = await asyncio.to_thread(_fork, path, session_folder(stage).path, here)
            case _:
                return False
    require_idle(stage, "open another session")
    if not await session.tree.switch(path, cwd=cwd):
        refused(stage)
        return False
    moved(stage, None, notice)
    return True


def refused(stage: Stage) -> None:
    """An extension didn't want what was asked for."""
    stage.notify("Cancelled by an extension.")


def _fork(path: Path, directory: Path, cwd: Path) -> Path:
    """A copy of a whole session for another folder."""
    source = Store.open(path)
    fork = source.fork_to(directory, cwd=cwd)
    source.close()
    fork.close()
    if fork.path is None:
        raise PiError(f"{path} can't be forked.")
    return fork.path

"""The commands of a session as a whole: /new, /resume, /name, /session, /clone."""

from functools import partial
from pathlib import Path

from pi.modes.tui.commands.command import Command
from pi.modes.tui.commands.moving import moved, refused, require_idle, session_folder, switch
from pi.modes.tui.pickers.sessions import SessionPicker, rename_session
from pi.modes.tui.stage import Stage


async def new(stage: Stage, args: str) -> None:
    """Begin a new session."""
    require_idle(stage, "start a new session")
    if await stage.session.tree.new():
        moved(stage, None, "New session started.")
    else:
        refused(stage)


async def resume(stage: Stage, args: str) -> None:
    """Choose a session, and go on in it."""
    require_idle(stage, "resume another session")
    current = stage.session.store.path
    picker = SessionPicker(
        stage.keymap, session_folder(stage), current=current, rename=partial(_rename, stage)
    )
    path = await stage.ask(picker)
    if path is None:
        return
    if current is not None and path.resolve() == current.resolve():
        stage.notify("This session is open already.")
        return
    await switch(stage, path, "Session resumed.")


async def name(stage: Stage, args: str) -> None:
    """Name the session, or tell its name."""
    store = stage.session.store
    if args.strip():
        await stage.session.tree.set_name(args.strip())
        stage.notify(f"The session is called: {store.name}")
    elif store.name:
        stage.notify(f"The session is called: {store.name}")
    else:
        stage.notify("The session has no name. Give it one: /name NAME")


async def show(stage: Stage, args: str) -> None:
    """Tell what there is to know about the session."""
    from pi.modes.tui.blocks.notice import MarkdownBlock
    from pi.modes.tui.commands.session_facts import session_facts

    stage.show(MarkdownBlock(session_facts(stage.session), "Session"))


async def clone(stage: Stage, args: str) -> None:
    """Go on in a copy of the branch."""
    require_idle(stage, "clone the session")
    if stage.session.store.leaf is None:
        stage.notify("There is nothing to clone yet.")
        return
    done = await stage.session.tree.clone()
    if done.cancelled:
        refused(stage)
    else:
        moved(stage, None, "Cloned: this is a new session, and the old one stays as it was.")


async def _rename(stage: Stage, path: Path, name: str) -> None:
    current = stage.session.store.path
    if current is not None and path.resolve() == current.resolve():
        await stage.session.tree.set_name(name)
    else:
        await rename_session(path, name)


COMMANDS = (
    Command("new", "Start a new session", new),
    Command("resume", "Open another session", resume),
    Command("name", "Name the session, or show its name", name, hint="[name]"),
    Command("session", "File, counts, tokens and cost of the session", show),
    Command("clone", "Go on in a copy of this branch", clone),
)

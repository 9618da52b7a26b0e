"""A run of the terminal interface: what must be asked first is asked, then a session is made and shown."""

import os
from pathlib import Path

from pi.cli.options import Options
from pi.cli.prompt import build_prompt
from pi.cli.run import load_host, make_session, understood
from pi.cli.sessions import open_store, sessions_folder
from pi.harness.models.choice import NO_MODEL
from pi.harness.settings import load_settings
from pi.harness.storage.files import agent_dir as find_agent_dir
from pi.harness.trust import needs_trust, saved_trust
from pi.modes.tui.run import Start, run
from pi.modes.tui.terminal.rescue import Rescue
from pi.modes.tui.ui import TuiUI
from pi.platform.errors import PiError
from pi.platform.terminal import say
from pi.platform.tty import Tty
from pi.sdk import NoModelError


async def run_tui(options: Options, tty: Tty, rescue: Rescue) -> int:
    """Show the interface until people leave; the result is the exit code."""
    cwd, agent_dir = Path.cwd(), find_agent_dir(os.environ)
    ui = TuiUI()
    try:
        await _ask_trust(options, cwd, agent_dir)
        if options.resume and not await _ask_session(options, cwd, agent_dir):
            return 0
        host = await load_host(options, cwd, ui)
        options = understood(options, host)
        prompt = build_prompt(options, stdin=None)
        store = open_store(options, cwd)
        no_model: PiError | None = None
        try:
            session = await make_session(options, store, store.cwd, host, ui=ui)
        except NoModelError as error:
            no_model = error
            session = await make_session(options, store, store.cwd, host, ui=ui, stand_in=NO_MODEL)
    except PiError as error:
        say(f"Error: {error}")
        return 1
    start = Start(
        prompts=prompt.texts,
        images=prompt.images,
        no_model=no_model,
        theme=options.use_theme,
        theme_paths=tuple(options.theme),
        find_themes=not options.no_themes,
    )
    return await run(session, ui, start, agent_dir=agent_dir, tty=tty, rescue=rescue)


async def _ask_trust(options: Options, cwd: Path, agent_dir: Path) -> None:
    """Ask whether a project is trusted that brings something along, unless that is decided."""
    if options.approve or options.no_approve or not needs_trust(cwd):
        return
    settings = load_settings(agent_dir, None)
    if settings.text("defaultProjectTrust") in ("always", "never") or saved_trust(cwd, agent_dir) is not None:
        return
    from pi.modes.tui.alone import Asker
    from pi.modes.tui.pickers.trust import ask_trust

    if await ask_trust(Asker(agent_dir, settings), cwd, agent_dir):
        options.approve = True
    else:
        options.no_approve = True


async def _ask_session(options: Options, cwd: Path, agent_dir: Path) -> bool:
    """Let people choose the session to go on with; whether they have."""
    from pi.modes.tui.alone import Asker
    from pi.modes.tui.pickers.sessions import SessionPicker

    settings = load_settings(agent_dir, cwd)
    asker = Asker(agent_dir, settings)
    path = await asker.ask(SessionPicker(asker.keymap, sessions_folder(cwd, options.session_dir)))
    options.resume = False
    options.session = None if path is None else str(path)
    return path is not None

"""A run of the terminal interface: what must be asked first is asked, then a session is made and shown."""

import os
from pathlib import Path

from pi.cli.options import Options
from pi.cli.prompt import build_prompt
from pi.cli.run import load_host, make_session, run_cli_command, understood
from pi.cli.sessions import open_store, sessions_folder
from pi.harness.models.choice import NO_MODEL
from pi.harness.settings import load_settings
from pi.harness.storage.cwd import MissingFolderError
from pi.harness.storage.files import agent_dir as find_agent_dir
from pi.harness.storage.store import Store
from pi.harness.trust import needs_trust, saved_trust
from pi.modes.tui.alone import Asker
from pi.modes.tui.run import Start, run
from pi.modes.tui.terminal.rescue import Rescue
from pi.modes.tui.ui import TuiUI
from pi.platform.errors import PiError
from pi.platform.tty import Tty
from pi.sdk import NoModelError


async def run_tui(options: Options, tty: Tty, rescue: Rescue) -> int:
    """Show the interface until people leave; the result is the exit code. Raises PiError, UsageError."""
    cwd, agent_dir = Path.cwd(), find_agent_dir(os.environ)
    asker = Asker(agent_dir, rescue)
    ui = TuiUI(asker)

    async def trust() -> bool | None:
        return await _ask_trust(options, cwd, agent_dir, asker)

    host = await load_host(options, cwd, ui, ask_trust=trust)
    if host is None and await trust():  # there were none but, perhaps, the project's
        host = await load_host(options, cwd, ui)
    if host is not None and (found := host.cli_command(options.words)):
        return await run_cli_command(*found, host, options, cwd)
    options = understood(options, host)
    if options.resume and not await _ask_session(options, cwd, asker):
        return 0
    prompt = build_prompt(options, stdin=None)
    store = await _open(options, cwd, asker)
    if store is None:
        return 0
    no_model: PiError | None = None
    try:
        session = await make_session(options, store, store.cwd, host, ui=ui)
    except NoModelError as error:
        no_model = error
        session = await make_session(options, store, store.cwd, host, ui=ui, stand_in=NO_MODEL)
    except PiError as error:
        problems = "".join(f"{problem}\n" for problem in host.problems) if host is not None else ""
        raise PiError(f"{problems}{error}") from None
    start = Start(
        prompts=prompt.texts,
        images=prompt.images,
        no_model=no_model,
        theme=options.use_theme,
        theme_paths=tuple(options.theme),
        find_themes=not options.no_themes,
    )
    return await run(session, ui, start, agent_dir=agent_dir, tty=tty, rescue=rescue)


async def _ask_trust(options: Options, cwd: Path, agent_dir: Path, asker: Asker) -> bool | None:
    """Ask once whether a project is trusted that brings something along; None where that is decided."""
    if options.approve or options.no_approve or cwd in options.trust or not needs_trust(cwd):
        return options.trust.get(cwd)
    default = load_settings(agent_dir, None).text("defaultProjectTrust")
    if default in ("always", "never") or saved_trust(cwd, agent_dir) is not None:
        return None
    from pi.modes.tui.pickers.trust import ask_trust

    options.trust[cwd] = await ask_trust(asker, cwd, agent_dir)  # of this folder, whatever is opened later
    return options.trust[cwd]


async def _ask_session(options: Options, cwd: Path, asker: Asker) -> bool:
    """Let people choose the session to go on with; whether they have."""
    from pi.modes.tui.pickers.sessions import SessionPicker

    path = await asker.ask(SessionPicker(asker.keymap, sessions_folder(cwd, options.session_dir)))
    options.resume = False
    options.session = None if path is None else str(path)
    return path is not None


async def _open(options: Options, cwd: Path, asker: Asker) -> Store | None:
    """The session's store; where its folder is gone, people say how to go on. None: not at all."""
    try:
        return open_store(options, cwd)
    except MissingFolderError as error:
        from pi.modes.tui.pickers.missing_cwd import missing_cwd

        row = await asker.ask(missing_cwd(asker.keymap, str(error.folder), cwd))
        match row.id if row is not None else "cancel":
            case "continue":
                return Store.open(error.session, cwd=cwd)
            case "fork":
                options.fork, options.session, options.continue_ = str(error.session), None, False
                return open_store(options, cwd)
            case _:
                return None

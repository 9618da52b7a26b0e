"""A run of ACP mode: stdout is reserved first, then editors' sessions are made as they ask for them."""

import os

from pi.cli.options import Options, UsageError
from pi.cli.run import load_host, make_session, understood
from pi.cli.sessions import sessions_folder
from pi.harness.session import Session
from pi.harness.storage.files import agent_dir
from pi.harness.storage.store import Store
from pi.harness.ui import UI
from pi.harness.wire import Wire
from pi.platform.errors import PiError
from pi.platform.terminal import say

_NOT_INSTALLED = 'ACP needs a library that isn\'t installed. Install it with: pip install "pi-harness[acp]"'


async def run_acp(options: Options) -> int:
    """Serve one editor until it goes; the result is the exit code. Raises PiError, UsageError."""
    _check(options)
    if os.isatty(0):
        say("This waits for an editor that speaks the Agent Client Protocol on stdin. Ctrl+D ends it.")
    wire = Wire.reserve()
    try:
        from pi.modes.acp.home import Home
        from pi.modes.acp.server import Server
    except ModuleNotFoundError as error:
        if error.name not in ("acp", "pydantic"):
            raise
        raise PiError(_NOT_INSTALLED) from None

    async def make(store: Store, ui: UI) -> Session:
        host = await load_host(options, store.cwd, ui)
        try:
            given = understood(options, host)
        except UsageError as error:
            raise PiError(str(error)) from None
        return await make_session(given, store, store.cwd, host, ui=ui)

    home = Home(
        agent_dir(os.environ),
        lambda cwd: sessions_folder(cwd, options.session_dir),
        make,
        saves=not options.no_session,
    )
    return await Server(home, wire).run()


def _check(options: Options) -> None:
    """What only makes sense for one session, which here the editor chooses."""
    chosen = {
        "--continue": options.continue_,
        "--resume": options.resume,
        "--session": options.session,
        "--session-id": options.session_id,
        "--fork": options.fork,
        "--name": options.name,
    }
    if given := next((flag for flag, value in chosen.items() if value), None):
        raise UsageError(f"{given} is not supported in ACP mode: the editor chooses the session")
    if options.files or options.messages:
        raise UsageError("prompts are not supported on the command line of ACP mode: the editor sends them")

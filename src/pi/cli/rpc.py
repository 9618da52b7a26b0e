"""A run of RPC mode: stdout is reserved first, then a session is made and served."""

from pathlib import Path

from pi.cli.options import Options, UsageError
from pi.cli.run import load_host, make_session, understood
from pi.cli.sessions import open_store
from pi.harness.models.choice import NO_MODEL
from pi.harness.wire import Wire
from pi.modes.rpc.server import Server
from pi.modes.rpc.ui import RpcUI
from pi.platform.errors import PiError
from pi.platform.terminal import say


async def run_rpc(options: Options) -> int:
    """Serve one client until it goes; the result is the exit code."""
    cwd = Path.cwd()
    wire = Wire.reserve()
    ui = RpcUI(wire.send)
    try:
        host = await load_host(options, cwd, ui)
        options = understood(options, host)
        store = open_store(options, cwd)
        session = await make_session(options, store, store.cwd, host, ui=ui, stand_in=NO_MODEL)
    except (PiError, UsageError) as error:
        say(f"Error: {error}")
        return 1
    return await Server(session, ui, wire).run()

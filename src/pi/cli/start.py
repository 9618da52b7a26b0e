"""From options to a running mode: the prompt is put together, a session made, a mode chosen."""

import asyncio
import gc
import os
import sys

from pi.cli.options import Options, UsageError
from pi.harness.storage.files import agent_dir as find_agent_dir
from pi.llm.registry import ModelRegistry
from pi.platform.errors import PiError
from pi.platform.terminal import say


def start(options: Options) -> int:
    """Run what the options ask for; the result is the exit code."""
    gc.set_threshold(200_000, 10, 10)  # a long session makes many objects and no garbage: 10 % of its start
    os.environ["AI_AGENT"] = "pi"
    os.environ["PI_CODING_AGENT"] = "true"
    if options.offline:
        os.environ["PI_OFFLINE"] = "1"
    if os.environ.get("PI_OFFLINE"):
        os.environ["PI_SKIP_VERSION_CHECK"] = "1"
    for warning in options.warnings:
        say(f"Warning: {warning}")
    _open_standard_streams()
    try:
        return _run(options)
    except (PiError, UsageError) as error:
        say(f"Error: {error}")
        return 1


def _run(options: Options) -> int:
    if options.list_models is not None:
        return _list_models(options.list_models)
    if options.export is not None:
        from pi.cli.session_commands import export_file

        return export_file(options.export, *options.messages[:1])
    if options.mode == "rpc":
        from pi.cli.rpc import run_rpc

        return asyncio.run(run_rpc(options))
    if options.mode == "acp":
        if options.messages[:1] == ["auth"]:  # editors add this to our own command line for a login
            from pi.cli.auth import main as auth

            return auth(options.messages[1:])
        from pi.cli.acp import run_acp

        return asyncio.run(run_acp(options))
    at_terminal = os.isatty(0) and os.isatty(1)
    if at_terminal and not options.print and options.mode != "json":
        return _run_tui(options)
    from pi.cli.run import run_once

    return asyncio.run(run_once(options))


def _run_tui(options: Options) -> int:
    """The terminal interface; while we import, the terminal tells of its colours."""
    if sys.platform == "win32":
        raise PiError("The terminal interface doesn't run on Windows yet: use WSL, or pi -p 'your prompt'.")
    from pi.modes.tui.terminal.rescue import Rescue
    from pi.platform.tty import Tty

    rescue, tty = Rescue(), Tty()
    tty.quiet()
    rescue.arm()
    try:
        if os.environ.get("TERM", "dumb") not in ("dumb", "linux"):
            from pi.modes.tui.theme.queries import QUERY_APPEARANCE, QUERY_COLORS

            tty.ask(QUERY_COLORS + QUERY_APPEARANCE)
        from pi.cli.tui import run_tui

        return asyncio.run(run_tui(options, tty, rescue))
    except (PiError, UsageError):
        raise
    except Exception as error:  # our own fault: the terminal is put back first, then people are told
        rescue.restore()
        from pi.modes.tui.terminal.crash import crash_message, write_crash_log

        say(crash_message(error, write_crash_log(find_agent_dir(os.environ), error)))
        return 1
    finally:
        tty.restore()
        rescue.disarm()  # the screen is as it was; what is printed now is to stay
        rescue.close()


def _list_models(search: str) -> int:
    from pi.llm.patterns import list_models

    registry = ModelRegistry(find_agent_dir(os.environ))
    table = list_models(registry, search or None)
    for warning in registry.warnings:
        say(f"Warning: {warning}")
    print(table)
    return 0


def _open_standard_streams() -> None:
    """A closed stdin, stdout or stderr becomes /dev/null: else the session file could get its number."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one

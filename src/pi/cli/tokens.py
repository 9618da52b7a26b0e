"""The command line of `pi tokens`: it takes the options of `pi`, so it counts what they would send."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from pi.cli.no_model import explain
from pi.cli.options import Options, UsageError, parse
from pi.cli.prompt import build_prompt, piped_text
from pi.cli.run import load_host, make_session, understood
from pi.harness.storage.store import Store
from pi.modes import tokens
from pi.modes.print_mode import PrintUI
from pi.platform.errors import PiError
from pi.platform.terminal import plain, say, write_all
from pi.sdk import NoModelError


def main(words: Sequence[str]) -> int:
    """Count and tell; the result is the exit code."""
    own = words[: words.index("--")] if "--" in words else words
    try:
        options = parse([word for at, word in enumerate(words) if word != "--json" or at >= len(own)])
        for flag in ("--continue", "--resume", "--session", "--fork"):
            if getattr(options, flag.removeprefix("--").replace("continue", "continue_")):
                raise UsageError(f"pi tokens counts the first request of a new session. Leave out {flag}.")
        for warning in options.warnings:
            say(f"Warning: {warning}")
        text = tokens.HELP if options.help else asyncio.run(_counted(options, as_json="--json" in own))
        write_all(1, f"{text}\n".encode("utf-8", "replace"))
    except (PiError, UsageError) as error:
        say(f"Error: {error}")
        return 1
    except BrokenPipeError:  # the reader has seen enough
        pass
    return 0


async def _counted(options: Options, *, as_json: bool) -> str:
    cwd = Path.cwd()
    host = await load_host(options, cwd, PrintUI("print"))
    options = understood(options, host)
    prompt = build_prompt(options, stdin=None if os.isatty(0) else piped_text())
    try:
        session = await make_session(options, Store.in_memory(cwd), cwd, host)
    except NoModelError as error:
        raise PiError(await explain(error)) from None
    for warning in session.warnings:
        say(f"Warning: {warning}")
    counted = await tokens.count(session, "".join(prompt.texts[:1]), prompt.images)
    return tokens.as_json(counted) if as_json else plain(tokens.as_table(counted))

"""One run of print or JSON mode: a session is made and prompted, and closed well whatever happens."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pi.cli.options import Options, UsageError, parse
from pi.cli.prompt import Prompt, build_prompt, piped_text
from pi.cli.sessions import open_store
from pi.harness.session import Session
from pi.harness.storage.files import agent_dir
from pi.harness.storage.store import Store
from pi.harness.ui import UI
from pi.llm.models import Model
from pi.llm.registry import MissingKeyError
from pi.modes.json_mode import json_listener, write_header
from pi.modes.print_mode import PrintUI, print_answer, tell_failover
from pi.platform.errors import PiError
from pi.platform.process import kill_all
from pi.platform.terminal import say
from pi.sdk import (
    ExtensionChoice,
    ModelChoice,
    NoModelError,
    PromptChoice,
    ResourceChoice,
    ToolChoice,
    create_agent_session,
    load_extensions,
)

if TYPE_CHECKING:
    from pi.harness.extensions.declarations import CliCommand
    from pi.harness.extensions.host import ExtensionHost

BROKEN_PIPE = 13  # SIGPIPE, by a name that Windows knows too
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # the last one isn't known everywhere


async def run_once(options: Options) -> int:
    """Prompt a new or resumed session and show it; the result is the exit code."""
    cwd = Path.cwd()
    json = options.mode == "json"
    stop = _Stop()
    try:
        host = await load_host(options, cwd, PrintUI("json" if json else "print"))
        if host is not None and (found := host.cli_command(options.words)):
            return await run_cli_command(*found, host, options, cwd)
        options = understood(options, host)
        prompt = build_prompt(options, stdin=None if os.isatty(0) else piped_text())
        store = open_store(options, cwd)
        try:
            session = await make_session(options, store, store.cwd, host)
        except NoModelError:
            if json:
                write_header(store)
            raise
        for warning in session.warnings:
            say(f"Warning: {warning}")
        session.warnings.clear()
        if json:
            write_header(store)
            session.subscribe(json_listener(lambda: stop.by(BROKEN_PIPE, session)))
        else:
            session.subscribe(tell_failover)
        with stop.on_signals(session):
            await _prompt_all(session, prompt, stop)
        code = _finish(session, stop, json=json)
        await session.close()
        return code
    except (NoModelError, MissingKeyError) as error:
        from pi.cli.no_model import explain

        say(await explain(error))
        return 1
    except BrokenPipeError:
        return 128 + BROKEN_PIPE
    except (PiError, UsageError) as error:
        say(f"Error: {error}")
        return 1


async def run_cli_command(
    owner: str, command: "CliCommand", host: "ExtensionHost", options: Options, cwd: Path
) -> int:
    """Run `pi NAME …` of an extension; one that takes a ctx gets that of a session that is saved nowhere."""
    from pi.harness.extensions.containing import exit_code

    words = list(options.words[1:])
    if not command.with_ctx:
        return await exit_code(command.run, words)
    session = await make_session(options, Store.in_memory(cwd), cwd, host)
    try:
        await session.start()
        return await exit_code(command.run, words, host.ctx_of(owner))
    finally:
        await session.close()


async def load_host(
    options: Options, cwd: Path, ui: UI, *, ask_trust: Callable[[], Awaitable[bool | None]] | None = None
) -> "ExtensionHost | None":
    """The extensions of this run, loaded; None when there are none.

    `ask_trust` lets people decide on the project where nobody else has.
    """
    choice = ExtensionChoice(tuple(options.extension), find=not options.no_extensions)
    trust = _trust(options)(cwd)
    return await load_extensions(cwd, agent_dir(os.environ), choice, ui=ui, trust=trust, ask=ask_trust)


def understood(options: Options, host: "ExtensionHost | None") -> Options:
    """The options once more, now that the extensions' flags are known. Raises UsageError."""
    if not options.unknown:
        return options
    flags = host.flags if host is not None else {}
    told, options = options.trust, parse(options.words, {n: flag.type is str for n, flag in flags.items()})
    options.trust = told
    if host is not None:
        host.set_flags(options.flags)
    return options


def _trust(options: Options) -> Callable[[Path], bool | None]:
    """What flags say of all folders, or people of one."""
    flag = True if options.approve else False if options.no_approve else None
    return lambda cwd: flag if flag is not None else options.trust.get(cwd)


async def make_session(
    options: Options,
    store: Store,
    cwd: Path,
    host: "ExtensionHost | None" = None,
    *,
    ui: UI | None = None,
    stand_in: Model | None = None,
) -> Session:
    """The session that the options ask for; `stand_in` takes the place of a model where there is none."""
    scope = tuple(_listed(options.models) or ())
    pattern = options.model
    model = ModelChoice(pattern, options.provider, scope, options.thinking, options.api_key, stand_in)
    none = options.no_tools or options.no_builtin_tools
    only = [] if none else _listed(options.tools)
    tools = ToolChoice(None if only is None else tuple(only), tuple(_listed(options.exclude_tools) or ()))
    system = PromptChoice(
        options.system_prompt, tuple(options.append_system_prompt), not options.no_context_files
    )
    resources = ResourceChoice(
        tuple(options.skill),
        tuple(options.prompt_template),
        not options.no_skills,
        not options.no_prompt_templates,
    )
    return await create_agent_session(
        cwd=cwd,
        store=store,
        model=model,
        tools=tools,
        prompt=system,
        resources=resources,
        extensions=host or ExtensionChoice(find=False),
        ui=ui,
        trust=_trust(options),
    )


async def _prompt_all(session: Session, prompt: Prompt, stop: "_Stop") -> None:
    for number, text in enumerate(prompt.texts):
        if stop.signal is None:
            await session.prompt(text, images=prompt.images if number == 0 else ())
            await session.wait_idle()


def _finish(session: Session, stop: "_Stop", *, json: bool) -> int:
    if stop.signal is not None:
        return 128 + stop.signal
    code = 0
    if session.state.stopped is not None:
        say(f"Stopped: {session.state.stopped}")
        code = 1
    if not json:
        try:
            code = print_answer(session.last_message, session.messages[-1:]) or code
        except BrokenPipeError:
            return 128 + BROKEN_PIPE
    for warning in session.warnings:
        say(f"Warning: {warning}")
    return code or (1 if session.store.unsaved else 0)


class _Stop:
    """What ended the run from outside: a signal, or a reader that went away."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._aborting: asyncio.Task[None] | None = None

    def by(self, number: int, session: Session) -> None:
        if self.signal is not None:  # asked twice: at once, but without orphans
            kill_all()
            os._exit(128 + number)
        self.signal = number
        self._aborting = asyncio.ensure_future(session.abort())

    @contextmanager
    def on_signals(self, session: Session) -> Generator[None]:
        loop = asyncio.get_running_loop()
        numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
        try:
            for number in numbers:
                loop.add_signal_handler(number, self.by, number, session)
        except NotImplementedError:  # Windows: Ctrl+C cancels the run as asyncio does it
            numbers = []
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)


def _listed(words: str | None) -> list[str] | None:
    return None if words is None else [word.strip() for word in words.split(",") if word.strip()]

"""One run of print or JSON mode: a session is made and prompted, and closed well whatever happens."""

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pi.cli.options import Options
from pi.cli.prompt import Prompt
from pi.cli.sessions import open_store
from pi.harness.session import Session
from pi.harness.store import Store
from pi.llm.registry import MissingKeyError
from pi.modes.json_mode import json_listener, write_header
from pi.modes.print_mode import print_answer
from pi.platform.errors import PiError
from pi.platform.process import kill_all
from pi.platform.terminal import say
from pi.sdk import ModelChoice, NoModelError, PromptChoice, ResourceChoice, ToolChoice, create_agent_session

BROKEN_PIPE = 13  # SIGPIPE, by a name that Windows knows too
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # the last one isn't known everywhere


async def run_once(options: Options, prompt: Prompt) -> int:
    """Prompt a new or resumed session and show it; the result is the exit code."""
    cwd = Path.cwd()
    store = open_store(options, cwd)
    json = options.mode == "json"
    stop = _Stop()
    try:
        try:
            session = await make_session(options, store, store.cwd)
        except NoModelError:
            if json:
                write_header(store.header)
            raise
        for warning in session.warnings:
            say(f"Warning: {warning}")
        session.warnings.clear()
        if json:
            write_header(store.header)
            session.subscribe(json_listener(lambda: stop.by(BROKEN_PIPE, session)))
        with stop.on_signals(session):
            await _prompt_all(session, prompt, stop)
    except (NoModelError, MissingKeyError) as error:
        from pi.cli.no_model import explain

        say(await explain(error))
        return 1
    except BrokenPipeError:
        return 128 + BROKEN_PIPE
    except PiError as error:
        say(f"Error: {error}")
        return 1
    return _finish(session, stop, json=json)


async def make_session(options: Options, store: Store, cwd: Path) -> Session:
    scope = tuple(_listed(options.models) or ())
    pattern = options.model
    model = ModelChoice(pattern, options.provider, scope, options.thinking, options.api_key)
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
    trust = True if options.approve else False if options.no_approve else None
    return await create_agent_session(
        cwd=cwd, store=store, model=model, tools=tools, prompt=system, resources=resources, trust=trust
    )


async def _prompt_all(session: Session, prompt: Prompt, stop: "_Stop") -> None:
    for number, text in enumerate(prompt.texts):
        if stop.signal is None:
            await session.prompt(text, images=prompt.images if number == 0 else ())


def _finish(session: Session, stop: "_Stop", *, json: bool) -> int:
    if stop.signal is not None:
        return 128 + stop.signal
    code = 0
    if not json:
        try:
            code = print_answer(session.last_message)
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
            import os

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

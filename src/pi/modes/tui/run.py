"""One run of the terminal interface: session, interface and app are joined, and parted well at the end."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from pi.harness.session import Session
from pi.harness.settings import Settings
from pi.llm.messages import Image
from pi.modes.tui.app import PiApp
from pi.modes.tui.blocks.block import Look
from pi.modes.tui.driver import Ties, driver_class
from pi.modes.tui.interface import Interface
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.leaving import farewell
from pi.modes.tui.paint import Painter
from pi.modes.tui.scene import Whole
from pi.modes.tui.terminal.capabilities import has_links, has_unicode, tmux_hint
from pi.modes.tui.terminal.captured import Captured
from pi.modes.tui.terminal.colors import depth
from pi.modes.tui.terminal.gallery import Gallery
from pi.modes.tui.terminal.images import protocol
from pi.modes.tui.terminal.progress import ProgramStatus, Progress
from pi.modes.tui.terminal.rescue import Rescue
from pi.modes.tui.theme.queries import QUERY_COLORS, Answer, AnswerParser
from pi.modes.tui.theme.themes import Themes
from pi.modes.tui.ui import TuiUI
from pi.platform.errors import PiError
from pi.platform.terminal import write_all
from pi.platform.tty import Tty

THEME_S = 1.0  # between two looks at the file of the theme


class Start(Struct, frozen=True):
    """What happens first: `prompts` are asked; `no_model` says why there is none to ask."""

    prompts: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()
    no_model: PiError | None = None
    theme: str | None = None
    theme_paths: tuple[str, ...] = ()
    find_themes: bool = True


async def run(session: Session, ui: TuiUI, start: Start, *, agent_dir: Path, tty: Tty, rescue: Rescue) -> int:
    """Show the session until people leave; the result is the exit code."""
    settings, env = session.setup.settings, os.environ
    warnings: list[str] = []
    keymap = Keymap.load(agent_dir, warnings)
    themes = _themes(session, agent_dir, start)
    answers, typed = AnswerParser().feed(tty.read().decode("utf-8", "replace"))
    for answer in answers:
        answer.tell(themes)
    colours = depth(env, settings)
    captured = Captured()
    out = captured.take()
    try:
        program = ProgramStatus(lambda text: app.write(text), env.get("PI_PROGRAM_STATUS"))
        ties = Ties(
            out,
            answered=lambda answers: _answered(interface, answers),
            reports=program.allow,
            began=rescue.arm,
            ended=rescue.disarm,
            typed=typed.encode(),
            query=program.query,
            modes=tty.modes,
        )
        app = PiApp(driver_class(ties), lent=captured.lent)
        interface = Interface(
            session,
            keymap=keymap,
            themes=themes,
            look=look_of(session, settings, app.write),
            display=app,
            agent_dir=agent_dir,
        )

        def painter() -> Painter:
            return Painter(themes.current, colours, links=interface.look.links)

        def begin() -> None:
            captured.listen(lambda line: interface.notify(line, "warning"))
            interface.spawn(_begin(interface, ui, start, warnings))

        interface.progress = Progress(app.write, enabled=settings.flag("terminal.showTerminalProgress"))
        interface.program = program
        rescue.watch(app.stop, lambda error: None)
        interface.rebuild()
        app.show(Whole(interface), painter, begin)
        unsubscribe = session.subscribe(interface.fold.apply)
        await app.run_async()
        unsubscribe()
        await interface.close()
        ui.close()
    finally:
        captured.give_back()
    said = farewell(interface, painter(), app.size.width, app.size.height)
    try:
        await session.close()
    finally:
        write_all(1, said.encode("utf-8", "replace"))
    if app.fault is not None:
        raise app.fault
    return app.return_code or 0


def look_of(session: Session, settings: Settings, write: Callable[[str], None]) -> Look:
    """How things are shown, by the settings and by what the terminal can do."""
    env = os.environ
    images = protocol(env, settings)
    return Look(
        cwd=session.store.cwd,
        thinking=not settings.flag("hideThinkingBlock"),
        pad=settings.number("outputPad"),
        code_indent=str(settings.get("markdown.codeBlockIndent")),
        images=images,
        gallery=Gallery(write) if images == "kitty" else None,
        image_width=settings.number("terminal.imageWidthCells"),
        links=has_links(env, settings),
        unicode=has_unicode(env),
    )


async def _begin(interface: Interface, ui: TuiUI, start: Start, warnings: list[str]) -> None:
    """The app is on the screen: extensions begin, people are asked what must be asked, prompts are sent."""
    session = interface.session
    interface.retitle()
    ui.attach(interface)
    for warning in [*warnings, *session.warnings, *interface.themes.warnings]:
        interface.notify(warning, "warning")
    session.warnings.clear()
    interface.spawn(_watch_theme(interface))
    if session.extensions is not None:
        session.extensions.shutdown = interface.quit
    await session.start()
    interface.fold.model_changed()
    if hint := await tmux_hint(os.environ):
        interface.notify(hint, "warning")
    if start.no_model is not None:
        from pi.modes.tui.pickers.first_run import first_run

        if not await first_run(interface, start.no_model):
            return
        interface.fold.model_changed()
    from pi.modes.tui.submitting import prompt

    for number, text in enumerate(start.prompts):
        await prompt(interface, text, "follow_up", images=start.images if number == 0 else ())


async def _watch_theme(interface: Interface) -> None:
    """Take up a changed theme file."""
    themes = interface.themes
    while True:
        await asyncio.sleep(THEME_S)
        before = len(themes.warnings)
        if themes.poll():
            interface.display.theme_changed()
        for warning in themes.warnings[before:]:
            interface.notify(warning, "warning")


def _themes(session: Session, agent_dir: Path, start: Start) -> Themes:
    setup = session.setup
    project = session.store.cwd / ".pi" / "themes" if setup.trusted else None
    more = session.extensions.themes if session.extensions is not None else ()
    paths = [Path(path) for path in (*start.theme_paths, *more)]
    return Themes(agent_dir, setup.settings, project, paths, find=start.find_themes, wanted=start.theme)


def _answered(interface: Interface, answers: list[Answer]) -> None:
    if any([answer.tell(interface.themes) for answer in answers]):
        interface.display.theme_changed()
    if any(answer.appearance is not None for answer in answers):  # then its colours are others, too
        interface.display.write(QUERY_COLORS)

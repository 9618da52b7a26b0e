"""One run of the terminal interface: session, interface and app are joined, and parted well at the end."""

import asyncio
import os
import sys
from pathlib import Path

from msgspec import Struct

from pi.harness.session import Session
from pi.harness.settings import Settings
from pi.llm.messages import Image
from pi.modes.tui.app import PiApp
from pi.modes.tui.driver import Ties, driver_class
from pi.modes.tui.interface import Interface
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.leaving import farewell
from pi.modes.tui.look import look_of
from pi.modes.tui.paint import Painter
from pi.modes.tui.scene import Whole
from pi.modes.tui.terminal.capabilities import tmux_hint
from pi.modes.tui.terminal.captured import Captured
from pi.modes.tui.terminal.colors import depth
from pi.modes.tui.terminal.progress import ProgramStatus, Progress
from pi.modes.tui.terminal.rescue import Rescue
from pi.modes.tui.theme.queries import QUERY_COLORS, Answer, AnswerParser
from pi.modes.tui.theme.sources import Sources
from pi.modes.tui.theme.themes import Themes
from pi.modes.tui.ui import TuiUI
from pi.modes.tui.wiring import wire
from pi.platform.errors import PiError
from pi.platform.terminal import write_all
from pi.platform.tty import Tty

THEME_S = 1.0  # between two looks at the file of the theme

_SHOW_CURSOR = "\x1b[?25h"


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
    sys.setswitchinterval(0.001)  # s: keys are read, frames written and code imported in threads
    warnings: list[str] = []
    keymap = Keymap.load(agent_dir, warnings)
    themes = Themes(theme_sources(session, agent_dir, start), wanted=start.theme)
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
            query=program.query + (_SHOW_CURSOR if _has_cursor(settings) else ""),
            modes=tty.modes,
        )
        app = PiApp(driver_class(ties), lent=captured.lent)
        interface = Interface(
            session,
            keymap=keymap,
            themes=themes,
            look=look_of(session, app.write),
            display=app,
            agent_dir=agent_dir,
            theme_sources=lambda: theme_sources(session, agent_dir, start),
        )

        def painter() -> Painter:
            look = interface.look
            return Painter(themes.current, colours, links=look.links, unicode=look.unicode)

        def begin() -> None:
            captured.listen(lambda line: interface.notify(line, "warning"))
            interface.spawn(_begin(interface, ui, start, warnings))

        interface.progress = Progress(app.write, enabled=settings.flag("terminal.showTerminalProgress"))
        interface.program = program
        rescue.watch(app.stop, lambda error: None)
        wired = wire(interface)
        app.show(Whole(interface, wired.mouse), painter, begin)
        unsubscribe = session.subscribe(wired.fold.apply)
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
        try:
            write_all(1, said.encode("utf-8", "replace"))
        except OSError:
            pass  # the terminal is gone, and with it whoever would read that
    if app.fault is not None:
        raise app.fault
    return app.return_code or 0


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
    if session.extensions is not None and session.extensions.themes:
        interface.refresh_settings()  # they brought themes along
    interface.footer.update()
    if hint := await tmux_hint(os.environ):
        interface.notify(hint, "warning")
    if start.no_model is not None:
        from pi.modes.tui.pickers.first_run import first_run

        if not await first_run(interface, start.no_model):
            return
        interface.footer.update()
    from pi.modes.tui.submitting import prompt

    for number, text in enumerate(start.prompts):
        await prompt(interface, text, "follow_up", images=start.images if number == 0 else ())


def _has_cursor(settings: Settings) -> bool:
    """Whether the terminal's own cursor is to be seen, over the one that is drawn."""
    return settings.flag("showHardwareCursor") or os.environ.get("PI_HARDWARE_CURSOR") == "1"


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


def theme_sources(session: Session, agent_dir: Path, start: Start) -> Sources:
    """Where this session's themes lie, as it is now."""
    setup = session.setup
    project = session.store.cwd / ".pi" / "themes" if setup.trusted else None
    more = session.extensions.themes if session.extensions is not None else ()
    return Sources(agent_dir, setup.settings, project, (*start.theme_paths, *more), start.find_themes)


def _answered(interface: Interface, answers: list[Answer]) -> None:
    if any([answer.tell(interface.themes) for answer in answers]):
        interface.display.theme_changed()
    if any(answer.appearance is not None for answer in answers):  # then its colours are others, too
        interface.display.write(QUERY_COLORS)

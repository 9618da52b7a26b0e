"""The terminal interface without a terminal: all that lies between a session and the rows of a screen."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from msgspec import structs

from pi.harness.extensions.on_screen import OnScreen
from pi.harness.session import Session
from pi.harness.ui import NoticeKind, Placement
from pi.modes.tui.blocks.bash import BashBlock
from pi.modes.tui.blocks.block import Block, Look
from pi.modes.tui.blocks.notice import NoticeBlock
from pi.modes.tui.completing import completions_for
from pi.modes.tui.editor.editor import Editor
from pi.modes.tui.footer import Footer
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import Line
from pi.modes.tui.look import look_of
from pi.modes.tui.panels.panel import Panel
from pi.modes.tui.searching import SearchLine
from pi.modes.tui.status import Status
from pi.modes.tui.terminal.progress import BUSY_AGAIN_S, ProgramStatus, Progress
from pi.modes.tui.theme.sources import Sources
from pi.modes.tui.theme.themes import Themes
from pi.modes.tui.transcript.scroll import Transcript
from pi.modes.tui.transcript.selection import Selection
from pi.platform.errors import PiError

T = TypeVar("T")


class Speak(Protocol):
    """Says something to the model, or runs a command."""

    def __call__(self, text: str, *, when: Literal["steer", "follow_up"] = "steer") -> None: ...


def _say_nothing(text: str, *, when: Literal["steer", "follow_up"] = "steer") -> None:
    pass


class Display(Protocol):
    """The terminal, as far as the interface needs it."""

    def wake(self, *, now: bool = False) -> None:
        """Something looks different: show it soon, or now."""
        ...

    def theme_changed(self) -> None:
        """The colours are others."""
        ...

    def write(self, text: str) -> None:
        """Send an escape sequence beside the frames."""
        ...

    def rows(self) -> list[Line]:
        """What it shows."""
        ...

    def suspended(self) -> AbstractContextManager[None]: ...
    def stop_process(self) -> None:
        """Go into the background, as the shell's job."""
        ...

    async def overlay(self, factory: Any, options: dict[str, Any]) -> Any: ...
    def leave(self) -> None:
        """End the app."""
        ...


class Interface:
    """The state of the screen. Keys and events change it; `frame.compose` shows it."""

    def __init__(
        self,
        session: Session,
        *,
        keymap: Keymap,
        themes: Themes,
        look: Look,
        display: Display,
        agent_dir: Path,
        theme_sources: Callable[[], Sources] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.session = session
        self.keymap = keymap
        self.themes = themes
        self.display = display
        self.agent_dir = agent_dir
        self._theme_sources = theme_sources or (lambda: Sources(agent_dir, self.session.setup.settings))
        self.clock = clock
        self.transcript = Transcript(look)
        self.selection = Selection(self.transcript)
        self.search: SearchLine | None = None
        self.status = Status(keymap, clock, unicode=look.unicode)
        report = session.hooks.report
        self.on_screen = OnScreen(lambda: self.session.extensions, report)
        self.footer = Footer(session, self.on_screen.segments)
        self.editor = Editor(keymap, completions_for(self, self.on_screen))
        self.editor.on_submit = lambda text: self.speak(text)
        self.editor.changed = display.wake
        self.speak: Speak = _say_nothing  # what Enter does; see `wiring`
        self.redraw: Callable[[], None] = lambda: None  # the transcript, from the session
        self.progress = Progress(display.write, enabled=False)
        self.program = ProgramStatus(display.write, "0")
        self.panels: list[Panel[Any]] = []
        self.held: list[tuple[str, bool]] = []  # said while a summary is made: sent after it
        self.pressed: dict[str, float] = {}  # keys that mean more when pressed twice, and when they were
        self.shells: list[BashBlock] = []  # commands of the user that run
        self._warm = False  # whether Markdown was imported
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def look(self) -> Look:
        """How things are shown."""
        return self.transcript.look

    @property
    def panel(self) -> Panel[Any] | None:
        """The panel that stands in the place of the editor."""
        return self.panels[-1] if self.panels else None

    def slot_lines(self, width: int, height: int) -> list[Line]:
        """The editor's lines, or those of the panel in its place; `height` is what there is room for."""
        if self.panel is not None:
            return self.panel.lines(width, height)
        self.editor.border = self._border()
        share = max(5, height * 3 // 10) + 2  # of the screen, and its borders
        return self.editor.lines(width, min(height, self.editor.height(width, share)))

    def cursor(self) -> tuple[int, int] | None:
        """Line and column of the cursor in `slot_lines`."""
        return (self.panel or self.editor).cursor()

    def above(self, width: int) -> list[Line]:
        """The lines above the editor."""
        lines = self.status.above(width)
        return [*lines, self.search.line(width)] if self.search is not None else lines

    def scrollbar(self, following: bool) -> bool:
        """Whether the scrollbar is to be seen now."""
        match self.session.setup.settings.get("fullscreenScrollbar"):
            case "always":
                return True
            case "hidden":
                return False
            case _:
                return not following

    async def ask(self, panel: Panel[T]) -> T | None:
        """Show a panel in the place of the editor and wait for its answer."""
        panel.changed = self.display.wake
        self.panels.append(panel)
        self.program.block(str(id(panel)), panel.title)
        self.display.wake()
        try:
            return await panel.answer
        finally:
            panel.finish(None)
            self.panels.remove(panel)
            self.program.unblock(str(id(panel)))
            self.display.wake()

    def notify(self, text: str, kind: NoticeKind = "info") -> None:
        """A line for people, at the end of the transcript."""
        self.show(NoticeBlock(text, kind))

    def show(self, block: Block) -> None:
        """A block that no message stands behind, at the end of the transcript."""
        self.transcript.add(block)
        self.display.wake()

    def working(self, text: str | None) -> None:
        """Say what takes its time."""
        if text is None:
            self.status.end("command")
        else:
            self.status.begin("command", text, hint="")
        self.display.wake()

    def rebuild(self) -> None:
        """Draw the transcript anew from the session."""
        self.selection.clear()
        self.search = None
        self.redraw()
        self.footer.update()
        self.display.wake()

    def change_look(self, **fields: Any) -> None:
        """Other values for fields of the look."""
        self.transcript.change_look(structs.replace(self.look, **fields))
        self.display.wake()

    def use_theme(self, name: str) -> None:
        """Another theme."""
        self.themes.use(name)
        self.display.theme_changed()

    def refresh_settings(self) -> None:
        """Read keys and themes again, and take from the settings what the screen needs of them."""
        settings = self.session.setup.settings
        warnings: list[str] = []
        self.keymap = self.editor.keymap = self.status.keymap = Keymap.load(self.agent_dir, warnings)
        self.themes.reload(self._theme_sources())
        self.display.theme_changed()
        for warning in (*warnings, *self.themes.warnings):
            self.notify(warning, "warning")
        self.editor.max_visible = settings.number("autocompleteMaxVisible")
        self.editor.padding = settings.number("editorPaddingX")
        expanded = self.look.expanded
        self.transcript.change_look(look_of(self.session, self.display.write, expanded=expanded))
        self.footer.update()

    @property
    def editor_text(self) -> str:
        """What is in the editor."""
        return self.editor.text

    @editor_text.setter
    def editor_text(self, text: str) -> None:
        self.editor.text = text
        self.display.wake()

    def screen(self) -> list[Line]:
        """The rows that are on the screen now."""
        return self.display.rows()

    async def submit(self, text: str) -> None:
        """As if the user had typed it and pressed Enter."""
        self.speak(text)

    def suspended(self) -> AbstractContextManager[None]:
        """The terminal as a program outside needs it."""
        return self.display.suspended()

    async def copy(self, text: str) -> bool:
        """Put a text on the clipboard."""
        from pi.modes.tui.terminal.clipboard import copy

        return await copy(text, self.display.write, os.environ)

    async def run_program(self, argv: Sequence[str]) -> int:
        """Run a program in this terminal; its exit code."""
        with self.display.suspended():
            try:
                process = await asyncio.create_subprocess_exec(*argv)
            except OSError as error:
                raise PiError(f"Can't start {argv[0]}: {error.strerror}. Is it installed?") from None
            return await process.wait()

    def quit(self) -> None:
        """End Pi."""
        self.display.leave()

    def flash(self, text: str) -> None:
        """A few words above the editor that go away by themselves."""
        self.status.flash(text)
        self.display.wake()

    def _border(self) -> str:
        """The editor's border tells how hard the model thinks, or that a shell command is typed."""
        if self.editor.mode == "bash":
            return "bashMode"
        return f"thinking{self.session.thinking_level.capitalize()}"

    def retitle(self) -> None:
        """The window's name tells the session's, or its folder."""
        from pi.modes.tui.terminal.title import session_title

        self.set_title(session_title(self.session.store.name, self.session.store.cwd.name))

    def show_waiting(self) -> None:
        """What waits until a summary is made stands with what waits for the agent."""
        waiting = self.session.queue.waiting
        self.status.steering = (*waiting.steering, *(text for text, steer in self.held if steer))
        self.status.following = (*waiting.follow_up, *(text for text, steer in self.held if not steer))

    def copy_selection(self) -> None:
        """Put what is selected on the clipboard."""
        if text := self.selection.text():
            self.spawn(self._copy_selection(text))

    async def _copy_selection(self, text: str) -> None:
        if await self.copy(text):
            self.flash(f"copied {len(text.splitlines())} lines" if "\n" in text else "copied")
        else:
            self.notify("There is no way to the clipboard here: no program for it, and no OSC 52.", "warning")

    def release_held(self) -> None:
        """A summary is made: what was said meanwhile is sent."""
        held, self.held = self.held, []
        self.show_waiting()
        for text, steer in held:
            self.speak(text, when="steer" if steer else "follow_up")

    def started(self) -> None:
        """The model works: the terminal's tab and dashboards may say so."""
        if not self._warm:
            from pi.modes.tui.markdown.warming import warm

            self._warm = True
            asyncio.get_running_loop().run_in_executor(None, warm)
        if self.progress.set(True):
            self.spawn(self._tell_progress())
        self.program.set("working", self.session.store.name or "")

    async def _tell_progress(self) -> None:
        """Terminals take an old report for a dead program: say it again and again while something runs."""
        while self.session.busy:
            await asyncio.sleep(BUSY_AGAIN_S)
            self.progress.again()

    def settled(self) -> None:
        """Nothing runs any more."""
        self.progress.set(False)
        message = self.session.last_message
        if message is not None and message.stop_reason == "error":
            self.program.set("error", message.error_message or "")
        else:
            self.program.set("done")
        self.release_held()

    def set_status(self, key: str, text: str | None) -> None:
        """A text of an extension in the footer."""
        self.footer.set_status(key, text)
        self.display.wake()

    def set_widget(self, key: str, lines: Sequence[str] | None, placement: Placement) -> None:
        """Lines of an extension beside the editor."""
        self.status.set_widget(key, lines, placement)
        self.display.wake()

    def set_title(self, title: str) -> None:
        """The window's name."""
        from pi.modes.tui.terminal.title import title_sequence

        self.display.write(title_sequence(title))

    def set_working(self, text: str | None) -> None:
        """What is said while the model works."""
        self.status.text = text
        self.display.wake()

    async def overlay(self, factory: Any, options: dict[str, Any]) -> Any:
        """A Textual widget of an extension over everything."""
        return await self.display.overlay(factory, options)

    def spawn(self, work: Any) -> None:
        """Do something beside; what goes wrong is shown."""
        task = asyncio.ensure_future(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # when it was cancelled before it began

    async def close(self) -> None:
        """Nothing goes on any more."""
        for task in tuple(self._tasks):
            if task is not asyncio.current_task():
                task.cancel()

    async def _guarded(self, work: Any) -> None:
        try:
            await work
        except PiError as error:
            self.notify(str(error), "error")
        except Exception as error:  # a fault of our own in one command must not take the session with it
            from pi.modes.tui.terminal.crash import write_crash_log

            path = write_crash_log(self.agent_dir, error)
            where = f" What happened is in {path}." if path else ""
            self.notify(f"Internal error ({type(error).__name__}); the session goes on.{where}", "error")
        finally:
            self.display.wake()

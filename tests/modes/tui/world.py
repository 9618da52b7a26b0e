"""The whole interface without a terminal, over a session of a scripted model: keys go in, rows come out."""

import asyncio
import base64
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scripts.screenshots.still import Still, wired_of

from pi.harness.events import AgentSettled
from pi.llm.protocols.faux import ReplyOf
from pi.modes.tui.actions import paste, press
from pi.modes.tui.frame import Frame, compose
from pi.modes.tui.keys.key import Key
from pi.modes.tui.lines import Line, text_of
from pi.modes.tui.mouse import Mouse
from pi.modes.tui.wiring import Wired
from pi.testing import Reply, ScriptedModel


class Screen(Still):
    """A display that keeps what it was told."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.left = self.stopped = False
        self.themes_changed = 0
        self.woken = asyncio.Event()
        self.shown: Callable[[], list[Line]] = list

    def wake(self, *, now: bool = False) -> None:
        self.woken.set()

    def theme_changed(self) -> None:
        self.themes_changed += 1
        self.woken.set()

    def write(self, text: str) -> None:
        self.written.append(text)

    def stop_process(self) -> None:
        self.stopped = True

    def leave(self) -> None:
        self.left = True

    def rows(self) -> list[Line]:
        return self.shown()


class World:
    """The interface, its model, its display, and a clock that stands still until it is moved (s)."""

    def __init__(self, wired: Wired, model: ScriptedModel, screen: Screen, clock: list[float]):
        self.wired = wired
        self.interface = interface = wired.interface
        self.session = interface.session
        self.editor = interface.editor
        self.model = model
        self.screen = screen
        self.size: tuple[int, int] = (80, 24)
        self._clock = clock
        self._settled = 0
        self.session.subscribe(self._heard)
        screen.shown = lambda: [row.line for row in self.frame().rows]

    @property
    def home(self) -> Path:
        return self.session.store.cwd.parent

    def _heard(self, event: Any) -> None:
        self._settled += isinstance(event, AgentSettled)

    def later(self, seconds: float) -> None:
        self._clock[0] += seconds

    def press(self, *keys: str) -> None:
        """Press keys by name; "'some text" types it."""
        for key in keys:
            if key.startswith("'"):
                for char in key[1:]:
                    press(self.interface, Key("space" if char == " " else char, char))
            else:
                press(self.interface, Key(key, " " if key == "space" else key if len(key) == 1 else ""))

    def say(self, text: str) -> None:
        """Type a line and press Enter."""
        self.editor.text = text
        self.editor.key(Key("enter"))

    def paste(self, text: str) -> None:
        paste(self.interface, text)

    async def until(self, condition: Callable[[], object], seconds: float = 10) -> None:
        """Wait until something is so; it is looked at whenever the screen is woken, and between steps."""
        async with asyncio.timeout(seconds):
            for _ in range(20):  # what needs no more than the loop's next turns
                if condition():
                    return
                await asyncio.sleep(0)
            while not condition():
                self.screen.woken.clear()
                try:
                    await asyncio.wait_for(self.screen.woken.wait(), 0.02)
                except TimeoutError:
                    pass

    async def ask(self, text: str) -> None:
        """Say something to the model and wait until nothing runs any more."""
        before = self._settled
        self.say(text)
        await self.until(lambda: self._settled > before)

    @property
    def copied(self) -> list[str]:
        """What went to the terminal's clipboard."""
        start, end = "\x1b]52;c;", "\x07"
        sent = [text[len(start) : -len(end)] for text in self.screen.written if text.startswith(start)]
        return [base64.b64decode(text).decode() for text in sent]

    @property
    def title(self) -> str:
        """That of the panel that is open."""
        return self.interface.panel.title if self.interface.panel is not None else ""

    @property
    def marked(self) -> str:
        """The editor's text, with a | for the cursor."""
        line, column = self.editor.place
        rows = self.editor.text.split("\n")
        rows[line] = f"{rows[line][:column]}|{rows[line][column:]}"
        return "\n".join(rows)

    @property
    def mouse(self) -> Mouse:
        """The mouse on what is on the screen now."""
        return self.wired.mouse.at(self.frame())

    def click(self, row: int, column: int, *, times: int = 1) -> None:
        for _ in range(times):
            self.mouse.down(column, row, 1)
            self.mouse.up(column, row)

    def row_of(self, text: str) -> int:
        """The row of the screen that shows a text."""
        return [text in row for row in self.rows()].index(True)

    def frame(self) -> Frame:
        return compose(self.interface, *self.size)

    def rows(self) -> list[str]:
        """The rows of the screen, without spaces at their ends."""
        return [text_of(row.line).rstrip() for row in self.frame().rows]

    def transcript(self, since: int = 0) -> list[str]:
        """All lines of the transcript's blocks from the one with this number on, empty ones left out."""
        transcript = self.interface.transcript
        self.frame()
        lines = [line for at in range(since, len(transcript.blocks)) for line in transcript.lines_of(at)]
        return [text for text in (text_of(line).strip() for line in lines) if text]

    def above(self) -> list[str]:
        """The lines above the editor, empty ones left out."""
        lines = [text_of(line).strip() for line in self.interface.above(self.size[0])]
        return [line for line in lines if line]


@asynccontextmanager
async def world(*replies: Reply | str | ReplyOf, **options: Any) -> AsyncGenerator[World]:
    """A world whose model gives these replies; `options` are those of `wired_of` and of the model."""
    fields = {name: options.pop(name) for name in ("reasoning", "id", "context_window") if name in options}
    model = options.pop("model", None) or ScriptedModel(*replies, **fields)
    clock = [1000.0]
    screen = Screen()
    with TemporaryDirectory(prefix="pi-test-", ignore_cleanup_errors=True) as home:
        options = {"settings": {"quietStartup": True}, **options}
        async with wired_of(model, Path(home), display=screen, clock=lambda: clock[0], **options) as wired:
            yield World(wired, model, screen, clock)


def run(act: Callable[[World], Awaitable[None]], *replies: Reply | str | ReplyOf, **options: Any) -> None:
    """Do something in a world."""

    async def main() -> None:
        async with world(*replies, **options) as there:
            await act(there)

    asyncio.run(main())


def settings(**given: Any) -> dict[str, Any]:
    """The option of a world whose user has these settings."""
    return {"settings": {"quietStartup": True, **given}}

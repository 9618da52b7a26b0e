"""Asking and telling people in the terminal: for extensions and logins, also before there is a screen."""

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, TypeVar

from pi.harness.session import Session
from pi.harness.ui import Field, NobodyThere, NoticeKind, Placement
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.panels.frame import FramedPanel
from pi.modes.tui.panels.panel import Asks

T = TypeVar("T")

_TICK_S = 1.0  # between two looks at the time that is left


class Screen(Asks, Protocol):
    """What the app does for extensions; when its `ask` is cancelled, the panel goes."""

    @property
    def session(self) -> Session: ...
    def notify(self, text: str, kind: NoticeKind = "info") -> None: ...
    def set_status(self, key: str, text: str | None) -> None: ...
    def set_widget(self, key: str, lines: Sequence[str] | None, placement: Placement) -> None: ...
    def set_title(self, title: str) -> None: ...
    def set_working(self, text: str | None) -> None: ...

    @property
    def editor_text(self) -> str: ...
    @editor_text.setter
    def editor_text(self, text: str) -> None: ...

    async def run_program(self, argv: Sequence[str]) -> int:
        """Run a program in this terminal, such as an editor; its exit code."""
        ...

    async def overlay(self, factory: Any, options: dict[str, Any]) -> Any: ...


class TuiUI(NobodyThere):
    """Extensions load before there is a screen: what they say is kept, what they ask waits for `attach`."""

    def __init__(self, early: Asks | None = None) -> None:
        """`early` asks before there is a screen; without it questions wait for that."""
        super().__init__()
        self._early = early
        self.mode: Literal["tui", "rpc", "json", "print", "sdk"] = "tui"
        self.available = True
        self._screen: Screen | None = None
        self._kept: list[Callable[[Screen], None]] = []
        self._text = ""  # of the editor, until there is one
        self._attached = asyncio.Event()

    def attach(self, screen: Screen) -> None:
        """The screen is there; it hears what was said before, in the same order."""
        self._screen = screen
        kept, self._kept = self._kept, []
        for say in kept:
            say(screen)
        self._attached.set()

    def close(self) -> None:
        """The screen is gone: nobody will answer."""
        self.available = False
        self._screen = None
        self._attached.set()

    async def select(self, title: str, options: Sequence[str], timeout: float | None) -> str | None:
        from pi.modes.tui.panels.asking import Choice

        return await self._ask(lambda keymap: Choice(keymap, title, options), timeout)

    async def confirm(self, title: str, message: str, timeout: float | None) -> bool | None:
        from pi.modes.tui.panels.asking import Confirm

        return await self._ask(lambda keymap: Confirm(keymap, title, message), timeout)

    async def input(self, title: str, placeholder: str, timeout: float | None) -> str | None:
        from pi.modes.tui.panels.asking import TextInput

        return await self._ask(lambda keymap: TextInput(keymap, title, placeholder), timeout)

    async def secret(self, title: str, placeholder: str) -> str | None:
        """An input that shows dots."""
        from pi.modes.tui.panels.asking import TextInput

        return await self._ask(lambda keymap: TextInput(keymap, title, placeholder, secret=True), None)

    async def editor(self, title: str, text: str) -> str | None:
        from pi.modes.tui.panels.asking import LongText

        async def external(text: str) -> str | None:
            from pi.modes.tui.editor.external import edit_elsewhere, editor_command

            screen = self._screen
            if screen is None:
                return None
            argv = editor_command(screen.session.setup.settings, os.environ)
            return await edit_elsewhere(text, argv, screen.run_program)

        return await self._ask(lambda keymap: LongText(keymap, title, text, external), None)

    async def form(
        self, title: str, fields: Sequence[Field], timeout: float | None
    ) -> dict[str, Any] | NotImplementedError | None:
        from pi.modes.tui.panels.form import FormPanel

        return await self._ask(lambda keymap: FormPanel(keymap, title, fields), timeout)

    async def custom(self, factory: Any, options: dict[str, Any]) -> Any:
        """Show a Textual widget of the extension over everything, until it is done.

        `factory(done)` makes the widget. It is mounted, has the focus, gets all keys and the mouse; when it
        calls `done(value)`, once and on Pi's event loop, it is removed and `custom` returns the value.
        Cancelling `custom` removes it too. `options` go to the screen as they are. None when that is gone.
        """
        screen = await self._there()
        return None if screen is None else await screen.overlay(factory, options)

    def notify(self, text: str, kind: NoticeKind) -> None:
        self._say(lambda screen: screen.notify(text, kind))

    def open_url(self, url: str, code: str | None) -> None:
        """A page for people to open, and the code to type in there."""
        self.notify(f"Open {url}" + (f" and type in {code}" if code else ""), "info")

    def set_status(self, key: str, text: str | None) -> None:
        self._say(lambda screen: screen.set_status(key, text))

    def set_widget(self, key: str, lines: Sequence[str] | None, placement: Placement) -> None:
        shown = None if lines is None else list(lines)
        self._say(lambda screen: screen.set_widget(key, shown, placement))

    def set_title(self, title: str) -> None:
        self._say(lambda screen: screen.set_title(title))

    def set_working(self, text: str | None) -> None:
        self._say(lambda screen: screen.set_working(text))

    def set_editor_text(self, text: str) -> None:
        self._text = text
        self._say(lambda screen: _put_text(screen, text))

    def editor_text(self) -> str:
        return self._text if self._screen is None else self._screen.editor_text

    def _say(self, say: Callable[[Screen], None]) -> None:
        if self._screen is not None:
            say(self._screen)
        elif self.available:
            self._kept.append(say)

    async def _there(self) -> Screen | None:
        """The screen, when it is there; None when it is gone."""
        await self._attached.wait()
        return self._screen

    async def _ask(self, make: Callable[[Keymap], FramedPanel[T]], timeout: float | None) -> T | None:
        """The answer; whoever asked limits the time to `timeout` s, the panel shows how much is left."""
        loop = asyncio.get_running_loop()
        until = None if timeout is None else loop.time() + timeout
        asks = self._early if self._screen is None and self.available else None
        asks = asks or await self._there()
        if asks is None:
            return None
        panel = make(asks.keymap)
        if until is None:
            return await asks.ask(panel)
        panel.seconds_left = lambda: until - loop.time()
        ticking = asyncio.ensure_future(_tick(panel))
        try:
            return await asks.ask(panel)
        finally:
            ticking.cancel()
            panel.finish(None)  # nobody waits for it any more


async def _tick(panel: FramedPanel[Any]) -> None:
    while not panel.answer.done():
        await asyncio.sleep(_TICK_S)
        panel.tick()


def _put_text(screen: Screen, text: str) -> None:
    screen.editor_text = text

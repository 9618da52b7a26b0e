"""A question before there is a session: whether to trust a project, which session to open."""

import os
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from pi.harness.settings import load_settings
from pi.modes.tui.app import PiApp
from pi.modes.tui.driver import Ties, driver_class
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.paint import Painter
from pi.modes.tui.panels.panel import Panel
from pi.modes.tui.scene import Alone
from pi.modes.tui.terminal.capabilities import has_unicode
from pi.modes.tui.terminal.captured import Captured
from pi.modes.tui.terminal.colors import depth
from pi.modes.tui.terminal.rescue import Rescue
from pi.modes.tui.theme.sources import Sources
from pi.modes.tui.theme.themes import Themes

T = TypeVar("T")


class Asker:
    """Shows one panel after the other on an empty screen; what `ask_trust` and pickers need of a stage."""

    def __init__(self, agent_dir: Path, rescue: Rescue):
        self._agent_dir = agent_dir
        self._rescue = rescue

    @property
    def keymap(self) -> Keymap:
        """The user's keys."""
        return self._keymap

    @cached_property
    def _keymap(self) -> Keymap:  # like colours and settings read when there is something to ask: seldom
        return Keymap.load(self._agent_dir, [])

    @cached_property
    def _painter(self) -> Painter:
        settings = load_settings(self._agent_dir, None)
        theme = Themes(Sources(self._agent_dir, settings)).current
        return Painter(theme, depth(os.environ, settings), unicode=has_unicode(os.environ))

    async def ask(self, panel: Panel[T]) -> T | None:
        """The answer; None of somebody who went away."""
        captured = Captured()
        out = captured.take()
        try:
            arm = self._rescue.arm  # also after it: until the next screen the terminal stays quiet
            app = PiApp(driver_class(Ties(out, began=arm, ended=arm)))
            panel.changed = app.wake
            panel.answer.add_done_callback(lambda answer: app.leave())
            app.show(Alone(panel), lambda: self._painter, lambda: None)
            await app.run_async()
        finally:
            panel.finish(None)
            captured.give_back(listening=False)
        if app.fault is not None:
            raise app.fault
        return await panel.answer

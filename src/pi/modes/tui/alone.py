"""A question before there is a session: whether to trust a project, which session to open."""

import os
from pathlib import Path
from typing import TypeVar

from pi.harness.settings import Settings
from pi.modes.tui.app import PiApp
from pi.modes.tui.driver import Ties, driver_class
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.paint import Painter
from pi.modes.tui.panels.panel import Panel
from pi.modes.tui.scene import Alone
from pi.modes.tui.terminal.capabilities import has_unicode
from pi.modes.tui.terminal.captured import Captured
from pi.modes.tui.terminal.colors import Depth, depth
from pi.modes.tui.terminal.rescue import Rescue
from pi.modes.tui.theme.sources import Sources
from pi.modes.tui.theme.themes import Themes

T = TypeVar("T")


class Asker:
    """Shows one panel after the other on an empty screen; what `ask_trust` and pickers need of a stage."""

    def __init__(self, agent_dir: Path, settings: Settings, rescue: Rescue):
        self.keymap = Keymap.load(agent_dir, [])
        self._themes = Themes(Sources(agent_dir, settings))
        self._rescue = rescue
        self._depth: Depth = depth(os.environ, settings)

    async def ask(self, panel: Panel[T]) -> T | None:
        """The answer; None of somebody who went away."""
        captured = Captured()
        out = captured.take()
        try:
            arm = self._rescue.arm  # also after it: until the next screen the terminal stays quiet
            app = PiApp(driver_class(Ties(out, began=arm, ended=arm)))
            panel.changed = app.wake
            panel.answer.add_done_callback(lambda answer: app.leave())
            app.show(Alone(panel), self._painter, lambda: None)
            await app.run_async()
        finally:
            panel.finish(None)
            captured.give_back(listening=False)
        if app.fault is not None:
            raise app.fault
        return await panel.answer

    def _painter(self) -> Painter:
        return Painter(self._themes.current, self._depth, unicode=has_unicode(os.environ))

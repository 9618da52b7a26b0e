"""Panels as people see and use them: texts of their lines, keys by their names."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import text_of, width_of
from pi.modes.tui.panels.panel import Panel

KEYMAP = Keymap.load(Path("/nonexistent"), [])


def see(panel: Panel[Any], width: int = 80, height: int = 19) -> list[str]:
    """The panel's lines; none is too long, and there aren't too many."""
    lines = panel.lines(width, height)
    assert [text_of(line) for line in lines if width_of(line) > width] == []
    assert len(lines) <= height
    return [text_of(line).rstrip() for line in lines]


def press(panel: Panel[Any], *names: str) -> None:
    """Press keys by their names; a name of one character types it."""
    for name in names:
        panel.key(Key(name, " " if name == "space" else name if len(name) == 1 else ""))


def type_in(panel: Panel[Any], text: str) -> None:
    """Type a text."""
    for char in text:
        panel.key(Key("space" if char == " " else char, char))


def answer_of(panel: Panel[Any]) -> Any:
    """What the panel has ended with."""
    assert panel.answer.done()
    return panel.answer.result()


def within_loop(test: Callable[[], None]) -> None:
    """Panels need a loop that runs."""

    async def run() -> None:
        test()

    asyncio.run(run())

"""What an app shows, and who gets its keys: the whole interface, or a panel before there is a session."""

from collections.abc import Callable
from typing import Any, Protocol

from pi.modes.tui.actions import paste, press
from pi.modes.tui.frame import Frame, Painted, blank, compose
from pi.modes.tui.interface import Interface
from pi.modes.tui.keys.key import Key
from pi.modes.tui.mouse import Mouse
from pi.modes.tui.panels.panel import Panel


class Scene(Protocol):
    """A screen full of rows, and what keys and the mouse do there."""

    def frame(self, width: int, height: int) -> Frame: ...
    def press(self, key: Key) -> None: ...
    def paste(self, text: str) -> None: ...
    def mouse(self, frame: Frame, act: Callable[[Mouse], None]) -> None: ...
    @property
    def moving(self) -> bool:
        """Whether it looks different without anybody doing anything."""
        ...


class Whole:
    """The interface of a session."""

    def __init__(self, interface: Interface, mouse: Mouse):
        self._interface = interface
        self._mouse = mouse

    @property
    def moving(self) -> bool:
        return self._interface.status.active

    def frame(self, width: int, height: int) -> Frame:
        return compose(self._interface, width, height)

    def press(self, key: Key) -> None:
        press(self._interface, key)

    def paste(self, text: str) -> None:
        paste(self._interface, text)

    def mouse(self, frame: Frame, act: Callable[[Mouse], None]) -> None:
        act(self._mouse.at(frame))


class Alone:
    """One panel at the bottom of an empty screen."""

    moving = False

    def __init__(self, panel: Panel[Any]):
        self._panel = panel

    def frame(self, width: int, height: int) -> Frame:
        lines = self._panel.lines(width, height)[:height]
        start = height - len(lines)
        cursor = self._panel.cursor()
        at = (start + cursor[0], cursor[1]) if cursor is not None else None
        return Frame([*blank(start), *(Painted(line, "") for line in lines)], [], start, at)

    def press(self, key: Key) -> None:
        self._panel.key(key)

    def paste(self, text: str) -> None:
        self._panel.paste(text)

    def mouse(self, frame: Frame, act: Callable[[Mouse], None]) -> None:
        pass

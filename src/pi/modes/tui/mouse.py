"""What the mouse does: select and copy, open and close blocks, scroll, choose in panels."""

import os
import sys

from pi.modes.tui.frame import Frame
from pi.modes.tui.interface import Interface
from pi.modes.tui.keys.key import Key
from pi.modes.tui.transcript.scroll import Place
from pi.modes.tui.transcript.selection import Point

_SLOW_S = 0.06  # between two turns of the wheel: those that come faster scroll farther
_MOST_LINES = 6
_CLICK_S = 0.4  # within this time a second click is a double one


class Mouse:
    """It acts on the frame that is on the screen: `at` says which."""

    def __init__(self, interface: Interface):
        self._interface = interface
        self._frame: Frame | None = None
        self._down: Point | None = None
        self._clicks = 0
        self._clicked = (-1, -1)
        self._clicked_at = self._turned_at = -10.0
        self._step = 1

    def at(self, frame: Frame) -> "Mouse":
        """The frame that the mouse is on."""
        self._frame = frame
        return self

    def down(self, x: int, y: int, button: int) -> None:
        """A button was pressed."""
        frame, interface = self._frame, self._interface
        if frame is None or button != 1:
            return
        if y >= len(frame.places):
            interface.selection.clear()
            if y >= frame.slot:
                (interface.panel or interface.editor).click(y - frame.slot, x)
            return
        now = interface.clock()
        again = self._clicked == (x, y) and now - self._clicked_at < _CLICK_S
        self._clicks = self._clicks % 3 + 1 if again else 1
        self._clicked, self._clicked_at = (x, y), now
        place = frame.places[y]
        self._down = None if place is None else Point(place, x)
        interface.selection.clear()
        if self._down is None:
            return
        if self._clicks == 1:
            interface.selection.begin(self._down)
        elif self._clicks == 2:
            interface.selection.word(self._down)
        else:
            interface.selection.line(self._down)

    def drag(self, x: int, y: int) -> None:
        """The mouse moves, button down; at the edges the transcript scrolls."""
        frame, interface = self._frame, self._interface
        if frame is None or self._down is None or self._clicks > 1 or not frame.places:
            return
        if y <= 0:
            interface.transcript.scroll(-1)
        elif y >= len(frame.places):
            interface.transcript.scroll(1)
        place = frame.places[max(0, min(y, len(frame.places) - 1))]
        if place is not None:
            interface.selection.extend(Point(place, x))

    def up(self, x: int, y: int) -> None:
        """The button was let go: copy what is selected, or open the block that was clicked."""
        interface, down = self._interface, self._down
        self._down = None
        if interface.selection:
            if interface.session.setup.settings.flag("fullscreenCopyOnSelect"):
                interface.copy_selection()
        elif down is not None and self._clicks == 1:
            self._open(down.place)

    def wheel(self, y: int, direction: int, *, fast: bool) -> None:
        """The wheel was turned down (1) or up (-1); `fast` goes five times as far."""
        interface = self._interface
        now = interface.clock()
        lines = interface.session.setup.settings.get("fullscreenWheelScrollLines")
        if isinstance(lines, bool) or not isinstance(lines, int | float):
            if sys.platform == "darwin" and not os.environ.get("SSH_CONNECTION"):
                self._step = 1  # such terminals send more events for fast turns
            else:
                self._step = min(_MOST_LINES, self._step + 1) if now - self._turned_at < _SLOW_S else 1
            lines = self._step
        self._turned_at = now
        count = max(1, min(100, int(lines))) * (5 if fast else 1)
        if interface.panel is not None and self._frame is not None and y >= self._frame.slot:
            interface.panel.key(Key("down" if direction > 0 else "up"))
        else:
            interface.transcript.scroll(direction * count)

    def _open(self, place: Place) -> None:
        block = self._interface.transcript.blocks[place.block]
        toggle = getattr(block, "toggle", None)
        if toggle is not None:
            toggle()

"""What acts on the interface is tied to it: the fold of events, the mouse, and what Enter does."""

from functools import partial
from typing import NamedTuple

from pi.modes.tui.fold import Fold
from pi.modes.tui.interface import Interface
from pi.modes.tui.mouse import Mouse
from pi.modes.tui.submitting import submit


class Wired(NamedTuple):
    """An interface that works; `fold.apply` hears the session's events."""

    interface: Interface
    fold: Fold
    mouse: Mouse


def wire(interface: Interface) -> Wired:
    """Tie the parts together, and show the session as it is."""
    fold = Fold(interface)
    interface.speak = partial(submit, interface)
    interface.redraw = fold.rebuild
    interface.rebuild()
    return Wired(interface, fold, Mouse(interface))

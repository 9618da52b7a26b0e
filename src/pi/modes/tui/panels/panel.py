"""What a panel is: something that takes the editor's place until it has an answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import Line

T = TypeVar("T")


class Panel(Generic[T]):
    """Knows nothing of the screen: it gives lines, takes keys, and ends with `finish`."""

    title = ""

    def __init__(self) -> None:
        self.answer: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self.changed: Callable[[], None] = lambda: None  # call it when it looks different; the screen sets it

    def lines(self, width: int, height: int) -> list[Line]:
        """What is shown, in at most `width` cells and `height` lines."""
        raise NotImplementedError

    def key(self, key: Key) -> None:
        """A key was pressed; it belongs to the panel, whatever it is."""
        raise NotImplementedError

    def paste(self, text: str) -> None:
        """Text was pasted."""

    def click(self, line: int, column: int) -> None:
        """The mouse was pressed at a place of what `lines` gave last."""

    def cursor(self) -> tuple[int, int] | None:
        """Line and column of the cursor in what `lines` gave last, for input methods; None hides it."""
        return None

    def finish(self, answer: T | None) -> None:
        """Close with an answer; None is that of somebody who went away."""
        if not self.answer.done():
            self.answer.set_result(answer)


class Asks(Protocol):
    """Who can show a panel: a `Stage`, or what there is before there is a session."""

    @property
    def keymap(self) -> Keymap: ...
    def ask(self, panel: Panel[T]) -> Awaitable[T | None]: ...

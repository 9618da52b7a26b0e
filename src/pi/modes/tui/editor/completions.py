"""The list below the editor of what could stand at the cursor, and the one search that runs for it."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from msgspec import Struct

from pi.modes.tui.lines import Line, cells, clean, clip, pad

_MOST_LABEL = 32
_LEAST_LABEL = 12
_GAP = 2


class Item(Struct, frozen=True):
    """What can be accepted: `value` replaces the prefix, `behind` follows it.

    The cursor ends `back` characters before the end of both. `submits`: Enter sends the prompt at once;
    `again`: the search goes on, as in a directory that was chosen.
    """

    value: str
    label: str = ""
    description: str = ""
    behind: str = ""
    back: int = 0
    submits: bool = False
    again: bool = False


class Spot(NamedTuple):
    """Where something could be completed: the line up to the cursor, and whether it is the first one.

    `forced`: the list was asked for with Tab; `now`: this very key was Tab, so a single item is inserted.
    """

    before: str
    first: bool = True
    forced: bool = False
    now: bool = False


class Source(Protocol):
    """One kind of things that can be completed."""

    def wants(self, spot: Spot) -> str | None:
        """What before the cursor an item would replace; None when this is no place for it."""
        ...

    def find(self, spot: Spot, prefix: str) -> Sequence[Item] | Awaitable[Sequence[Item]]:
        """The items, the best first; at once or later."""
        ...


class Completions:
    """Sources are asked in their order; the first that finds something has the list."""

    def __init__(self, sources: Sequence[Source]):
        self.changed: Callable[[], None] = lambda: None
        self.single: Callable[[Item], None] = lambda item: None  # the only one that Tab has found
        self.prefix = ""
        self.forced = False
        self._sources = sources
        self._items: Sequence[Item] = ()
        self._index = 0
        self._source: Source | None = None
        self._task: asyncio.Future[Sequence[Item]] | None = None

    @property
    def open(self) -> bool:
        """Whether there is a list."""
        return bool(self._items)

    @property
    def items(self) -> Sequence[Item]:
        """What is in the list."""
        return self._items

    @property
    def selected(self) -> Item | None:
        """What would be accepted."""
        return self._items[self._index] if self._items else None

    def look(self, spot: Spot) -> None:
        """Search for what fits here; what is shown stays until that is known."""
        self._stop()
        self.forced = spot.forced
        self._ask(spot, self._sources)

    def close(self) -> None:
        """No list, no search."""
        self._stop()
        self._items, self._index, self._source, self.forced = (), 0, None, False

    def move(self, by: int) -> None:
        """Select another item; after the last one comes the first."""
        if self._items:
            self._index = (self._index + by) % len(self._items)

    def turn(self, by: int) -> None:
        """Select another item, at most the first or the last one."""
        self._index = max(0, min(self._index + by, len(self._items) - 1))

    def choose(self, row: int, visible: int) -> bool:
        """Select what is in a row of `lines`; whether there is something."""
        first = self._first(visible)
        if not 0 <= row < min(visible, len(self._items) - first):
            return False
        self._index = first + row
        return True

    def lines(self, width: int, visible: int) -> list[Line]:
        """The list around the selected item, and a counter when there are more."""
        first = self._first(visible)
        shown = self._items[first : first + visible]
        widest = max((cells(_label(item)) for item in shown), default=0)
        label_width = min(max(_LEAST_LABEL, widest), _MOST_LABEL if width > 40 else width)
        out = [
            _line(item, first + number == self._index, label_width, width)
            for number, item in enumerate(shown)
        ]
        if len(self._items) > len(shown):
            out.append(clip(((f"  {self._index + 1}/{len(self._items)}", "dim"),), width))
        return out

    def height(self, visible: int) -> int:
        """How many lines that will be."""
        return min(visible, len(self._items)) + (1 if len(self._items) > visible else 0)

    async def wait(self) -> None:
        """Until the search that runs has ended."""
        while (task := self._task) is not None and not task.done():
            await asyncio.wait((task,))

    def _first(self, visible: int) -> int:
        return max(0, min(self._index - visible // 2, len(self._items) - visible))

    def _ask(self, spot: Spot, sources: Sequence[Source]) -> None:
        for number, source in enumerate(sources):
            prefix = source.wants(spot)
            if prefix is None:
                continue
            found = source.find(spot, prefix)
            if inspect.isawaitable(found):
                if self._source is source:
                    self.prefix = prefix
                else:
                    self._items = ()
                task = asyncio.ensure_future(found)
                self._task = task
                others = sources[number + 1 :]
                task.add_done_callback(partial(self._arrived, source, spot, prefix, others))
                return
            if found:
                self._show(found, source, spot, prefix)
                return
        self._items, self._index, self._source, self.forced = (), 0, None, False

    def _arrived(
        self,
        source: Source,
        spot: Spot,
        prefix: str,
        others: Sequence[Source],
        task: asyncio.Future[Sequence[Item]],
    ) -> None:
        if task.cancelled() or task is not self._task:
            return
        self._task = None
        if items := task.result():
            self._show(items, source, spot, prefix)
        else:
            self._ask(spot, others)
        self.changed()

    def _show(self, items: Sequence[Item], source: Source, spot: Spot, prefix: str) -> None:
        self.prefix = prefix
        if spot.now and len(items) == 1:
            self.close()
            self.single(items[0])
            return
        self._items, self._source = items, source
        values = [item.value for item in items]
        begins = (number for number, value in enumerate(values) if prefix and value.startswith(prefix))
        self._index = values.index(prefix) if prefix in values else next(begins, 0)

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None


def _label(item: Item) -> str:
    return clean(item.label or item.value)


def _line(item: Item, selected: bool, label_width: int, width: int) -> Line:
    label = clip(((_label(item), "accent" if selected else ""),), label_width)
    arrow = ("→ ", "accent") if selected else ("  ", "")
    described = " ".join(clean(line) for line in item.description.split("\n")).strip()
    if not described or width <= 40:
        return clip((arrow, *label), width)
    gap = (" " * _GAP, "")
    return clip((arrow, *pad(label, label_width), gap, (described, "muted" if selected else "dim")), width)

"""A picture of the screen: what is done before it is taken, and in which sizes and ways of showing."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from scripts.screenshots.still import picture

import pi.version
from tests.modes.tui.world import World, world

FOLDER = Path(__file__).parent
SMALL, LARGE, NARROW = (80, 24), (120, 40), (40, 10)
Size = tuple[int, int]


class Way(Struct, frozen=True):
    """How a screen is shown, and what its file's name says of it."""

    name: str = ""
    theme: str = "dark"
    colours: bool = True
    unicode: bool = True


DARK, LIGHT, SYSTEM = Way(), Way("light", theme="light"), Way("system", theme="system")
PLAIN, ASCII = Way("no-colour", colours=False), Way("no-unicode", unicode=False)


class Shot(Struct, frozen=True):
    """`options` are those of the world."""

    name: str
    act: Callable[[World], Awaitable[None]]
    sizes: tuple[Size, ...] = (SMALL,)
    ways: tuple[Way, ...] = (DARK,)  # those beyond the first one are taken in the first size alone
    options: dict[str, Any] = {}

    def files(self) -> Iterator[tuple[str, Size, Way]]:
        """The names of its pictures, and how each is taken."""
        for width, height in self.sizes:
            yield f"{self.name}-{width}x{height}.svg", (width, height), self.ways[0]
        for way in self.ways[1:]:
            yield f"{self.name}-{way.name}.svg", self.sizes[0], way


async def take(shot: Shot, size: Size, way: Way) -> str:
    """The picture as SVG, the same on every machine and for every version."""
    version, pi.version.__version__ = pi.version.__version__, "1.0.0"
    try:
        async with world(theme=way.theme, unicode=way.unicode, **shot.options) as there:
            there.size = size
            there.frame()
            await shot.act(there)
            return picture(there.interface, *size, "truecolor" if way.colours else "none")
    finally:
        pi.version.__version__ = version

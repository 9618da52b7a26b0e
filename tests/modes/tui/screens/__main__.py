"""Makes the pictures anew, and takes away those that nobody takes any more."""

import asyncio
import sys

from tests.modes.tui.screens.shot import FOLDER, take
from tests.modes.tui.screens.shots import SHOTS


async def main(wanted: list[str]) -> None:
    """All of them, or those whose shots are named."""
    kept: set[str] = set()
    for shot in SHOTS:
        for name, size, way in shot.files():
            kept.add(name)
            if not wanted or shot.name in wanted:
                (FOLDER / name).write_text(await take(shot, size, way), encoding="utf-8")
    for file in FOLDER.glob("*.svg"):
        if file.name not in kept:
            file.unlink()


asyncio.run(main(sys.argv[1:]))

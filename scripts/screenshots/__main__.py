"""Makes the pictures of the pages: `python -m scripts.screenshots`, from the top of the checkout."""

import asyncio
from pathlib import Path

from scripts.screenshots.scenes import SCENES
from scripts.screenshots.still import still

IMAGES = Path("docs/images")


async def main() -> None:
    """Make each of them."""
    IMAGES.mkdir(exist_ok=True)
    for name, scene in SCENES.items():
        (IMAGES / f"{name}.svg").write_text(await still(scene), encoding="utf-8")
        print(IMAGES / f"{name}.svg")


if __name__ == "__main__":
    asyncio.run(main())

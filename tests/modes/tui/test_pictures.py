"""The pictures of the pages show the interface as it is."""

import asyncio
from pathlib import Path

import pytest
from scripts.screenshots.scenes import SCENES
from scripts.screenshots.still import still

IMAGES = Path(__file__).parents[3] / "docs" / "images"


@pytest.mark.parametrize("name", SCENES)
def test_a_picture_is_up_to_date(name: str) -> None:
    same = asyncio.run(still(SCENES[name])) == (IMAGES / f"{name}.svg").read_text(encoding="utf-8")
    assert same, "Make it anew, and look at it: python -m scripts.screenshots"

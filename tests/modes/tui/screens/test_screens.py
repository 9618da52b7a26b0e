"""Every screen looks as it did: what has changed on purpose is made anew, and looked at."""

import asyncio

import pytest

from tests.modes.tui.screens.shot import FOLDER, Shot, Size, Way, take
from tests.modes.tui.screens.shots import SHOTS

_ALL = [(shot, *each) for shot in SHOTS for each in shot.files()]


@pytest.mark.parametrize(("shot", "name", "size", "way"), _ALL, ids=[name for _, name, _, _ in _ALL])
def test_a_screen_looks_as_it_did(shot: Shot, name: str, size: Size, way: Way) -> None:
    made = asyncio.run(take(shot, size, way))
    same = made == (FOLDER / name).read_text(encoding="utf-8")
    assert same, f"{name} is another now. Look at it after: python -m tests.modes.tui.screens {shot.name}"


def test_there_are_no_other_pictures() -> None:
    assert {file.name for file in FOLDER.glob("*.svg")} == {name for _, name, _, _ in _ALL}

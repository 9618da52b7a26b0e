"""The question whether a project is trusted: it comes first, and nothing of it is loaded before."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import READY, Terminals, World

EXTENSION = """from pathlib import Path
Path(__file__).with_name("loaded").touch()
def extension(pi):
    @pi.command("ours", description="Of the project")
    def ours(args, ctx):
        ctx.ui.notify("from the project")
"""


@pytest.fixture
def marker(world: World) -> Path:
    """A file that the project's extension leaves when it is loaded."""
    folder = world.project / ".pi" / "extensions"
    folder.mkdir(parents=True)
    (folder / "ours.py").write_text(EXTENSION)
    return folder / "loaded"


@pytest.mark.parametrize(
    ("downs", "loaded", "kept"),
    [(0, True, True), (2, True, None), (3, False, False), (4, False, None)],
    ids=["yes", "yes-once", "no", "no-once"],
)
def test_the_answer_decides_and_is_kept(
    terminals: Terminals, world: World, marker: Path, downs: int, loaded: bool, kept: bool | None
) -> None:
    screen = terminals.open(ready="Trust ")
    screen.until(".pi/extensions")
    assert not marker.exists()

    screen.press(*["Down"] * downs, "Enter")
    screen.until(READY)

    assert marker.exists() is loaded
    path = world.agent / "trust.json"
    decided = json.loads(path.read_text()) if path.exists() else {}
    assert decided == ({} if kept is None else {str(world.project): kept})
    screen.say("/ours")
    screen.until("from the project" if loaded else "Fine.")
    again = terminals.open(ready="Trust " if kept is None else READY)
    assert ("from now on" in again.text) is (kept is None)


def test_who_goes_away_is_asked_again_and_nothing_is_loaded(
    terminals: Terminals, world: World, marker: Path
) -> None:
    screen = terminals.open(ready="Trust ")
    screen.press("Escape")
    screen.until(READY)

    assert not marker.exists()
    assert not (world.agent / "trust.json").exists()
    terminals.open(ready="Trust ")

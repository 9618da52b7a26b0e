"""Whether a project is trusted is asked with what it brings, and kept as long as people said."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from pi.modes.tui.commands import trust
from pi.modes.tui.pickers.trust import ask_trust
from tests.modes.tui.models.stage import DOWN, ENTER, ESCAPE, FakeStage, session_of


@pytest.fixture
def project(tmp_path: Path) -> Path:
    cwd = tmp_path.resolve() / "below" / "project"
    (cwd / ".pi" / "extensions").mkdir(parents=True)
    (cwd / ".pi" / "settings.json").write_text("{}")
    return cwd


def asked(project: Path, *acts: Any) -> tuple[bool, dict[str, Any], str]:
    """The answer, what is in trust.json afterwards, and the question."""
    found: list[Any] = []

    async def main() -> None:
        async with session_of(None, cwd=project) as session:
            stage = FakeStage(session, acts)
            answer = await ask_trust(stage, project, session.setup.agent_dir)
            path = session.setup.agent_dir / "trust.json"
            found[:] = answer, json.loads(path.read_text()) if path.exists() else {}, stage.screens[0]

    asyncio.run(main())
    return found[0], found[1], found[2]


def test_the_question_at_the_start_has_five_answers(project: Path) -> None:
    own, parent = str(project), str(project.parent)
    answers = [asked(project, *[DOWN] * times, ENTER)[:2] for times in range(5)]
    assert answers == [
        (True, {own: True}),
        (True, {parent: True}),
        (True, {}),
        (False, {own: False}),
        (False, {}),
    ]


def test_who_goes_away_trusts_nothing(project: Path) -> None:
    answer, kept, shown = asked(project, ESCAPE)
    assert (answer, kept) == (False, {})
    assert ".pi/settings.json, .pi/extensions" in " ".join(shown.split())


def test_trust_is_decided_again_for_the_next_start(project: Path) -> None:
    async def main() -> None:
        async with session_of(None, cwd=project) as session:
            stage = FakeStage(session, [ENTER], [DOWN, ENTER], [ESCAPE])
            await trust.run(stage, "")
            path = session.setup.agent_dir / "trust.json"
            assert json.loads(path.read_text()) == {str(project): True}
            assert "Now it is not trusted." in stage.screens[0]
            await trust.run(stage, "")
            assert json.loads(path.read_text()) == {str(project.parent): True}
            await trust.run(stage, "")
            assert stage.told == [
                f"{project} is trusted from now on. To let it count at once: /reload",
                f"{project.parent} is trusted from now on. To let it count at once: /reload",
            ]
            await session.reload()
            assert session.setup.trusted is True

    asyncio.run(main())

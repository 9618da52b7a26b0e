"""Settings and themes are changed in place, kept in the user's file, and count at once."""

import asyncio
import json
from pathlib import Path
from typing import Any, Literal

import pytest

from pi.harness.settings import DEFAULTS
from pi.modes.tui.commands import settings, theme
from pi.modes.tui.pickers.settings_table import ITEMS, items
from pi.platform.errors import ConfigError
from tests.modes.tui.models.stage import (
    DOWN,
    ENTER,
    ESCAPE,
    SPACE,
    UP,
    FakeStage,
    acme,
    saved,
    session_of,
)

ROOT = Path(__file__).parents[4]


def changed(*acts: Any, query: str = "", given: dict[str, Any] | None = None) -> tuple[Any, str]:
    """What is in settings.json afterwards, and the last screen."""
    found: list[Any] = []

    async def main() -> None:
        async with session_of(None, given) as session:
            stage = FakeStage(session, [*acts, ESCAPE])
            await settings.run(stage, query)
            found[:] = saved(session), stage.screens[0]

    asyncio.run(main())
    return found[0], found[1]


def test_every_setting_has_a_default_that_it_can_show() -> None:
    without = {"externalEditor", "httpProxy"}
    assert [item.path for item in ITEMS if item.path not in DEFAULTS and item.path not in without] == []
    odd = [item.path for item in ITEMS if item.kind == "choice" and DEFAULTS[item.path] not in item.values]
    assert odd == []
    documented = (ROOT / "docs" / "settings.md").read_text()
    assert [item.path for item in ITEMS if item.path.partition(".")[0] not in documented] == []
    assert len({item.path for item in ITEMS}) == len(ITEMS) == len({item.label for item in ITEMS})


def test_enter_and_space_go_to_the_next_value() -> None:
    kept, shown = changed(ENTER, query="hide thinking")
    assert kept == {"hideThinkingBlock": True}
    assert "→ Hide thinking on" in " ".join(shown.split())
    assert changed(DOWN, DOWN, SPACE, SPACE)[0] == {"hideThinkingBlock": False}
    assert changed(ENTER, query="quietStartup")[0] == {"quietStartup": "header"}
    assert changed(ENTER, ENTER, ENTER, query="quietStartup")[0] == {"quietStartup": False}
    assert "counts from the next start" in changed(ENTER, query="quietStartup")[1]
    assert changed(ENTER, query="editorPadding", given={"editorPaddingX": 7})[0] == {"editorPaddingX": 0}


def test_what_is_changed_counts_at_once() -> None:
    async def main() -> None:
        async with session_of() as session:
            stage = FakeStage(session, [ENTER, ESCAPE])
            await settings.run(stage, "steeringMode")
            assert (session.state.steering.mode, saved(session)) == ("all", {"steeringMode": "all"})
            assert stage.refreshed == 1

    asyncio.run(main())


def test_numbers_and_texts_are_asked_for() -> None:
    async def main() -> None:
        async with session_of() as session:
            stage = FakeStage(session, [ENTER], [DOWN, DOWN, ENTER], [ESCAPE])
            await settings.run(stage, "imageWidth")
            assert saved(session) == {"terminal": {"imageWidthCells": 120}}
            assert "Image width 120" in " ".join(stage.screens[-1].split())

            stage = FakeStage(session, [ENTER], ["emacs -nw", ENTER])
            await settings.run(stage, "externalEditor")
            assert saved(session)["externalEditor"] == "emacs -nw"

    asyncio.run(main())


def test_another_number_is_typed_in() -> None:
    async def main() -> None:
        async with session_of() as session:
            last = [UP] * 2
            stage = FakeStage(session, [ENTER], [*last, ENTER], ["x", ENTER], [ESCAPE])
            await settings.run(stage, "maxRetries")
            assert "is no number" in stage.screens[-1]
            stage = FakeStage(session, [ENTER], [*last, ENTER], ["7", ENTER], [ESCAPE])
            await settings.run(stage, "maxRetries")
            assert saved(session) == {"retry": {"maxRetries": 37}}

    asyncio.run(main())


def test_a_file_that_can_not_be_written_is_told_in_the_table() -> None:
    async def main() -> None:
        async with session_of() as session:
            (session.setup.agent_dir / "settings.json").write_text("{ broken")
            stage = FakeStage(session, [ENTER, ESCAPE])
            await settings.run(stage, "hideThinking")
            assert "settings.json" in stage.screens[0]
            assert session.setup.settings.flag("hideThinkingBlock") is False

    asyncio.run(main())


def test_a_project_that_knows_better_is_told(tmp_path: Path) -> None:
    (tmp_path / ".pi").mkdir()
    (tmp_path / ".pi" / "settings.json").write_text(json.dumps({"hideThinkingBlock": False}))

    async def main() -> None:
        async with session_of(None, {"defaultProjectTrust": "always"}, cwd=tmp_path) as session:
            stage = FakeStage(session, [ENTER, ESCAPE])
            await settings.run(stage, "hideThinking")
            assert "this project's own settings have another value" in stage.screens[0]

    asyncio.run(main())


def test_settings_of_extensions_are_in_the_table() -> None:
    async def main() -> None:
        from pi.testing import session_with

        def extension(pi: Any) -> None:
            pi.setting("loud", False, "Say it twice")
            pi.setting("tone", "kind", type=Literal["kind", "dry"])
            pi.setting("many", [], type=list[str])

        async with session_with(extension) as session:
            own = [item for item in items(session) if item.keys]
            assert [(item.label, item.kind, item.values) for item in own] == [
                ("loud", "flag", ()),
                ("tone", "choice", ("kind", "dry")),
            ]
            stage = FakeStage(session, [ENTER, ESCAPE], [ENTER, ESCAPE])
            await settings.run(stage, "loud")
            await settings.run(stage, "tone")
            (values,) = saved(session)["extensionSettings"].values()
            assert values == {"loud": True, "tone": "dry"}

    asyncio.run(main())


def test_the_level_is_chosen_from_those_of_the_model() -> None:
    async def main() -> None:
        async with session_of({"acme": acme("a", reasoning=True)}) as session:
            await session.models.use("acme/a:low")
            stage = FakeStage(session, [ENTER], [DOWN, ENTER])
            await settings.run(stage, "defaultThinkingLevel")
            assert (session.thinking_level, saved(session)) == ("medium", {"defaultThinkingLevel": "medium"})

    asyncio.run(main())


def test_a_theme_is_seen_while_one_looks_for_it_and_escape_takes_it_back() -> None:
    async def main() -> None:
        async with session_of() as session:
            stage = FakeStage(session, ["light", ESCAPE], ["dark", ENTER])
            await theme.run(stage, "")
            assert (stage.used_themes, saved(session)) == (["light", "system"], {})
            await theme.run(stage, "")
            assert (stage.used_themes[2:], saved(session)) == (["dark", "dark"], {"theme": "dark"})
            await theme.run(stage, "light")
            assert saved(session) == {"theme": "light"}
            with pytest.raises(ConfigError):
                await theme.run(stage, "no-such-theme")
            assert saved(session) == {"theme": "light"}
            assert [each.value for each in theme.complete(stage, "li")] == ["light"]

    asyncio.run(main())

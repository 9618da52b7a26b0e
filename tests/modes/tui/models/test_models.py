"""The model is chosen by name, from a list, by role, and one by one; what is saved is what people saved."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from pi.llm.registry import ModelRegistry
from pi.modes.tui.commands import model, role, scoped_models, thinking
from pi.modes.tui.keys.key import Key
from pi.modes.tui.pickers.models import price, tokens
from pi.platform.errors import PiError
from tests.modes.tui.models.stage import (
    BACKSPACE,
    DOWN,
    ENTER,
    ESCAPE,
    TAB,
    FakeStage,
    acme,
    ctrl,
    saved,
    session_of,
    write_models,
)

TWO = {
    "acme": acme("alpha-1", "beta-2", reasoning=True, cost={"input": 3, "output": 15}),
    "other": acme("gamma-3"),
}
ROLES = {"roles": {"plan": "acme/alpha-1:high", "gone": "nobody/nothing"}}


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    for name in ModelRegistry(tmp_path_factory.mktemp("none")).key_names():
        monkeypatch.delenv(name, raising=False)
    yield


def test_a_name_chooses_the_model_it_means() -> None:
    async def main() -> None:
        async with session_of(TWO, ROLES) as session:
            stage = FakeStage(session)
            await model.run(stage, "gamma")
            await model.run(stage, "acme/alpha-1:low")
            await model.run(stage, "@plan")
            assert stage.told == [
                "Model: other/gamma-3",
                "Model: acme/alpha-1 • thinking low",
                "Model: acme/alpha-1 (@plan) • thinking high",
            ]
            assert (session.model.ref, session.models.role) == ("acme/alpha-1", "plan")
            assert "defaultModel" not in saved(session)

    asyncio.run(main())


def test_a_model_without_credentials_says_how_to_log_in() -> None:
    async def main() -> None:
        async with session_of(TWO, ROLES) as session:
            stage = FakeStage(session)
            with pytest.raises(PiError, match=r"no credentials for groq/.*/login groq$"):
                await model.run(stage, "groq/" + session.setup.registry.models_of("groq")[0].id)
            with pytest.raises(PiError, match='No role "@none"'):
                await model.run(stage, "@none")

    asyncio.run(main())


def test_a_name_that_nothing_has_is_searched_for() -> None:
    async def main() -> None:
        async with session_of(TWO) as session:
            stage = FakeStage(session, [*[BACKSPACE] * 4, ENTER])
            await model.run(stage, "btazzzz")
            assert session.model.ref == "acme/beta-2"

    asyncio.run(main())


def test_the_selector_finds_saves_and_marks() -> None:
    async def main() -> None:
        async with session_of(TWO) as session:
            stage = FakeStage(session, ["other", ctrl("s")], [ESCAPE])
            await model.run(stage, "")
            assert (session.model.ref, saved(session)["defaultProvider"], saved(session)["defaultModel"]) == (
                "other/gamma-3",
                "other",
                "gamma-3",
            )
            assert stage.told == ["Model: other/gamma-3. Saved: new sessions begin with it."]
            await model.run(stage, "")
            rows = [line for line in stage.screens[1].splitlines() if "200k" in line][:3]
            assert [line.split() for line in rows] == [
                ["alpha-1", "acme", "200k", "$3/$15"],
                ["beta-2", "acme", "200k", "$3/$15"],
                ["→", "✓", "gamma-3", "other", "200k"],
            ]
            assert "GAMMA-3 · 200k tokens of context" in stage.screens[1]

    asyncio.run(main())


def test_tab_goes_from_the_scope_to_all_models() -> None:
    async def main() -> None:
        async with session_of(TWO, {"enabledModels": ["acme/beta-2:low", "other/*"]}) as session:
            stage = FakeStage(session, [ENTER], [TAB, "alpha", ENTER])
            await model.run(stage, "")
            assert "Model · scope" in stage.screens[0]
            assert "alpha" not in stage.screens[0]
            assert (session.model.ref, session.thinking_level) == ("acme/beta-2", "low")
            await model.run(stage, "")
            assert session.model.ref == "acme/alpha-1"

    asyncio.run(main())


def test_models_json_is_read_anew_and_a_broken_one_is_told() -> None:
    async def main() -> None:
        async with session_of(TWO) as session:
            stage = FakeStage(session, ["new", ENTER])
            write_models(session.setup.agent_dir, {**TWO, "acme": acme("new-4")})
            await model.run(stage, "")
            assert session.model.ref == "acme/new-4"
            (session.setup.agent_dir / "models.json").write_text("{ broken")
            with pytest.raises(PiError, match="no credentials for any provider"):
                await model.run(stage, "")
            assert [kind for kind, _ in stage.notices] == ["info", "error"]
            assert "models.json" in stage.told[1]

    asyncio.run(main())


def test_names_are_completed() -> None:
    async def main() -> None:
        async with session_of(TWO, ROLES) as session:
            stage = FakeStage(session)
            assert [each.value for each in model.complete(stage, "a")] == [
                "@plan",
                "acme/alpha-1",
                "acme/beta-2",
                "other/gamma-3",
            ]
            assert [each.value for each in model.complete(stage, "@")] == ["@plan", "@gone"]
            assert [each.value for each in role.complete(stage, "@pl")] == ["plan"]
            await model.run(stage, "alpha")
            assert [each.value for each in thinking.complete(stage, "m")] == ["minimal", "medium"]

    asyncio.run(main())


def test_cycling_goes_through_the_scope_both_ways() -> None:
    async def main() -> None:
        async with session_of(TWO, {"enabledModels": ["alpha", "gamma"]}) as session:
            stage = FakeStage(session)
            await model.run(stage, "alpha")
            for step in (1, 1, -1):
                await model.cycle_model(stage, step)
            assert stage.told[1:] == [
                "Model: other/gamma-3",
                "Model: acme/alpha-1 • thinking off",
                "Model: other/gamma-3",
            ]

    asyncio.run(main())


def test_cycling_with_one_model_says_so() -> None:
    async def main() -> None:
        async with session_of({"acme": acme("only")}) as session:
            stage = FakeStage(session)
            await model.cycle_model(stage, 1)
            scoped_models.use_scope(stage, ("only",))
            await model.cycle_model(stage, 1)
            assert ["/login" in stage.told[0], "/scoped-models" in stage.told[1]] == [True, True]

    asyncio.run(main())


def test_levels_are_those_of_the_model() -> None:
    async def main() -> None:
        async with session_of(TWO, {"thinkingBudgets": {"high": 30_000, "low": "much"}}) as session:
            stage = FakeStage(session, [DOWN, ENTER], [ctrl("s")])
            await thinking.run(stage, "")
            await thinking.cycle_thinking(stage)
            assert all("doesn't think" in text for text in stage.told)
            await model.run(stage, "alpha:medium")
            stage.notices.clear()
            await thinking.run(stage, "")
            assert "up to 30,000 tokens, where" in stage.screens[0]
            assert [word for word in stage.screens[0].split() if word in ("off", "low", "high", "xhigh")] == [
                "off",
                "low",
                "high",
            ]
            await thinking.run(stage, "max")
            await thinking.cycle_thinking(stage)
            await thinking.run(stage, "LOW")
            await thinking.run(stage, "")
            assert stage.told == [
                "Thinking: high",
                "Thinking: high. alpha-1 has no max",
                "Thinking: off",
                "Thinking: low",
                "Thinking: low. Saved: new sessions begin with it.",
            ]
            assert saved(session)["defaultThinkingLevel"] == "low"
            with pytest.raises(PiError, match='no thinking level "hgh"'):
                await thinking.run(stage, "hgh")

    asyncio.run(main())


def test_a_level_that_is_set_for_the_model_alone_is_saved_there() -> None:
    async def main() -> None:
        async with session_of(TWO, {"modelThinkingLevels": {"acme/alpha-1": "high"}}) as session:
            stage = FakeStage(session, [ctrl("s")])
            await model.run(stage, "alpha")
            await thinking.run(stage, "low")
            await thinking.run(stage, "")
            assert saved(session) == {"modelThinkingLevels": {"acme/alpha-1": "low"}}

    asyncio.run(main())


def test_roles_are_chosen_and_saved_by_their_name() -> None:
    async def main() -> None:
        async with session_of(TWO, ROLES) as session:
            stage = FakeStage(session, [ctrl("s")])
            await role.run(stage, "")
            assert "@plan  acme/alpha-1 • high" in stage.screens[0]
            assert "@gone  can't be used" in stage.screens[0]
            assert (session.models.role, session.thinking_level) == ("plan", "high")
            assert (saved(session).get("defaultProvider"), saved(session)["defaultModel"]) == (None, "@plan")
            await role.run(stage, "plan")
            with pytest.raises(PiError):
                await role.run(stage, "gone")

    asyncio.run(main())


def test_without_roles_it_is_said_how_to_make_them() -> None:
    async def main() -> None:
        async with session_of(TWO) as session:
            with pytest.raises(PiError, match='"roles"'):
                await role.run(FakeStage(session), "")

    asyncio.run(main())


ALT_UP, ALT_DOWN = Key("alt+up"), Key("alt+down")


def scope_after(*acts: Any, settings: dict[str, Any] | None = None) -> tuple[tuple[str, ...], Any, str]:
    """The session's scope, the saved one, and the last screen."""
    found: list[Any] = []

    async def main() -> None:
        async with session_of(TWO, settings) as session:
            stage = FakeStage(session, [*acts, ESCAPE])
            await scoped_models.run(stage, "")
            found[:] = session.setup.model_scope, saved(session).get("enabledModels"), stage.screens[0]

    asyncio.run(main())
    return found[0], found[1], found[2]


def test_the_scope_counts_at_once_and_is_kept_when_it_is_saved() -> None:
    scope, kept, shown = scope_after("gamma", ENTER, *[BACKSPACE] * 5, "beta", ENTER)
    assert (scope, kept) == (("other/gamma-3", "acme/beta-2"), None)
    assert "2 of 3 take part, in this order. Not saved yet." in shown
    scope, kept, shown = scope_after("gamma", ENTER, ctrl("s"))
    assert (scope, kept) == (("other/gamma-3",), ["other/gamma-3"])
    assert "Saved." in shown


def test_the_scope_is_ordered() -> None:
    scope = {"enabledModels": ["acme/alpha-1:high", "acme/beta-2", "other/gamma-3"]}
    assert scope_after(ALT_DOWN, settings=scope)[0] == ("acme/beta-2", "acme/alpha-1:high", "other/gamma-3")
    assert scope_after(DOWN, ALT_UP, ALT_UP, settings=scope)[0] == (
        "acme/beta-2",
        "acme/alpha-1:high",
        "other/gamma-3",
    )


def test_all_none_and_a_provider_are_one_key() -> None:
    scope = {"enabledModels": ["acme/alpha-1"]}
    assert scope_after(ctrl("a"), ctrl("s"), settings=scope)[:2] == ((), None)
    assert scope_after(ctrl("x"), settings=scope)[0] == ()
    assert scope_after("gamma", ctrl("a"), settings=scope)[0] == ("acme/alpha-1", "other/gamma-3")
    assert scope_after("alpha", ctrl("x"), settings=scope)[0] == ()
    assert scope_after(ctrl("p"), settings=scope)[0] == ("acme/alpha-1", "acme/beta-2")
    assert scope_after(ctrl("p"), ctrl("p"), settings=scope)[0] == ()


def test_numbers_are_short() -> None:
    assert [tokens(count) for count in (950, 8_192, 128_000, 1_000_000, 1_048_576)] == [
        "950",
        "8k",
        "128k",
        "1M",
        "1.05M",
    ]

    async def main() -> None:
        async with session_of(TWO) as session:
            registry = session.setup.registry
            costs = [price(each) for each in registry.available() if each.provider in TWO]
            assert costs == ["$3/$15", "$3/$15", ""]

    asyncio.run(main())


def test_names_of_others_steer_no_terminal() -> None:
    async def main() -> None:
        hostile = acme("ev\x1b[31mil\u202e", name="two\nlines\x07", reasoning=True)
        async with session_of({"acme": hostile}) as session:
            stage = FakeStage(session, [ENTER], [ESCAPE], [ESCAPE])
            await model.run(stage, "")
            await scoped_models.run(stage, "")
            await thinking.run(stage, "")
            texts = [*stage.screens, *(each.label for each in model.complete(stage, "")), *stage.told]
            assert [text for text in texts if "\x1b" in text or "\u202e" in text or "\x07" in text] == []
            assert "→ ✓ evil" in stage.screens[1]

    asyncio.run(main())

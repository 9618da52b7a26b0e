"""Cycling through models and levels, and the level that a model begins with."""

import asyncio
import json
from pathlib import Path

from pi.harness.events import ThinkingLevelChanged
from pi.harness.session import Session
from pi.sdk import ModelChoice, create_agent_session


async def session_of(tmp_path: Path, *, scope: tuple[str, ...] = (), **settings: object) -> Session:
    agent = tmp_path / "agent"
    agent.mkdir(exist_ok=True)
    models = [{"id": "a", "reasoning": True}, {"id": "b"}, {"id": "c", "reasoning": True}]
    provider = {"baseUrl": "http://x", "api": "openai-completions", "apiKey": "k", "models": models}
    (agent / "models.json").write_text(json.dumps({"providers": {"p": provider}}))
    (agent / "settings.json").write_text(json.dumps(settings))
    return await create_agent_session(cwd=tmp_path, agent_dir=agent, model=ModelChoice("p/a", scope=scope))


def test_the_models_that_the_user_named_are_cycled_with_their_levels(tmp_path: Path) -> None:
    async def go() -> None:
        session = await session_of(tmp_path, scope=("p/c:low", "p/a:high"))
        seen = []
        for back in (False, False, True):
            cycled = await session.models.cycle(back=back)
            assert cycled is not None and cycled.is_scoped
            seen.append((cycled.model.id, cycled.thinking_level))
        assert seen == [("c", "low"), ("a", "high"), ("c", "low")]

    asyncio.run(go())


def test_nothing_is_cycled_where_there_is_only_one(tmp_path: Path) -> None:
    async def go() -> None:
        session = await session_of(tmp_path, scope=("p/a",))
        assert await session.models.cycle() is None
        await session.models.use(session.models.available()[-2])
        assert session.model.id == "b"
        assert await session.models.cycle_level() is None

    asyncio.run(go())


def test_levels_are_cycled_in_their_order_and_each_change_is_told(tmp_path: Path) -> None:
    async def go() -> None:
        session = await session_of(tmp_path, defaultThinkingLevel="medium")
        heard: list[object] = []
        session.subscribe(heard.append)
        levels = [await session.models.cycle_level() for _ in range(5)]
        assert levels == ["high", "off", "minimal", "low", "medium"]
        assert heard == [ThinkingLevelChanged(level) for level in levels if level]

    asyncio.run(go())


def test_a_model_begins_with_its_own_level_then_that_of_all_then_as_it_was(tmp_path: Path) -> None:
    async def go() -> None:
        session = await session_of(tmp_path, modelThinkingLevels={"p/c": "high"}, defaultThinkingLevel="low")
        a, b, c = session.models.available()
        await session.models.use(c)
        assert session.thinking_level == "high"
        await session.models.use(b)
        assert session.thinking_level == "off"
        await session.models.use(a)
        assert session.thinking_level == "low"
        await session.models.use(c, "minimal")
        assert session.thinking_level == "minimal"

    asyncio.run(go())

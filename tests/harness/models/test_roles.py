"""Roles: names for models by what they are for, valid wherever a model is named."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pi.harness.models.choice import ModelChoice
from pi.harness.session import Session
from pi.harness.storage.store import Store
from pi.llm.patterns import Choice, resolve_model, resolve_scope
from pi.llm.registry import ModelRegistry
from pi.llm.roles import Role, read_roles
from pi.platform.errors import ConfigError
from pi.sdk import create_agent_session
from tests.harness.models.chain_server import ChainServer

ROLES: dict[str, Any] = {
    "plan": "a/m:high",
    "review": {"model": "b/m", "thinking": "low"},
    "check": "@review",
    "odd": "@even",
    "even": "@odd",
}


@pytest.fixture
def server() -> Iterator[ChainServer]:
    server = ChainServer()
    yield server
    server.close()


async def opened(folder: Path, server: ChainServer, model: Any = None, **more: Any) -> Session:
    settings = {"roles": ROLES} | more.pop("settings", {})
    server.write(folder / "agent", settings, a=100_000, b=100_000)
    return await create_agent_session(
        cwd=folder, agent_dir=folder / "agent", model=ModelChoice(model), **more
    )


def registry(folder: Path, server: ChainServer) -> ModelRegistry:
    server.write(folder, {}, a=100_000, b=100_000)
    models = ModelRegistry(folder, env={})
    models.roles = read_roles(ROLES, [])
    return models


def test_the_setting_takes_patterns_and_objects_and_tells_what_is_wrong() -> None:
    warnings: list[str] = []
    given = {"a": "x/y", "b": {"model": "z", "failover": ["q"]}, "c": {"thinking": "low"}, "d e": "x", "f": 1}
    assert read_roles(given, warnings) == {"a": Role("x/y"), "b": Role("z", failover=("q",))}
    assert [warning.split(" is left out")[0] for warning in warnings] == [
        'Setting "roles": the role "c"',
        'Setting "roles": the role "d e"',
        'Setting "roles": the role "f"',
    ]


@pytest.mark.parametrize(
    ("pattern", "ref", "thinking", "role"),
    [
        ("@plan", "a/m", "high", "plan"),
        ("@plan:low", "a/m", "low", "plan"),
        ("@review", "b/m", "low", "review"),
        ("@check", "b/m", "low", "check"),
    ],
)
def test_a_role_is_a_model_and_a_level(
    tmp_path: Path, server: ChainServer, pattern: str, ref: str, thinking: str, role: str
) -> None:
    choice = resolve_model(registry(tmp_path, server), provider=None, pattern=pattern)
    assert (choice.model.ref, choice.thinking, choice.role) == (ref, thinking, role)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("@nobody", r'^No role "@nobody" in the settings \(roles: @plan, @review, @check, @odd, @even\)\.'),
        ("@odd", r'^The role "@odd" names itself\.'),
        ("@plan:loud", r'^Unknown thinking level "loud" in "@plan:loud"\.'),
    ],
)
def test_a_role_that_leads_nowhere_says_so(
    tmp_path: Path, server: ChainServer, pattern: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        resolve_model(registry(tmp_path, server), provider=None, pattern=pattern)


def test_ids_that_begin_with_an_at_sign_stay_ids(tmp_path: Path, server: ChainServer) -> None:
    found = resolve_model(registry(tmp_path, server), provider=None, pattern="@cf/moonshotai/kimi-k2.7-code")
    assert found.model.provider == "cloudflare-workers-ai"


def test_roles_can_be_cycled_through(tmp_path: Path, server: ChainServer) -> None:
    models = registry(tmp_path, server)
    scope, warnings = resolve_scope(models, ["@plan", "@review", "@nobody"])
    assert [(choice.model.ref, choice.role) for choice in scope] == [("a/m", "plan"), ("b/m", "review")]
    assert warnings == [
        'No role "@nobody" in the settings (roles: @plan, @review, @check, @odd, @even). '
        'Add it to "roles" there.'
    ]
    assert isinstance(scope[0], Choice)


def test_a_session_keeps_its_role_until_a_model_is_chosen_by_name(
    tmp_path: Path, server: ChainServer
) -> None:
    path = tmp_path / "s.jsonl"

    async def run() -> list[str | None]:
        roles: list[str | None] = []
        session = await opened(tmp_path, server, "@plan", store=Store.open(path, cwd=tmp_path))
        async with session:
            await session.prompt("one")
            roles.append(session.models.role)
        session = await opened(tmp_path, server, store=Store.open(path))
        async with session:
            roles.append(session.models.role)
            await session.models.use("@review")
            roles.append(session.models.role)
            await session.models.use("a/m")
            roles.append(session.models.role)
        return roles

    assert asyncio.run(run()) == ["plan", "plan", "review", None]
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    kept = [line["data"]["role"] for line in lines if line.get("customType") == "pi.role"]
    assert kept == ["plan", "review", None]


def test_the_default_model_may_be_a_role_and_a_wrong_one_is_a_warning(
    tmp_path: Path, server: ChainServer
) -> None:
    async def run(default: str) -> tuple[str, str, list[str]]:
        session = await opened(tmp_path, server, settings={"defaultModel": default})
        async with session:
            return session.model.ref, session.thinking_level, session.warnings

    assert asyncio.run(run("@review")) == ("b/m", "low", [])
    ref, _, warnings = asyncio.run(run("@nobody"))
    assert ref == "a/m"
    assert warnings[0].startswith('defaultModel: No role "@nobody"')


@pytest.mark.parametrize("called", ["/look at it", "/skill:looking at it"])
def test_a_template_and_a_skill_name_who_does_the_work_and_then_the_session_is_as_before(
    tmp_path: Path, server: ChainServer, called: str
) -> None:
    agent = tmp_path / "agent"
    (agent / "prompts").mkdir(parents=True)
    (agent / "prompts" / "look.md").write_text("---\nmodel: @review\n---\nLook $@", encoding="utf-8")
    (agent / "skills" / "looking").mkdir(parents=True)
    text = "---\nname: looking\ndescription: Looks.\nmodel: @review\n---\nLook."
    (agent / "skills" / "looking" / "SKILL.md").write_text(text, encoding="utf-8")

    async def run() -> tuple[str, str | None, list[str]]:
        session = await opened(tmp_path, server, "@plan")
        async with session:
            await session.prompt(called)
            await session.prompt("and now")
            return session.model.ref, session.models.role, session.warnings

    assert asyncio.run(run()) == ("a/m", "plan", [])
    assert server.asked == ["b", "a"]
    assert server.bodies["b"][0]["reasoning_effort"] == "low"


@pytest.mark.parametrize("model", ["sonnet-of-another-agent", "groq/openai/gpt-oss-120b"])
def test_a_template_of_another_agent_with_a_model_that_is_not_there_is_answered_all_the_same(
    tmp_path: Path, server: ChainServer, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    prompts = tmp_path / "agent" / "prompts"
    prompts.mkdir(parents=True)
    (prompts / "look.md").write_text(f"---\nmodel: {model}\n---\nLook", encoding="utf-8")

    async def run() -> list[str]:
        session = await opened(tmp_path, server, "a/m")
        async with session:
            await session.prompt("/look")
            return session.warnings

    (warning,) = asyncio.run(run())
    assert warning.startswith("The session's own model answers: ")
    assert server.asked == ["a"]


def test_inherit_means_the_sessions_own(tmp_path: Path, server: ChainServer) -> None:
    prompts = tmp_path / "agent" / "prompts"
    prompts.mkdir(parents=True)
    (prompts / "look.md").write_text("---\nmodel: inherit\n---\nLook", encoding="utf-8")

    async def run() -> list[str]:
        session = await opened(tmp_path, server, "a/m")
        async with session:
            await session.prompt("/look")
            return session.warnings

    assert asyncio.run(run()) == []
    assert server.asked == ["a"]


def test_a_child_session_keeps_the_role_it_was_asked_in(tmp_path: Path, server: ChainServer) -> None:
    from pi.ext import Ctx, ExtensionAPI
    from pi.harness.extensions.installed import ExtensionChoice

    def extension(pi: ExtensionAPI) -> None:
        @pi.command("child")
        async def child(arguments: str, ctx: Ctx) -> None:
            async with await ctx.child(model="@review") as child:
                await child.run("look")
                roles.append(child.session.models.role)

    roles: list[str | None] = []

    async def run() -> None:
        session = await opened(tmp_path, server, "@plan", extensions=ExtensionChoice(inline=(extension,)))
        async with session:
            await session.prompt("/child")

    asyncio.run(run())
    assert roles == ["review"]
    assert server.asked == ["b"]

"""Beginnings and ends of sessions, in their order and with their reasons; what is asked on the way."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from pi.ext import Cancel, Ctx, Resources
from pi.harness.session import Session
from pi.harness.storage.store import Store
from pi.sdk import ExtensionChoice, create_agent_session
from pi.testing import ScriptedModel, ScriptedUI

Event = tuple[str, str, Path | None]


async def session_of(folder: Path, *extensions: Any, **options: Any) -> Session:
    return await create_agent_session(
        cwd=folder,
        agent_dir=options.pop("agent_dir", folder / "agent"),
        model=options.pop("model", None) or ScriptedModel(after="Fine").model,
        extensions=ExtensionChoice(inline=extensions, find=options.pop("find", False)),
        **options,
    )


def life_of(heard: list[Event]) -> Any:
    def noting(pi: Any) -> None:
        @pi.on("session_start")
        def start(event: Any, ctx: Ctx) -> None:
            heard.append(("start", event.reason, event.previous_session_file))

        @pi.on("resources_discover")
        def discover(event: Any, ctx: Ctx) -> None:
            heard.append(("discover", event.reason, None))

        @pi.on("session_shutdown")
        def end(event: Any, ctx: Ctx) -> None:
            heard.append(("end", event.reason, event.target_session_file))

    return noting


def test_each_end_and_each_beginning_has_its_reason(tmp_path: Path) -> None:
    heard: list[Event] = []
    store = Store.create(tmp_path, directory=tmp_path / "sessions")

    async def run() -> list[Path | None]:
        session = await session_of(tmp_path, life_of(heard), store=store)
        await session.prompt("hi")
        files = [session.store.path]
        await session.reload()
        await session.tree.new()
        await session.prompt("hi")
        files.append(session.store.path)
        assert files[0]
        await session.tree.switch(files[0])
        await session.tree.clone()
        files.append(session.store.path)
        await session.close()
        return files

    first, new, fork = asyncio.run(asyncio.wait_for(run(), 30))

    assert heard == [
        ("start", "startup", None),
        ("discover", "startup", None),
        ("end", "reload", None),
        ("start", "reload", None),
        ("discover", "reload", None),
        ("end", "new", new),
        ("start", "new", first),
        ("discover", "startup", None),
        ("end", "resume", first),
        ("start", "resume", new),
        ("discover", "startup", None),
        ("end", "fork", fork),
        ("start", "fork", first),
        ("discover", "startup", None),
        ("end", "quit", None),
    ]


def test_what_is_refused_changes_nothing(tmp_path: Path) -> None:
    def refusing(pi: Any) -> None:
        pi.on("session_before_switch")(lambda event: Cancel("stay"))
        pi.on("session_before_fork")(lambda event: Cancel("stay"))
        pi.on("session_before_tree")(lambda event: Cancel("stay"))

    async def run() -> None:
        session = await session_of(tmp_path, refusing)
        await session.prompt("hi")
        before = session.store.id
        assert not await session.tree.new()
        assert (await session.tree.clone()).cancelled
        assert (await session.tree.navigate(session.store.branch("message")[0].id)).cancelled
        assert (session.store.id, len(session.messages)) == (before, 3)
        await session.close()

    asyncio.run(run())


def skill(folder: Path, name: str) -> Path:
    (folder / name).mkdir(parents=True)
    (folder / name / "SKILL.md").write_text(f"---\nname: {name}\ndescription: Does {name}.\n---\nDo it.\n")
    return folder / name


def test_resources_of_extensions_join_those_of_the_session(tmp_path: Path) -> None:
    skill(tmp_path / "more", "dance")
    skill(tmp_path / "agent" / "skills", "sing")
    (tmp_path / "wave.md").write_text("Wave to $1.")

    def bringing(pi: Any) -> None:
        pi.on("resources_discover")(
            lambda event: Resources(skills=("more",), prompts=("wave.md", "gone.md"), themes=("dark.json",))
        )

    async def run() -> Session:
        model = ScriptedModel(after="Fine")
        session = await session_of(tmp_path, bringing, model=model.model)
        await session.prompt("/wave Bob")
        sent = str(model.asked[0].context)
        assert "Wave to Bob." in sent and "Does dance." in sent and "Does sing." in sent
        for _ in range(2):
            await session.reload()
            assert [skill.name for skill in session.setup.skills] == ["sing", "dance"]
            assert session.extensions.themes == ["dark.json"]
        await session.close()
        return session

    session = asyncio.run(asyncio.wait_for(run(), 30))
    assert len(session.warnings) == 1 and "gone.md" in session.warnings[0]


def project(folder: Path) -> tuple[Path, Path]:
    """A project with an extension of its own, and a user's folder."""
    own = folder / "project" / ".pi" / "extensions"
    own.mkdir(parents=True)
    (own / "theirs.py").write_text(
        "from pi.ext import Trust\n"
        "def extension(pi):\n"
        "    pi.command('theirs')(lambda args, ctx: None)\n"
        "    pi.on('project_trust')(lambda event, ctx: Trust(True))\n"
    )
    (folder / "agent" / "extensions").mkdir(parents=True)
    return folder / "project", folder / "agent"


@pytest.mark.parametrize(
    ("answer", "saved", "trust", "trusted"),
    [
        ("Trust(True)", None, None, True),
        ("Trust(False)", None, None, False),
        ("Trust(False)", True, None, False),
        ("None", True, None, True),
        ("None", None, None, False),
        ("1 / 0", None, None, False),
        ("'yes'", None, None, False),
        ("Trust('no')", None, None, False),
        ("Trust(True)", None, False, False),
    ],
)
def test_the_user_s_extensions_say_whether_a_project_is_trusted(
    tmp_path: Path, answer: str, saved: bool | None, trust: bool | None, trusted: bool
) -> None:
    cwd, agent = project(tmp_path)
    (agent / "extensions" / "mine.py").write_text(
        "from pi.ext import Trust\n"
        f"def extension(pi):\n    pi.on('project_trust')(lambda event, ctx: {answer})\n"
    )
    if saved is not None:
        (agent / "trust.json").write_text(json.dumps({str(cwd): saved}))

    async def run() -> tuple[bool, bool]:
        session = await session_of(cwd, agent_dir=agent, trust=trust, find=True)
        await session.start()
        found = session.extensions.has_command("theirs")
        names = [extension.name for extension in session.extensions.roster.extensions]
        assert names == (["theirs", "mine"] if found else ["mine"])
        await session.reload()
        assert session.extensions.has_command("theirs") == found
        await session.close()
        return session.setup.trusted, found

    assert asyncio.run(asyncio.wait_for(run(), 30)) == (trusted, trusted)


def test_trust_may_be_asked_for_and_is_remembered(tmp_path: Path) -> None:
    cwd, agent = project(tmp_path)
    (agent / "extensions" / "mine.py").write_text(
        "from pi.ext import Trust\n"
        "def extension(pi):\n"
        "    @pi.on('project_trust')\n"
        "    async def decide(event, ctx):\n"
        "        return Trust(await ctx.ui.confirm(f'Trust {ctx.cwd.name}?'), remember=True)\n"
    )
    ui = ScriptedUI(True)

    async def run() -> None:
        session = await session_of(cwd, agent_dir=agent, find=True, ui=ui)
        await session.start()
        assert session.setup.trusted and session.warnings == []
        await session.close()

    asyncio.run(asyncio.wait_for(run(), 30))
    assert [question.title for question in ui.asked] == ["Trust project?"]
    assert json.loads((agent / "trust.json").read_text()) == {str(cwd): True}


def test_servers_are_told_once_the_session_runs_and_when_they_come_and_go(tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []
    apis: list[Any] = []

    def serving(pi: Any) -> None:
        apis.append(pi)
        pi.mcp_server("first", {"command": "a"})
        pi.on("mcp_servers_change")(lambda event: heard.append(event.servers))

    async def run() -> None:
        session = await session_of(tmp_path, serving)
        await session.start()
        apis[-1].command("other")(lambda args, ctx: None)
        await asyncio.sleep(0)
        assert heard == [{"first": {"command": "a"}}]
        apis[-1].mcp_server("second", {"command": "b"})
        while len(heard) < 2:
            await asyncio.sleep(0)
        apis[-1].unregister("mcp_server", "first")
        while len(heard) < 3:
            await asyncio.sleep(0)
        await session.close()

    asyncio.run(asyncio.wait_for(run(), 30))
    assert heard[1:] == [
        {"first": {"command": "a"}, "second": {"command": "b"}},
        {"second": {"command": "b"}},
    ]


def test_a_session_that_begins_can_t_be_made_to_begin_again(tmp_path: Path) -> None:
    def restless(pi: Any) -> None:
        @pi.on("session_start")
        async def start(event: Any, ctx: Ctx) -> None:
            await ctx.reload()

    async def run() -> Session:
        session = await session_of(tmp_path, restless)
        await session.prompt("hi")
        await session.close()
        return session

    session = asyncio.run(asyncio.wait_for(run(), 30))
    assert session.last_message is not None
    [warning] = session.warnings
    assert "reload and switch in commands alone" in warning


def test_tools_that_break_every_rule_are_answers_to_the_model(tmp_path: Path) -> None:
    from pi.agent.tool import Effects, Tool
    from pi.testing import call

    schema = {"type": "object", "properties": {}}

    async def leave(arguments: Any, context: Any) -> Any:
        raise SystemExit(3)

    async def nothing(arguments: Any, context: Any) -> Any:
        return None

    def fail(*given: Any) -> Any:
        raise GeneratorExit

    def breaking(pi: Any) -> None:
        pi.tool(Tool("leave", "Leave.", schema, leave))
        pi.tool(Tool("nothing", "Nothing.", schema, nothing, effects=fail))
        pi.tool(Tool("odd", "Odd.", schema, nothing, effects=lambda *given: Effects(5)))  # type: ignore[arg-type]
        pi.tool(Tool("unready", "Unready.", schema, nothing, prepare=fail))
        pi.gate(lambda event, ctx: None)

    names = ("leave", "nothing", "odd", "unready")
    model = ScriptedModel(*[call(name) for name in names], "Fine")

    async def run() -> None:
        session = await session_of(tmp_path, breaking, model=model.model)
        await session.prompt("hi")
        assert session.last_message is not None and session.last_message.text == "Fine"
        await session.close()

    asyncio.run(asyncio.wait_for(run(), 30))
    said = [str(m.content[0].text) for m in model.asked[-1].context.messages if hasattr(m, "tool_call_id")]
    assert said == [
        "it called sys.exit(3)",
        "The tool gave NoneType, not a ToolResult.",
        "The tool gave NoneType, not a ToolResult.",
        "unready can't read these arguments: it raised GeneratorExit()",
    ]

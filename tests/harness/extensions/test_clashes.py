"""Two extensions want one name: Pi starts, says who and what to write, and that works when it is written."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from pi.harness.session import Session
from pi.sdk import ExtensionChoice, create_agent_session
from pi.testing import ScriptedModel

PARTS = {
    "tools": "@pi.tool\n    def same(word: str) -> str:\n        'Say it.'\n        return WHO + word",
    "commands": "pi.command('same')(lambda args, ctx: ctx.ui.notify(WHO))",
    "shortcuts": "pi.shortcut('same', 'Do it')(lambda ctx: None)",
    "flags": "pi.flag('same', False, 'A flag')",
    "cli": "pi.cli('same', 'Do it')(lambda words, ctx: 0)",
    "providers": "pi.provider('same', baseUrl='http://x', api='openai-completions', models=[{'id': 'm'}])",
    "virtual_models": "pi.virtual_model('v/same')(lambda request, ctx: None)",
    "mcp_servers": "pi.mcp_server('same', {})",
    "renderers": "pi.render('tool', 'same')(lambda value, ctx: None)",
}
NAMES = {"virtual_models": "v/same", "renderers": "tool:same"}


def write(folder: Path, name: str, body: str) -> None:
    (folder / f"{name}.py").write_text(f"WHO = '{name} '\ndef extension(pi):\n    {body}\n")


async def session_of(folder: Path, *names: str) -> Session:
    session = await create_agent_session(
        cwd=folder,
        agent_dir=folder / "agent",
        model=ScriptedModel(after="Fine").model,
        extensions=ExtensionChoice(tuple(f"{name}.py" for name in names), find=False),
    )
    await session.start()
    return session


def owners(session: Session, kind: str) -> dict[str, str]:
    return {name: owner for name, (owner, _) in getattr(session.extensions.joined, kind).items()}


@pytest.mark.parametrize("kind", PARTS)
def test_a_clash_is_told_and_the_line_it_shows_ends_it(tmp_path: Path, kind: str) -> None:
    write(tmp_path, "one", PARTS[kind])
    write(tmp_path, "two", PARTS[kind])
    name = NAMES.get(kind, "same")

    async def run() -> None:
        session = await session_of(tmp_path, "one", "two")
        assert owners(session, kind) == {name: "one"}
        [warning] = session.warnings
        assert 'Extension "two"' in warning and 'extension "one"' in warning and f'"{name}"' in warning
        await session.prompt("hi")
        assert session.last_message is not None and session.last_message.text == "Fine"
        line = warning.partition("settings.json: ")[2]
        (tmp_path / "agent").mkdir(exist_ok=True)
        (tmp_path / "agent" / "settings.json").write_text(line)
        await session.reload()
        assert session.extensions.problems == []
        renamed = owners(session, kind)
        assert renamed.pop(name) == "one" and list(renamed.values()) == ["two"]
        left_out = {"extensionRenames": {f"two/{name}": None}}
        (tmp_path / "agent" / "settings.json").write_text(json.dumps(left_out))
        await session.reload()
        assert owners(session, kind) == {name: "one"} and session.extensions.problems == []
        await session.close()

    asyncio.run(asyncio.wait_for(run(), 30))


@pytest.mark.parametrize(
    "renames", [5, "x", ["y"], {"two/same": 7}, {"two/same": ""}, None, {"two/same": "a b"}]
)
def test_nonsense_in_the_settings_stops_nothing(tmp_path: Path, renames: Any) -> None:
    write(tmp_path, "one", PARTS["commands"])
    write(tmp_path, "two", PARTS["commands"])
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "settings.json").write_text(json.dumps({"extensionRenames": renames}))

    async def run() -> dict[str, str]:
        session = await session_of(tmp_path, "one", "two")
        await session.close()
        return owners(session, "commands") or {"same": "one"}

    assert asyncio.run(run())["same"] == "one"


def test_a_tool_replaces_a_built_in_one_until_its_extension_goes(tmp_path: Path) -> None:
    body = "@pi.tool\n    def ls(path: str) -> str:\n        'List.'\n        return 'mine'"
    write(tmp_path, "own", body.replace("ls", "bash"))

    async def run() -> None:
        session = await create_agent_session(
            cwd=tmp_path, agent_dir=tmp_path / "agent", model=ScriptedModel(after="Fine").model
        )
        built_in, names = session.tools.get("bash"), [tool.name for tool in session.tools.active]
        await session.close()
        session = await session_of(tmp_path, "own")
        own = session.tools.get("bash")
        assert own is not None and built_in is not None and own.description == "List."
        assert [tool.name for tool in session.tools.active] == names
        assert session.warnings == []
        await session.extensions.unload("own")
        again = session.tools.get("bash")
        assert again is not None and again.description == built_in.description
        assert [tool.name for tool in session.tools.active] == names
        await session.close()

    asyncio.run(asyncio.wait_for(run(), 30))

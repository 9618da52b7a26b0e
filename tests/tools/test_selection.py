"""Which tools the model gets, from settings and flags."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from pi.modes.tokens import count
from pi.platform.errors import ConfigError
from pi.sdk import ToolChoice, create_agent_session
from pi.tools import BUILTIN_TOOLS, DEFAULT_TOOLS, select_tools


@pytest.mark.parametrize(
    ("only", "exclude", "expected"),
    [
        (None, (), "read bash edit write"),
        (("grep", "read"), (), "grep read"),
        (("*",), ("b*", "ls"), "read edit write grep find"),
        (("+grep", "-bash"), (), "read edit write grep"),
        (("+grep", "-grep", "+read"), (), "read bash edit write"),
        (("nobody", "read"), (), "read"),
        (("+nobody",), ("read",), "bash edit write"),
        ((), (), ""),
    ],
)
def test_a_selection(only: tuple[str, ...] | None, exclude: tuple[str, ...], expected: str) -> None:
    assert " ".join(select_tools(BUILTIN_TOOLS, DEFAULT_TOOLS, only=only, exclude=exclude)) == expected


def test_the_two_forms_are_not_mixed_in_a_flag() -> None:
    with pytest.raises(ConfigError, match="can't be mixed"):
        select_tools(BUILTIN_TOOLS, only=("read", "+grep"))


@pytest.mark.parametrize(
    ("user", "project", "only", "expected"),
    [
        (None, None, None, "read bash edit write"),
        (["read", "grep"], None, None, "read grep"),
        (["read", "+ls"], None, None, "read ls"),
        (["read", "grep"], ["+find", "-read"], None, "grep find"),
        (["read", "grep"], ["ls"], None, "ls"),
        (["read", "grep"], [], None, ""),
        (["read", "grep"], ["+find"], ("-grep",), "read find"),
        ("read", ["+find", 7], None, "read bash edit write find"),
    ],
)
def test_settings_build_on_each_other(
    tmp_path: Path, user: Any, project: Any, only: tuple[str, ...] | None, expected: str
) -> None:
    agent, work = tmp_path / "agent", tmp_path / "work"
    (work / ".pi").mkdir(parents=True)
    agent.mkdir()
    models = {
        "m": {
            "baseUrl": "http://127.0.0.1:9",
            "api": "openai-completions",
            "apiKey": "k",
            "models": [{"id": "m"}],
        }
    }
    (agent / "models.json").write_text(json.dumps({"providers": models}))
    for folder, tools in ((agent, user), (work / ".pi", project)):
        if tools is not None:
            (folder / "settings.json").write_text(json.dumps({"defaultTools": tools}))

    async def sent() -> list[str]:
        session = await create_agent_session(cwd=work, agent_dir=agent, tools=ToolChoice(only), trust=True)
        return [part.name for part in (await count(session, "hello")).tools.parts]

    assert " ".join(asyncio.run(sent())) == expected

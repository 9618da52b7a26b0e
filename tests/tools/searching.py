"""What the tests of grep, find and ls share: a tree of files, a tool run in it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pi.agent.tool import Tool, ToolContext, ToolError, ToolResult
from pi.llm.messages import Text
from pi.llm.models import Model


def plant(root: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)


def context(cwd: Path) -> ToolContext:
    return ToolContext("c", cwd, Model("m", "p", "a", "http://x"), {}, lambda result: None)


def use(tool: Tool, cwd: Path, **arguments: Any) -> ToolResult:
    return asyncio.run(tool.run(arguments, context(cwd)))


def text(tool: Tool, cwd: Path, **arguments: Any) -> str:
    (block,) = use(tool, cwd, **arguments).content
    assert isinstance(block, Text)
    return block.text


def error(tool: Tool, cwd: Path, **arguments: Any) -> str:
    with pytest.raises(ToolError) as caught:
        use(tool, cwd, **arguments)
    return str(caught.value)

"""The tool by which a model finds deferred tools: their declarations cost nothing until they are wanted."""

import re
from typing import TYPE_CHECKING, Any

from pi.agent.tool import Effects, Tool, ToolContext, ToolResult, text_result

if TYPE_CHECKING:
    from pi.harness.toolbox import Toolbox

NAME = "tool_search"
MOST = 5


def tool_search(box: "Toolbox") -> Tool:
    """Searches the deferred tools of a box by words; what it finds can be called from the next turn on."""

    async def run(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        found = _ranked(box.deferred, arguments["query"])[:MOST]
        if not found:
            names = ", ".join(tool.name for tool in box.deferred)
            return text_result(f"No tool matches. There are: {names}", {"found": []})
        box.use([*(tool.name for tool in box.active if tool.name != NAME), *(tool.name for tool in found)])
        lines = [f"- {tool.name}: {tool.description.partition(chr(10))[0]}" for tool in found]
        return text_result(
            "You can call these from now on:\n" + "\n".join(lines), {"found": [tool.name for tool in found]}
        )

    return Tool(
        name=NAME,
        description="Find further tools by words of what they do; found ones can be called afterwards.",
        parameters={
            "type": "object",
            "properties": {"query": {"type": "string", "description": "Words, or a tool's name"}},
            "required": ["query"],
        },
        run=run,
        snippet="find further tools",
        effects=lambda arguments, cwd: Effects(),
    )


def _ranked(tools: list[Tool], query: str) -> list[Tool]:
    words = set(re.findall(r"[a-z0-9]+", query.lower()))

    def score(tool: Tool) -> float:
        if query.strip().lower() == tool.name.lower():
            return 1000
        named = set(re.findall(r"[a-z0-9]+", tool.name.lower()))
        told = set(re.findall(r"[a-z0-9]+", tool.description.lower()))
        return 3 * len(words & named) + len(words & told)

    scored = [(score(tool), tool) for tool in tools]
    return [tool for points, tool in sorted(scored, key=lambda pair: -pair[0]) if points > 0]

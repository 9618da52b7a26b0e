"""write: makes a file with the given content, or replaces all of one."""

from typing import Any

from pi.agent.tool import Tool, ToolContext, ToolError, ToolResult, text_result
from pi.tools.effects import writes
from pi.tools.mutation_queue import file_mutation, overwrite
from pi.tools.paths import refusal, resolve_path, well_formed

_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "description": "File to write"},
        "content": {"type": "string"},
    },
    "required": ["path", "content"],
}


def write_tool() -> Tool:
    """The write tool."""
    return Tool(
        name="write",
        strict="prefer",
        description="Create a file, with its parent directories, or overwrite a whole one.",
        parameters=_PARAMETERS,
        run=_write,
        effects=writes,
        hints=("destructive", "idempotent"),
        snippet="Create or overwrite files",
        guidelines=("Use write only for new files and complete rewrites.",),
    )


async def _write(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
    path: str = arguments["path"]
    file = resolve_path(path, ctx.cwd)
    async with file_mutation(file):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ToolError(refusal(error, "mkdir", file.parent)) from None
        overwrite(file, well_formed(arguments["content"]).encode())
    return text_result(f"Successfully wrote to {path}")

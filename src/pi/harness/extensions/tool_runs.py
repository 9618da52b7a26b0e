"""An extension's tool as it runs: within its time limit, and with no more output than a model can use."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import structs

from pi.agent.limits import TooSlow, within
from pi.agent.output import MAX_BYTES, Truncation, format_size, truncate_head
from pi.agent.tool import ToolContext, ToolError, ToolResult
from pi.llm.messages import Image, Text

Run = Callable[[dict[str, Any], ToolContext], Awaitable[ToolResult]]


def contained(run: Run, limit: float | None) -> Run:
    """The same tool: after `limit` s it fails; texts over 2,000 lines or 50 KB are cut, all is in a file."""

    async def contained_run(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        try:
            result = await within(limit, run(arguments, context))
        except TooSlow as error:
            raise ToolError(str(error)) from None
        if not isinstance(result, ToolResult):
            raise ToolError(f"The tool gave {type(result).__name__}, not a ToolResult.")
        content = tuple(_shortened(block) for block in result.content)
        return structs.replace(result, content=content) if content != result.content else result

    return contained_run


def _shortened(block: Text | Image) -> Text | Image:
    if not isinstance(block, Text):
        return block
    cut = truncate_head(block.text)
    if not cut.truncated:
        return block
    kept = cut.content or block.text.encode()[:MAX_BYTES].decode("utf-8", "ignore")
    return Text(f"{kept}\n\n[{_note(cut)} All of it: {_saved(block.text)}]")


def _note(cut: Truncation) -> str:
    return f"Cut after {cut.output_lines} of {cut.total_lines} lines ({format_size(cut.total_bytes)})."


def _saved(text: str) -> str:
    try:
        from tempfile import mkstemp  # 6 ms to import

        handle, path = mkstemp(prefix="pi-tool-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text)
    except OSError as error:
        return f"not saved ({error.strerror})"
    return path

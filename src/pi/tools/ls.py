"""ls: lists the entries of one directory."""

import asyncio
import os
from pathlib import Path
from typing import Any

from pi.agent.tool import Tool, ToolContext, ToolError, ToolResult, text_result
from pi.tools.effects import reads
from pi.tools.listing import Listing, Notice, whole_number
from pi.tools.paths import refusal, resolve_path

_LIMIT = 500
_DESCRIPTION = "List a directory, dotfiles too; directories end with /. Stops at 500 entries or 50KB."
_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "description": "Directory; the working directory by default"},
        "limit": {"type": "number", "description": "Most entries; 500 by default"},
    },
}
# The order of punctuation in the Unicode collation, which the original's sorting follows.
_ORDER = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz"
_UNICODE_BITS = 21


def ls_tool() -> Tool:
    """The ls tool."""
    return Tool(
        name="ls",
        description=_DESCRIPTION,
        parameters=_PARAMETERS,
        run=_ls,
        effects=reads,
        hints=("read_only", "idempotent"),
        snippet="List directories",
    )


async def _ls(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
    folder = resolve_path(arguments.get("path") or ".", ctx.cwd)
    limit = whole_number(arguments.get("limit"), _LIMIT, least=1)
    # In a thread: there may be a million entries, or a network in between.
    return await asyncio.to_thread(_list, folder, limit)


def _list(folder: Path, limit: int) -> ToolResult:
    if not os.path.exists(folder):  # noqa: PTH110 (false instead of an error where a folder can't be searched)
        raise ToolError(f"Path not found: {folder}")
    if not folder.is_dir():
        raise ToolError(f"Not a directory: {folder}")
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=_sort_key)
    except OSError as error:
        raise ToolError(f"Cannot read directory: {refusal(error, 'scandir', folder)}") from None
    listing, reached = Listing(), None
    for entry in entries:
        if listing.count == limit:
            text = f"{limit} entries limit reached. Use limit={limit * 2} for more"
            reached = Notice(text, "entryLimitReached", limit)
            break
        if entry.is_symlink() and not os.path.exists(entry.path):  # noqa: PTH110 (entry.path is a string)
            continue  # it leads nowhere
        name = os.fsencode(entry.name).decode(errors="replace")
        listing.add(f"{name}/" if entry.is_dir() else name)
    return listing.result(reached) if listing.count else text_result("(empty directory)")


def _sort_key(entry: os.DirEntry[str]) -> tuple[list[int], str, str]:
    """Sorts as people do: case and accents count only between names that are equal otherwise."""
    text = entry.name.lower()
    if text.isascii():
        return [_rank(char) for char in text], text, entry.name
    from unicodedata import combining, normalize

    text = normalize("NFD", text)
    return [_rank(char) for char in text if not combining(char)], text, entry.name


def _rank(char: str) -> int:
    """Symbols, digits, Latin letters, the others' letters."""
    if (rank := _ORDER.find(char)) >= 0:
        return rank << _UNICODE_BITS
    return (len(_ORDER) if char.isalnum() else _ORDER.index("$")) << _UNICODE_BITS | ord(char)

"""find: finds files and directories by a glob."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pi.agent.tool import Tool, ToolContext, ToolError, ToolResult, text_result
from pi.tools.effects import reads
from pi.tools.glob import GlobError, glob_regex
from pi.tools.listing import Listing, Notice, whole_number
from pi.tools.paths import resolve_path
from pi.tools.ripgrep import complaint, posix_path, run_ripgrep

_LIMIT = 1000
_DESCRIPTION = (
    "Find files and directories by glob, hidden ones too but none that .gitignore names; gives paths "
    "relative to the directory searched. Stops at 1000 results or 50KB."
)
_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "pattern": {"type": "string", "description": "Glob: *.py finds names anywhere, src/**/*.ts paths"},
        "path": {"type": "string", "description": "Directory; the working directory by default"},
        "limit": {"type": "number", "description": "Most results; 1000 by default"},
    },
    "required": ["pattern"],
}


def find_tool() -> Tool:
    """The find tool."""
    return Tool(
        name="find",
        description=_DESCRIPTION,
        parameters=_PARAMETERS,
        run=_find,
        effects=reads,
        hints=("read_only", "idempotent"),
        snippet="Find files by name (respects .gitignore)",
    )


async def _find(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
    # Errors as fd words them, which does this work in the original.
    folder = resolve_path(arguments.get("path") or ".", ctx.cwd)
    if not os.path.isdir(folder):  # noqa: PTH112 (false instead of an error where a folder can't be searched)
        raise ToolError(
            f"[fd error]: Search path '{folder}' is not a directory.\n"
            "[fd error]: No valid search paths given."
        )
    try:
        found = _Found(
            _matcher(arguments["pattern"], folder), whole_number(arguments.get("limit"), _LIMIT, least=1)
        )
    except GlobError as error:
        raise ToolError(f"[fd error]: {error}") from None
    options = [
        "--files",
        "--glob=!.git/",
        *([] if _in_repository(folder) else ["--no-require-git"]),
        "--",
        ".",
    ]
    code = await run_ripgrep(["--null", *options], cwd=folder, end=b"\0", on_record=found.add_file)
    if code > 1 and not found.folders:
        raise ToolError(await complaint(options, cwd=folder, code=code))
    await found.add_others(folder)
    return found.result()


def _matcher(pattern: str, folder: Path) -> Callable[[str], bool]:
    """Tells whether a path relative to `folder` is meant.

    A pattern goes by the name, with a `/` in it by the whole path. One without capitals ignores case; an
    empty one means everything.
    """
    if os.name == "nt":
        pattern = pattern.replace("\\", "/")
    by_path = "/" in pattern
    if by_path and not pattern.startswith(("/", "**/")):
        pattern = f"**/{pattern}"
    matches = glob_regex(pattern or "**", ignore_case=not any(map(str.isupper, pattern))).fullmatch
    if not by_path:
        return lambda path: matches(path[path.rfind("/") + 1 :]) is not None
    above = folder.as_posix().rstrip("/")
    return lambda path: matches(f"{above}/{path}") is not None


def _in_repository(folder: Path) -> bool:
    return any(os.path.exists(parent / ".git") for parent in (folder, *folder.parents))  # noqa: PTH110


class _Found:
    """What matches, up to the limit. Paths are relative, with `/`; bytes that are no UTF-8 are surrogates."""

    def __init__(self, matches: Callable[[str], bool], limit: int) -> None:
        self.folders = {"": None}  # those that hold a file, in order of their appearance; "" is the root
        self._matches = matches
        self._limit = limit
        self._paths: list[str] = []
        self._more = False

    def add_file(self, record: bytes) -> bool:
        """Takes a file and the folders that it lies in; False when there are more than the limit allows."""
        path = posix_path(os.fsdecode(record))
        self._add_folder(path[: max(path.rfind("/"), 0)])
        return self._add(path)

    async def add_others(self, root: Path) -> None:
        """Adds what `rg --files` leaves out: links, pipes, sockets, and folders without any file.

        rg can't tell which of these it ignores; they count as not ignored. Other tasks get their turn after
        each folder; the search can be cancelled there.
        """
        waiting = list(self.folders)
        while waiting and not self._more:
            folder = waiting.pop()
            for entry in _entries(root / folder):
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_symlink() or not entry.is_dir():
                    self._add(path)
                elif path not in self.folders and entry.name != ".git" and _is_hollow(entry.path):
                    self._add_folder(path)
                    waiting.append(path)
            await asyncio.sleep(0)

    def result(self) -> ToolResult:
        """All of it, sorted, with its notices."""
        if not self._paths:
            return text_result("No files found matching pattern")
        listing = Listing()
        for path in sorted(self._paths):
            listing.add(os.fsencode(path).decode(errors="replace"))
        limit = self._limit
        text = f"{limit} results limit reached. Use limit={limit * 2} for more, or refine pattern"
        return listing.result(Notice(text, "resultLimitReached", limit) if self._more else None)

    def _add_folder(self, path: str) -> None:
        while path not in self.folders:
            self.folders[path] = None
            self._add(path, "/")
            path = path[: max(path.rfind("/"), 0)]

    def _add(self, path: str, suffix: str = "") -> bool:
        if self._matches(path):
            if len(self._paths) == self._limit:
                self._more = True
            else:
                self._paths.append(path + suffix)
        return not self._more


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """All but regular files."""
    try:
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if not entry.is_file(follow_symlinks=False))
    except OSError:
        pass  # it is gone, or not ours to read


def _is_hollow(folder: str) -> bool:
    """Whether only folders are in it, at any depth. One with files that rg hasn't listed is ignored."""
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_symlink() or not entry.is_dir():
                        return False
                    waiting.append(entry.path)
        except OSError:
            return False
    return True

"""Completion of @: files and directories anywhere below, found by parts of their paths."""

import asyncio
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from pi.agent.tool import ToolError
from pi.modes.tui.editor.completions import Item, Spot
from pi.modes.tui.editor.paths import path_item
from pi.modes.tui.editor.words import last_path, unquoted
from pi.modes.tui.lines import clean
from pi.modes.tui.panels.fuzzy import match
from pi.tools.ripgrep import posix_path, run_ripgrep

_MOST_SHOWN = 20
_MOST_FOUND = 5000  # paths that are weighed
_WAIT_S = 0.02  # who types on meanwhile spares the search


class Files:
    """What .gitignore leaves of `cwd()`, or of the directory that was typed so far."""

    def __init__(self, cwd: Callable[[], Path]):
        self._cwd = cwd

    def wants(self, spot: Spot) -> str | None:
        """The last word when it begins with @."""
        word = last_path(spot.before)
        return word if word.startswith("@") else None

    async def find(self, spot: Spot, prefix: str) -> Sequence[Item]:
        """The paths that match best. Cancelling it ends the search."""
        await asyncio.sleep(_WAIT_S)
        typed = unquoted(prefix)
        if os.sep != "/":
            typed = typed.replace(os.sep, "/")
        base, head, query = self._scope(typed)
        found = _Found(query)
        try:
            await run_ripgrep(
                ["--files", "--follow", "--null", "--glob=!.git", "."],
                cwd=base,
                end=b"\0",
                on_record=found.add,
            )
        except ToolError:  # there is no rg: the tools say so
            return []
        return [
            path_item(
                head + path,
                path.rpartition("/")[2],
                prefix,
                folder=folder,
                description=head + path if "/" in head + path else "",
            )
            for path, folder in found.best()
        ]

    def _scope(self, typed: str) -> tuple[Path, str, str]:
        """The directory to search in, how it was typed, and what to look for there."""
        cwd = self._cwd()
        folder, slash, query = typed.rpartition("/")
        head = folder + slash
        if head:
            try:
                base = cwd / Path(head).expanduser()
                if base.is_dir():
                    return base, head, query
            except (OSError, RuntimeError, ValueError):
                pass
        return cwd, "", typed


class _Found:
    """The paths that match, as rg gives them, with the directories they are in."""

    def __init__(self, query: str):
        self._query = query.casefold()
        # Each letter after the other: in linear time, and quicker than to weigh every path.
        letters = "".join(f"[^{re.escape(char)}]*{re.escape(char)}" for char in self._query)
        self._matches = re.compile(letters, re.IGNORECASE).match
        self._paths: dict[str, bool] = {}  # whether it is a directory
        self._folders: set[str] = set()

    def add(self, record: bytes) -> bool:
        """Take a path; whether there may be more."""
        path = posix_path(os.fsdecode(record))
        if clean(path) != path or '"' in path:
            return True
        if self._matches(path):
            self._paths[path] = False
        folder = path.rpartition("/")[0]
        while folder and folder not in self._folders:
            self._folders.add(folder)
            if self._matches(folder):
                self._paths[folder] = True
            folder = folder.rpartition("/")[0]
        return len(self._paths) < _MOST_FOUND

    def best(self) -> list[tuple[str, bool]]:
        """The best paths, and whether they are directories."""
        import heapq

        return heapq.nsmallest(_MOST_SHOWN, self._paths.items(), key=lambda each: self._order(*each))

    def _order(self, path: str, folder: bool) -> tuple[float, int, int, str]:
        folded, query = path.casefold(), self._query
        name = folded.rpartition("/")[2]
        if not query:
            score = 0.0
        elif name == query:
            score = 100.0
        elif name.startswith(query):
            score = 80.0
        elif query in name:
            score = 50.0
        elif query in folded:
            score = 30.0
        else:
            score = min(20.0, max(0.0, match(query, name) or 0.0) / 5)
        return -(score + (10 if folder else 0)), path.count("/"), len(path), path

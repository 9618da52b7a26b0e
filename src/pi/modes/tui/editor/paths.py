"""Completion of paths with Tab: what is in the directory that was typed so far."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from pi.modes.tui.editor.completions import Item, Spot
from pi.modes.tui.editor.words import last_path, quoted, unquoted
from pi.modes.tui.lines import clean

_MOST = 5000  # entries of one directory


class Paths:
    """Relative to `cwd()`, absolute, or from ~; directories first."""

    def __init__(self, cwd: Callable[[], Path]):
        self._cwd = cwd

    def wants(self, spot: Spot) -> str | None:
        """The last word, whatever it is; only with Tab."""
        return last_path(spot.before) if spot.forced else None

    async def find(self, spot: Spot, prefix: str) -> Sequence[Item]:
        """The entries that begin so; read in a thread, as directories can be slow."""
        return await asyncio.to_thread(_entries, self._cwd(), prefix)


def _entries(cwd: Path, word: str) -> list[Item]:
    typed = unquoted(word)
    if os.sep != "/":
        typed = typed.replace(os.sep, "/")
    if typed == "~":
        typed = "~/"
    folder, slash, begin = typed.rpartition("/")
    head = folder + slash
    found: list[tuple[bool, str]] = []
    try:
        with os.scandir(cwd / Path(head).expanduser()) as entries:
            for entry in entries:
                if _fits(entry.name, begin):
                    found.append((not _is_folder(entry), entry.name))
                    if len(found) == _MOST:
                        break
    except (OSError, RuntimeError, ValueError):  # no such directory, no home, a null character
        return []
    found.sort(key=lambda each: (each[0], each[1].casefold(), each[1]))
    return [path_item(head + name, name, word, folder=not is_file) for is_file, name in found]


def path_item(path: str, name: str, word: str, *, folder: bool, description: str = "") -> Item:
    """A path as an item; in a directory one can go on typing."""
    end = "/" if folder else ""
    value = quoted(path + end, word)
    attached = word.startswith("@")
    return Item(
        value,
        name + end,
        description,
        behind=" " if attached and not folder else "",
        back=1 if folder and value.endswith('"') else 0,
        again=attached and folder,
    )


def _fits(name: str, begin: str) -> bool:
    return name.casefold().startswith(begin.casefold()) and clean(name) == name and '"' not in name


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False

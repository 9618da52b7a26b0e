"""Which extensions there are: those named by `-e`, then the project's, then the user's."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from msgspec import UNSET, Struct

# Settings and ignore files have the same say here as with skills and prompts.
from pi.harness.discovery import (
    Side,
    SourceInfo,
    is_enabled,
    is_file,
    probe,
    resolve_path,
    visible,
)
from pi.platform.globs import ignore_rules

SETTING = "pythonExtensions"  # the original exits on a `.py` in its own "extensions"
MAIN_FILES = ("__init__.py", "extension.py")  # what makes a folder an extension, the first that is there
_FOREIGN = {
    **dict.fromkeys((".ts", ".tsx", ".mts", ".cts"), "TypeScript"),
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs"), "JavaScript"),
}


class Source(Struct, frozen=True):
    """Where the code of one extension lies; its name is like no other's that was found with it."""

    name: str
    path: Path  # of the file with `extension()`
    root: Path | None  # the folder that its relative imports look into; None: a file by itself
    scope: Literal["temporary", "project", "user", "package", "inline"]
    info: SourceInfo


class _Entry(Struct, frozen=True):
    """An extension on the disk; `place`, its file or its folder, is what settings call it."""

    place: str
    file: str
    name: str
    root: str | None = None


def find_extensions(
    sides: Sequence[Side], named: Sequence[str], cwd: Path, warnings: list[str], *, find: bool = True
) -> list[Source]:
    """The extensions in the order in which they are loaded, each file once: `named` paths, then each side's.

    Of a side come first those that its settings list. With `find` off only the named ones count. What can't
    be used is said in `warnings`, unless it is another program's. Never raises.
    """
    found: dict[str, Source | None] = {}
    names: set[str] = set()
    folders: dict[str, str] = {}

    def add(entry: _Entry, info: SourceInfo, *, enabled: bool = True) -> None:
        real = _real(entry.file, folders)
        if real in found:
            return
        found[real] = _source(entry, info, names) if enabled else None

    for given in named:
        for entry in _named(resolve_path(given, cwd), warnings):
            add(entry, SourceInfo(entry.file, "cli", "temporary"))
    for side in sides if find else ():
        for entry, info, enabled in _of_side(side, warnings):
            add(entry, info, enabled=enabled)
    return [source for source in found.values() if source is not None]


def _real(file: str, folders: dict[str, str]) -> str:
    """The file without links; `folders` keeps what was found out about folders, fifty may share one."""
    folder, name = os.path.split(file)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    real = os.path.join(folders[folder], name)  # noqa: PTH118
    return os.path.realpath(real) if os.path.islink(real) else real  # noqa: PTH114


def _source(entry: _Entry, info: SourceInfo, names: set[str]) -> Source:
    wanted = entry.name.encode("utf-8", "replace").decode()  # a file name may be no text at all
    name, number = wanted, 1
    while name in names:
        number += 1
        name = f"{wanted}-{number}"
    names.add(name)
    return Source(name, Path(entry.file), Path(entry.root) if entry.root else None, info.scope, info)


def _named(path: str, warnings: list[str]) -> list[_Entry]:
    found = _at(path, warnings)
    if not found:
        warnings.append(_why_not(path))
    return found


def _of_side(side: Side, warnings: list[str]) -> Iterator[tuple[_Entry, SourceInfo, bool]]:
    listed = [entry.strip() for entry in side.settings.texts(SETTING) or () if entry.strip()]
    patterns = [entry for entry in listed if entry[0] in "!+-" or "*" in entry or "?" in entry]
    overrides = [pattern for pattern in patterns if pattern[0] in "!+-"]
    base = str(side.folder)
    for path in (resolve_path(entry, side.folder) for entry in listed if entry not in patterns):
        for entry in _at(path, warnings):  # nothing when it isn't there: settings travel between machines
            info = SourceInfo(entry.file, "local", side.scope, base_dir=UNSET)
            yield entry, info, is_enabled(entry.place, patterns, base)
    for entry in _among(str(side.folder / "extensions"), warnings):
        info = SourceInfo(entry.file, "auto", side.scope, base_dir=base)
        yield entry, info, is_enabled(entry.place, overrides, base)


def _at(path: str, warnings: list[str]) -> list[_Entry]:
    """What a path stands for: a file, a folder that is an extension, or a folder of extensions."""
    if os.path.isdir(path):  # noqa: PTH112 (false instead of an error for what can't be a path)
        return _in_folder(path, warnings) or list(_among(path, warnings))
    return [_in_file(path)] if path.endswith(".py") and is_file(path) else []


def _among(folder: str, warnings: list[str]) -> Iterator[_Entry]:
    """The extensions that lie in a folder, by name, and not deeper."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except (OSError, ValueError):  # missing, forbidden, or no path at all: nothing is there
        return
    rules = ignore_rules(folder, {entry.name for entry in entries})
    for entry, is_folder in visible(entries, rules):
        if entry.name.startswith("_"):
            continue
        if is_folder:
            yield from _in_folder(entry.path, warnings)
        elif entry.name.endswith(".py") and probe(entry.is_file):
            yield _Entry(entry.path, entry.path, entry.name.removesuffix(".py"))


def _in_file(path: str) -> _Entry:
    folder, base = os.path.split(path)
    if base in MAIN_FILES:
        return _Entry(folder, path, os.path.basename(folder), folder)  # noqa: PTH119
    return _Entry(path, path, base.removesuffix(".py"))


def _in_folder(folder: str, warnings: list[str]) -> list[_Entry]:
    """What a folder is as an extension: what its pyproject.toml lists, else its main file; or nothing."""
    listed = _listed(folder, warnings)
    if listed is not None:
        return listed
    files = (os.path.join(folder, name) for name in MAIN_FILES)  # noqa: PTH118
    return [_in_file(file) for file in files if is_file(file)][:1]


def _listed(folder: str, warnings: list[str]) -> list[_Entry] | None:
    """The files of `[tool.pi] extensions` in the folder's pyproject.toml; None when it says nothing."""
    manifest = os.path.join(folder, "pyproject.toml")  # noqa: PTH118
    match _read_toml(manifest, warnings):
        case {"tool": {"pi": {"extensions": texts}}, **rest}:
            pass
        case _:
            return None
    if not isinstance(texts, list):
        warnings.append(f"{manifest}: [tool.pi] extensions must be a list of paths to Python files.")
        return []
    entries: list[_Entry] = []
    for text in cast(list[object], texts):
        path = os.path.normpath(os.path.join(folder, text)) if isinstance(text, str) else ""  # noqa: PTH118
        if path.endswith(".py") and is_file(path):
            name = _in_file(path).name
            entries.append(_Entry(folder, path, name, os.path.dirname(path)))  # noqa: PTH120
        else:
            warnings.append(
                f"{manifest}: [tool.pi] extensions lists {text!r}, which is no Python file there."
            )
    if len(entries) == 1:
        entry = entries[0]
        return [_Entry(folder, entry.file, _project_name(rest) or os.path.basename(folder), entry.root)]  # noqa: PTH119
    return entries


def _project_name(manifest: dict[str, Any]) -> str:
    match manifest:
        case {"project": {"name": str(name)}}:
            return name.strip()
        case _:
            return ""


def _read_toml(path: str, warnings: list[str]) -> dict[str, Any] | None:
    if not is_file(path):
        return None
    import tomllib

    try:
        return tomllib.loads(Path(path).read_bytes().decode())
    except (OSError, ValueError, RecursionError) as error:  # also for what is no TOML, or no UTF-8
        warnings.append(f"{path} is passed over until it is mended: {error}.")
        return None


def _why_not(path: str) -> str:
    """What to do about a named path that holds no extension of ours."""
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122
    if not os.path.lexists(path):
        return f"{path} doesn't exist, so no extension is loaded from it. Check the path after -e."
    if os.path.isdir(path):  # noqa: PTH112
        if not os.access(path, os.R_OK | os.X_OK):
            return f"{path} can't be read, so no extension is loaded from it. Change its permissions."
        if is_file(os.path.join(path, "package.json")):  # noqa: PTH118
            return f"{path} is an npm package: it runs in the original only. Name one written in Python."
        return f"{path} has no extension in it. Put `def extension(pi):` into an extension.py there."
    if suffix in _FOREIGN:
        return f"{path} is {_FOREIGN[suffix]}: it runs in the original only. Name a Python file or a folder."
    return f"{path} is neither a Python file nor a folder, so no extension is loaded from it."

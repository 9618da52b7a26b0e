"""The list of sessions, filtered and sorted; what is known of unchanged files comes from a small cache."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from pi.harness.storage.entries import UNREADABLE
from pi.harness.storage.files import SessionDir
from pi.harness.storage.scan import SessionRow, read_row
from pi.harness.storage.search import parse_query, search

__all__ = ["SessionRow", "Sort", "list_sessions"]

Sort = Literal["recent", "threaded", "relevance"]

_FORMAT = 1  # of the cache; another number's is ignored


class _Known(Struct, frozen=True, array_like=True):
    """A row, and the file that it was read from: when that has changed, the row counts no more."""

    size: int
    mtime_ns: int
    row: SessionRow


class _Cache(Struct, frozen=True):
    format: int
    known: list[_Known]


def list_sessions(
    directory: SessionDir,
    *,
    all_projects: bool = False,
    named_only: bool = False,
    query: str = "",
    sort: Sort = "recent",
) -> list[SessionRow]:
    """This project's sessions, or those of all; the latest first, forks under their parents, or best matches.

    With a query there are no threads: "threaded" then sorts as "relevance". What can't be read is left out.
    Raises SearchError.
    """
    wanted = parse_query(query)
    rows = [row for row in _rows(directory, all_projects=all_projects) if row.name or not named_only]
    rows.sort(key=lambda row: (-row.modified, row.path))
    if not query.strip():
        return _threaded(rows) if sort == "threaded" else rows
    found = search(wanted, rows)
    if sort != "recent":
        found.sort(key=lambda it: it[0])  # stable: of equal ones the latest stays first
    return [row for _, row in found]


def _rows(directory: SessionDir, *, all_projects: bool) -> list[SessionRow]:
    cache = directory.root.parent / "cache" / "sessions.json"
    folders = _folders(directory.root) if all_projects and not directory.chosen else [directory.path]
    remembered = _load(cache)
    known: dict[Path, _Known] = {}
    for path, state in (found for folder in folders for found in _files(folder)):
        old = remembered.get(path)
        if old and (old.size, old.mtime_ns) == (state.st_size, state.st_mtime_ns):
            known[path] = old
        elif row := read_row(path, state.st_mtime_ns // 1_000_000):
            known[path] = _Known(state.st_size, state.st_mtime_ns, row)
    listed = set(folders)
    others = {path: it for path, it in remembered.items() if path.parent not in listed}
    if remembered != {**others, **known}:
        _save(cache, [*others.values(), *known.values()])
    rows = [it.row for it in known.values()]
    return (
        rows if all_projects or not directory.chosen else [row for row in rows if _is_of(row, directory.cwd)]
    )


def _is_of(row: SessionRow, cwd: Path) -> bool:
    return bool(row.cwd) and os.path.abspath(row.cwd) == os.path.abspath(cwd)  # noqa: PTH100 - links stay


def _folders(root: Path) -> list[Path]:
    try:
        return [path for path in root.iterdir() if path.is_dir()]
    except OSError:
        return []


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    try:
        with os.scandir(folder) as entries:
            names = [entry for entry in entries if entry.name.endswith(".jsonl")]
    except OSError:
        return
    for entry in names:
        try:
            yield Path(entry.path), entry.stat()
        except OSError:
            continue  # deleted meanwhile, or a link to nowhere


def _load(cache: Path) -> dict[Path, _Known]:
    """What an earlier list left; a cache that is missing, damaged or of another format holds nothing."""
    try:
        read = msgspec.json.decode(cache.read_bytes(), type=_Cache, dec_hook=_path)
    except (OSError, *UNREADABLE):
        return {}
    return {known.row.path: known for known in read.known} if read.format == _FORMAT else {}


def _save(cache: Path, known: Sequence[_Known]) -> None:
    from pi.platform.files import write_atomic

    storable = [it for it in known if str(it.row.path).isascii() or _is_unicode(str(it.row.path))]
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        # it quotes conversations: nobody else may read it
        write_atomic(cache, msgspec.json.encode(_Cache(_FORMAT, storable), enc_hook=str), mode=0o600)
    except OSError:
        pass  # a cache saves time, nothing else


def _path(kind: type, value: Any) -> Any:
    return kind(value)


def _is_unicode(path: str) -> bool:
    """Whether JSON can hold the path; names of other encodings are read anew each time."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _threaded(rows: Sequence[SessionRow]) -> list[SessionRow]:
    """Each fork under its parent, threads and forks by what was said last in them."""
    by_path = {os.path.realpath(row.path): row for row in rows}
    parents = _parents(by_path)
    children: dict[str | None, dict[str, None]] = {}  # in order of the latest row below each
    for path in by_path:
        at: str | None = path
        while at is not None and at not in (siblings := children.setdefault(parents[at], {})):
            siblings[at] = None
            at = parents[at]
    threaded: list[SessionRow] = []
    pending = [(path, 0) for path in reversed(children.get(None, {}))]
    while pending:
        path, depth = pending.pop()
        threaded.append(msgspec.structs.replace(by_path[path], depth=depth))
        pending += [(child, depth + 1) for child in reversed(children.get(path, {}))]
    return threaded


def _parents(by_path: dict[str, SessionRow]) -> dict[str, str | None]:
    """The parent of each that is in the list; headers that lead in a circle have one link less."""
    parents: dict[str, str | None] = {}
    for path, row in by_path.items():
        parent = os.path.realpath(row.parent) if row.parent else None
        parents[path] = parent if parent in by_path else None
    for path in parents:
        at, passed = parents[path], set[str]()
        while at is not None and at != path and at not in passed:
            passed.add(at)
            at = parents[at]
        if at == path:
            parents[path] = None
    return parents

"""All that was spent, each request counted once, from session files that are read as far as they are new."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path

import msgspec
from msgspec import Struct

from pi.harness.spending.spend_scan import Scan, Spend, scan
from pi.harness.storage.entries import UNREADABLE

CHILD_LAG_MS = 60_000  # a parent notes what its child has spent at once; it may have been busy

_FORMAT = 1  # of the cache; another number's is ignored
_CHILDREN = "children"  # in a folder of sessions, those that sessions have opened themselves

_Amount = tuple[int, int, int, int, float]


class _Cache(Struct, frozen=True):
    format: int
    folder: str
    scans: list[Scan]


class Ledger:
    """The spends of all sessions below an agent directory, and in `folders` that lie elsewhere.

    What is known of unchanged files comes from `usage/` in the agent directory, one file a folder.
    """

    def __init__(self, agent_dir: Path, folders: Sequence[Path] = ()):
        self._root = agent_dir.absolute() / "sessions"
        self._cache = agent_dir / "usage"
        self._more = [folder.absolute() for folder in folders]
        self._known: dict[Path, dict[str, Scan]] = {}
        self._unsaved: set[Path] = set()

    def update(self, since_ms: int = 0) -> None:
        """Read what is new in all files that were changed since then (ms since 1970)."""
        for folder in self._folders():
            self._update(folder, since_ms)

    def spends(self, since_ms: int = 0, until_ms: int | None = None) -> Iterator[tuple[Scan, Spend]]:
        """Each spend once, with the file that has it first; `until_ms` is not part of the time.

        Forks, clones and imported copies repeat entries; parents repeat what their children have spent.
        """
        seen: set[int] = set()
        scans = {
            str(folder / name): each
            for folder, known in self._known.items()
            for name, each in known.items()
            if each.mtime_ns >= since_ms * 1_000_000
        }
        repeated = _Repeated(scans)
        for path, each in sorted(scans.items(), key=lambda it: (it[1].began, it[0])):
            for spend in each.spends:
                if spend.at_ms < since_ms or spend.key in seen or repeated.above(path, spend):
                    continue
                seen.add(spend.key)
                if until_ms is None or spend.at_ms < until_ms:
                    yield each, spend

    def cost(self, since_ms: int) -> float:
        """USD that were spent since then."""
        return sum(spend.cost for _, spend in self.spends(since_ms))

    def save(self) -> None:
        """Keep what was read for the next time. Nothing fails when it can't be written."""
        from pi.platform.files import write_atomic

        for folder in self._unsaved:
            cache = _Cache(_FORMAT, str(folder), list(self._known[folder].values()))
            try:
                self._cache.mkdir(parents=True, exist_ok=True)
                # it quotes conversations: nobody else may read it
                write_atomic(self._cache_file(folder), msgspec.json.encode(cache), mode=0o600)
            except (OSError, UnicodeEncodeError):
                pass  # a cache saves time, nothing else
        self._unsaved.clear()

    def _folders(self) -> Iterator[Path]:
        own = [Path(entry.path) for entry in _entries(self._root) if entry.is_dir()]
        for folder in dict.fromkeys((*own, *self._more)):
            yield folder
            if (folder / _CHILDREN).is_dir():
                yield folder / _CHILDREN

    def _update(self, folder: Path, since_ms: int) -> None:
        files = [entry for entry in _entries(folder) if entry.name.endswith(".jsonl")]
        present = {entry.name: status for entry in files if (status := _status(entry)) is not None}
        wanted = {name for name, it in present.items() if it.st_mtime_ns >= since_ms * 1_000_000}
        if folder not in self._known:
            if not wanted:
                return
            self._known[folder] = self._load(folder)
        known = self._known[folder]
        for name in known.keys() - present.keys():
            del known[name]
            self._unsaved.add(folder)
        for name in wanted:
            self._look(folder, name, present[name])

    def _look(self, folder: Path, name: str, status: os.stat_result) -> None:
        known = self._known[folder]
        old = known.get(name)
        if old is not None and (old.size, old.mtime_ns) == (status.st_size, status.st_mtime_ns):
            return
        new = scan(folder / name, status, old)
        if new is not None:
            known[name] = new
        elif old is not None:
            del known[name]
        self._unsaved.add(folder)

    def _load(self, folder: Path) -> dict[str, Scan]:
        try:
            read = msgspec.json.decode(self._cache_file(folder).read_bytes(), type=_Cache)
        except (OSError, *UNREADABLE):
            return {}
        fits = read.format == _FORMAT and read.folder == str(folder)
        return {each.name: each for each in read.scans} if fits else {}

    def _cache_file(self, folder: Path) -> Path:
        return self._cache / f"{hashlib.blake2b(os.fsencode(folder), digest_size=12).hexdigest()}.json"


class _Repeated:
    """Which spends of child sessions stand in their parents too; each there answers for one below."""

    def __init__(self, scans: dict[str, Scan]):
        self._scans = scans
        self._noted: dict[str, dict[_Amount, list[int]]] = {}

    def above(self, path: str, spend: Spend) -> bool:
        """Whether the parent of a file has noted a spend of it."""
        parent = self._scans[path].parent
        if parent not in self._scans or parent == path:
            return False
        noted = self._noted.get(parent)
        if noted is None:
            noted = self._noted[parent] = _noted(self._scans[parent])
        times = noted.get(_amount(spend), [])
        found = next((at for at in times if 0 <= at - spend.at_ms <= CHILD_LAG_MS), None)
        if found is not None:
            times.remove(found)
        return found is not None


def _noted(parent: Scan) -> dict[_Amount, list[int]]:
    times: dict[_Amount, list[int]] = {}
    for spend in parent.spends:
        if spend.child:
            times.setdefault(_amount(spend), []).append(spend.at_ms)
    return times


_amount = attrgetter("input", "output", "cache_read", "cache_write", "cost")


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:  # there is none, or it isn't ours
        return []


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat()
    except OSError:  # deleted meanwhile, or a link to nowhere
        return None

"""Where theme files lie: flags and extensions, the trusted project, the user's folder, and settings."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from pi.harness.settings import Settings


class Sources:
    """Finds theme files; the first of a name wins."""

    def __init__(
        self,
        agent_dir: Path,
        settings: Settings,
        project: Path | None = None,
        extra: Sequence[str | Path] = (),
        find: bool = True,
    ):
        self.setting = settings.text("theme")  # the theme that is wished for
        self.folder = agent_dir / "themes"  # whose files are read again when they change
        self._agent_dir = agent_dir
        self._settings = settings
        self._project = project
        self._extra = extra
        self._find = find

    def files(self, warnings: list[str]) -> list[Path]:
        """The files, those that win first, each once."""
        found: list[Path] = []
        for given in self._extra:
            path = _resolved(str(given), Path.cwd())
            files = _in(path)
            if not files and not path.is_dir():
                warnings.append(f"There is no theme file {path}.")
            found += files
        if self._find:
            of_project = self._settings.of_project().texts("themes") or []
            of_user = (self._settings.texts("themes") or [])[len(of_project) :]
            if self._project is not None:
                found += _of_side(self._project, of_project)
            found += _of_side(self.folder, of_user)
        return list({os.path.realpath(path): path for path in reversed(found)}.values())[::-1]


def _of_side(folder: Path, entries: Sequence[str]) -> Iterable[Path]:
    """The files of a folder and of settings beside it, without those that patterns switch off."""
    own = _in(folder)
    if not entries:
        return own
    from pi.harness.discovery import is_enabled

    base = folder.parent
    patterns = [entry for entry in entries if entry[:1] in "!+-" or "*" in entry or "?" in entry]
    overrides = [pattern for pattern in patterns if pattern[:1] in "!+-"]
    listed = [path for entry in entries if entry not in patterns for path in _in(_resolved(entry, base))]
    return [path for path in listed if is_enabled(str(path), patterns, str(base))] + [
        path for path in own if is_enabled(str(path), overrides, str(base))
    ]


def _resolved(given: str, base: Path) -> Path:
    from pi.harness.discovery import resolve_path

    return Path(resolve_path(given, base))


def _in(path: Path) -> list[Path]:
    """The theme files of a folder, or the file itself."""
    try:
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries if entry.name.endswith(".json"))
    except NotADirectoryError:
        return [path]
    except OSError:  # missing or forbidden: nothing is there
        return []
    return [path / name for name in names]

"""Where skills and prompt templates lie: folders of the user and the project, settings, flags."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from pi.harness.settings import Settings
from pi.harness.storage.files import expand
from pi.platform.globs import IgnoreRule, glob_matches, ignore_rules, is_ignored

Kind = Literal["skills", "prompts"]
SKILL_FILE = "SKILL.md"


class SourceInfo(Struct, frozen=True, rename="camel"):
    """Where a resource comes from, in the words of the RPC protocol."""

    path: str
    source: Literal["local", "auto", "cli"]  # named by settings or a flag, found in a folder, or given by -e
    scope: Literal["user", "project", "temporary"]
    origin: Literal["top-level", "package"] = "top-level"
    base_dir: str | UnsetType = UNSET


class Side(Struct, frozen=True):
    """What one side brings along: its folder, its own settings, and its `.agents/skills` folders."""

    scope: Literal["user", "project"]
    folder: Path
    settings: Settings
    agents: tuple[Path, ...] = ()


class _Layout(Struct, frozen=True):
    """Which Markdown files of a folder count, at its top and below; a SKILL.md stands for its folder."""

    skills: bool
    top: bool
    below: bool


_FOUND: Mapping[Kind, _Layout] = {
    "skills": _Layout(skills=True, top=True, below=False),
    "prompts": _Layout(skills=False, top=True, below=False),
}
_LISTED: Mapping[Kind, _Layout] = {
    "skills": _FOUND["skills"],
    "prompts": _Layout(skills=False, top=True, below=True),
}
_AGENTS = _Layout(skills=True, top=False, below=True)


def user_side(agent_dir: Path, settings: Settings) -> Side:
    """The user's side: the agent directory and `~/.agents`."""
    return Side("user", agent_dir.absolute(), settings, (_user_agents(),))


def project_side(cwd: Path, settings: Settings) -> Side:
    """The side of a project that is trusted: `.pi`, and `.agents` from `cwd` up to the repository's root."""
    agents: list[Path] = []
    for folder in (cwd, *cwd.parents):
        agents.append(folder / ".agents" / "skills")
        if os.path.exists(folder / ".git"):  # noqa: PTH110 (false instead of an error for a forbidden folder)
            break
    of_user = _user_agents()
    return Side("project", cwd / ".pi", settings, tuple(path for path in agents if path != of_user))


def find_resources(
    kind: Kind, sides: Sequence[Side], named: Sequence[str], cwd: Path, warnings: list[str]
) -> list[SourceInfo]:
    """The files of one kind, each once, the ones that win first: the sides in order, then `named` paths.

    Of a side come first those that its settings list. What settings switch off is left out, unless it is
    named. Relative names count from `cwd`.
    """
    files: dict[str, SourceInfo | None] = {}
    for side in sides:
        for info, enabled in _of_side(kind, side):
            files.setdefault(os.path.realpath(info.path), info if enabled else None)
    on = {real: info for real, info in files.items() if info is not None}
    for info in _named(kind, named, cwd, warnings):
        on.setdefault(os.path.realpath(info.path), info)
    return list(on.values())


def _named(kind: Kind, paths: Sequence[str], cwd: Path, warnings: list[str]) -> Iterator[SourceInfo]:
    for given in paths:
        path = resolve_path(given, cwd)
        if os.path.isdir(path):  # noqa: PTH112 (as in is_file)
            files = list(_walk(path, _FOUND[kind]))
        elif path.endswith(".md") and is_file(path):
            files = [path]
        else:
            files = []
            warnings.append(f"{path} is neither a Markdown file nor a folder, so it adds no {kind}.")
        for file in files:
            yield SourceInfo(file, "local", "temporary", base_dir=str(Path(file).parent))


def _of_side(kind: Kind, side: Side) -> Iterator[tuple[SourceInfo, bool]]:
    entries = [entry.strip() for entry in side.settings.texts(kind) or () if entry.strip()]
    patterns = [entry for entry in entries if entry[0] in "!+-" or "*" in entry or "?" in entry]
    for entry in entries:
        if entry not in patterns:
            for file in _listed(kind, resolve_path(entry, side.folder)):
                yield SourceInfo(file, "local", side.scope), is_enabled(file, patterns, str(side.folder))
    overrides = [pattern for pattern in patterns if pattern[0] in "!+-"]
    folders = [(side.folder / kind, _FOUND[kind])]
    if kind == "skills":
        folders += [(folder, _AGENTS) for folder in side.agents]
    for folder, layout in folders:
        base = str(folder.parent)
        for file in _walk(str(folder), layout):
            yield SourceInfo(file, "auto", side.scope, base_dir=base), is_enabled(file, overrides, base)


def _listed(kind: Kind, path: str) -> list[str]:
    """What a settings entry names; nothing when it isn't there: settings travel between machines."""
    return [path] if is_file(path) else list(_walk(path, _LISTED[kind]))


def is_enabled(file: str, patterns: Sequence[str], base: str) -> bool:
    """What the patterns say of a file: globs choose, `!` takes, `+` gives back, `-` has the last word."""
    if not patterns:
        return True
    exact = set(_names(file, base))
    loose = {*exact, *(name.rpartition("/")[2] for name in exact)}

    def named(mark: str) -> bool:
        return any(pattern[1:].removeprefix("./") in exact for pattern in patterns if pattern[0] == mark)

    def globbed(globs: Sequence[str]) -> bool:
        return any(glob_matches(glob, name) for glob in globs for name in loose)

    chosen = [pattern for pattern in patterns if pattern[0] not in "!+-"]
    enabled = not chosen or globbed(chosen)
    enabled = enabled and not globbed([pattern[1:] for pattern in patterns if pattern[0] == "!"])
    return (enabled or named("+")) and not named("-")


def _names(file: str, base: str) -> Iterator[str]:
    """How a pattern may call a file: by its path, also from `base`; a skill also by its folder's."""
    path = Path(file)
    for place in (path, path.parent) if path.name == SKILL_FILE else (path,):
        yield place.as_posix()
        try:
            yield Path(os.path.relpath(place, base)).as_posix()
        except ValueError:  # on another drive of Windows there is no way from here to there
            pass


def _walk(
    folder: str,
    layout: _Layout,
    outer: Sequence[IgnoreRule] = (),
    links: set[str] | None = None,
) -> Iterator[str]:
    """The files that count, by name; `links` are the targets of links already followed, `None` at the top."""
    try:
        with os.scandir(folder) as listing:
            entries = {entry.name: entry for entry in sorted(listing, key=lambda entry: entry.name)}
    except (OSError, ValueError):  # missing, forbidden, or no path at all: nothing is there
        return
    rules = [*outer, *ignore_rules(folder, entries)]
    skill = entries.get(SKILL_FILE) if layout.skills else None
    if skill and probe(skill.is_file) and not is_ignored(skill.path, rules, folder=False):
        yield skill.path
        return
    counts = layout.top if links is None else layout.below
    links = set() if links is None else links
    for entry, is_folder in visible(entries.values(), rules):
        if not is_folder:
            if counts and entry.name.endswith(".md") and probe(entry.is_file):
                yield entry.path
        elif (layout.skills or layout.below) and _is_new(entry, links):
            yield from _walk(entry.path, layout, rules, links)


def visible(
    entries: Iterable[os.DirEntry[str]], rules: Sequence[IgnoreRule]
) -> Iterator[tuple[os.DirEntry[str], bool]]:
    """What is neither hidden nor ignored, and whether it is a folder."""
    for entry in entries:
        if entry.name.startswith(".") or entry.name == "node_modules":
            continue
        is_folder = probe(entry.is_dir)
        if not is_ignored(entry.path, rules, folder=is_folder):
            yield entry, is_folder


def _is_new(entry: os.DirEntry[str], links: set[str]) -> bool:
    """Whether a folder is to be entered: one behind a link only once, so that links in a circle end."""
    if not entry.is_symlink():
        return True
    target = os.path.realpath(entry.path)
    known = target in links
    links.add(target)
    return not known


def probe(question: Callable[[], bool]) -> bool:
    """The answer of the file system, False where it can't say."""
    try:
        return question()
    except OSError:  # links that lead round in a circle, folders that are forbidden
        return False


def is_file(path: str) -> bool:
    """Whether it is a file; False for what can't be a path."""
    return os.path.isfile(path)  # noqa: PTH113 (false instead of an error for what can't be a path)


def resolve_path(path: str, base: Path) -> str:
    """An entry of settings or a flag as a path; relative ones count from `base`."""
    return os.path.normpath(base / expand(path.strip(), os.environ))


def _user_agents() -> Path:
    return expand("~/.agents/skills", os.environ)

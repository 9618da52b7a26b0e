"""The texts that shape a session: context files from the agent directory and up the tree, prompt files."""

from pathlib import Path

from msgspec import Struct

from pi.platform.errors import ConfigError

CONTEXT_NAMES = ("AGENTS.override.md", "AGENTS.md", "AGENTS.MD", "CLAUDE.md", "CLAUDE.MD")


class ContextFile(Struct, frozen=True):
    """Instructions for the model, as a project or the user wrote them."""

    path: Path
    text: str


def find_context_files(cwd: Path, agent_dir: Path, warnings: list[str]) -> list[ContextFile]:
    """The first context file of the agent directory and of each folder from the root down to `cwd`."""
    shadowed = _shadowed_by_worktree(cwd)
    found: dict[Path, ContextFile] = {}
    for folder in (agent_dir, *reversed(cwd.parents), cwd):
        path = _context_path(folder)
        if path is None or path in found or (shadowed is not None and path.resolve() == shadowed):
            continue
        try:
            found[path] = ContextFile(path, read_text(path))
        except OSError as error:
            warnings.append(f"Can't read {path}: {error.strerror}. It is left out of the context.")
    return list(found.values())


def read_text(path: Path) -> str:
    """A text file without its byte order mark; bytes that are no UTF-8 are replaced."""
    return path.read_bytes().decode("utf-8-sig", "replace")


def prompt_file(name: str, *, cwd: Path | None, agent_dir: Path) -> str | None:
    """SYSTEM.md or APPEND_SYSTEM.md: of the project (`cwd` only when it is trusted), else the user's."""
    for folder in (*((cwd / ".pi",) if cwd else ()), agent_dir):
        path = folder / name
        if path.is_file():
            return read_text(path)
    return None


def text_or_file(value: str) -> str:
    """What a prompt flag says: the file's text if it names one, otherwise itself."""
    path = Path(value)
    try:
        return read_text(path) if path.is_file() else value
    except (OSError, ValueError) as error:  # a long or odd text is no path
        if isinstance(error, PermissionError):
            raise ConfigError(f"Can't read {path}: {error.strerror}.") from error
        return value


def _context_path(folder: Path) -> Path | None:
    return next((path for name in CONTEXT_NAMES if (path := folder / name).is_file()), None)


def _shadowed_by_worktree(cwd: Path) -> Path | None:
    """In a git worktree inside its main repository, the main copy of the worktree's own context file."""
    for root in (cwd, *cwd.parents):
        link = root / ".git"
        if link.is_dir():
            return None
        if link.is_file():
            break
    else:
        return None
    own = _context_path(root)
    target = link.read_text(encoding="utf-8", errors="replace").strip().removeprefix("gitdir:").strip()
    git_dir = (root / target).resolve()  # MAIN/.git/worktrees/NAME
    if own is None or git_dir.parent.name != "worktrees" or git_dir.parents[1].name != ".git":
        return None
    main = git_dir.parents[2]
    return main / own.name if main in root.resolve().parents else None

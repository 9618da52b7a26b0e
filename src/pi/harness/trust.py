"""Project trust: whether this folder's own settings and prompts are obeyed."""

from pathlib import Path
from typing import Any, cast

from pi.platform.errors import ConfigError
from pi.platform.jsonc import loads_jsonc

PROTECTED = (
    "settings.json",
    "mcp.json",
    "extensions",
    "skills",
    "prompts",
    "themes",
    "SYSTEM.md",
    "APPEND_SYSTEM.md",
)


def is_trusted(cwd: Path, agent_dir: Path, *, decision: bool | None, default: str) -> bool:
    """Whether what the project at `cwd` brings along is used.

    `decision` is the flag's; else the nearest saved one counts, else `default` ("always" trusts; "ask" can't
    ask without a terminal, so it doesn't). A project that brings nothing protected needs no trust.
    """
    if decision is not None:
        return decision
    if not any((cwd / ".pi" / name).exists() for name in PROTECTED) and not _has_agents_skills(cwd):
        return True
    saved = _saved_decision(cwd.resolve(), agent_dir / "trust.json")
    return saved if saved is not None else default == "always"


def _has_agents_skills(cwd: Path) -> bool:
    own = Path.home() / ".agents" / "skills"  # the user's, not a project's
    found = (folder / ".agents" / "skills" for folder in (cwd, *cwd.parents))
    return any(path != own and path.is_dir() for path in found)


def _saved_decision(cwd: Path, path: Path) -> bool | None:
    try:
        value = loads_jsonc(path.read_bytes(), source=str(path))
    except (OSError, ConfigError):  # no decision can be read: nothing is trusted
        return None
    if not isinstance(value, dict):
        return None
    decisions = cast(dict[str, Any], value)
    for folder in (cwd, *cwd.parents):
        if isinstance(saved := decisions.get(str(folder)), bool):
            return saved
    return None

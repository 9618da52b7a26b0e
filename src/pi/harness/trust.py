"""Project trust: whether this folder's own settings and prompts are obeyed."""

import os  # its tests take a folder that may not be entered for one that isn't there
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

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
    if not needs_trust(cwd):
        return True
    saved = saved_trust(cwd, agent_dir)
    return saved if saved is not None else default == "always"


def needs_trust(cwd: Path) -> bool:
    """Whether the project at `cwd` brings anything that is used only with trust."""
    return next(protected_in(cwd), None) is not None


def protected_in(cwd: Path) -> Iterator[str]:
    """What the project at `cwd` brings that is used only with trust, relative to it where it lies in it."""
    for name in PROTECTED:
        if os.path.exists(cwd / ".pi" / name):  # noqa: PTH110
            yield f".pi/{name}"
    own = Path.home() / ".agents" / "skills"  # the user's, not a project's
    for folder in (cwd, *cwd.parents):
        skills = folder / ".agents" / "skills"
        if skills != own and os.path.isdir(skills):  # noqa: PTH112
            yield ".agents/skills" if folder == cwd else str(skills)


def save_trust(agent_dir: Path, path: Path, decision: bool | None) -> None:
    """Remember in trust.json whether the folder `path` and what lies below it are trusted; None forgets it.

    Raises ConfigError when the file can't be used, and LockedError; then it is as it was.
    """
    from pi.platform.jsonc_edit import dumps_json  # most runs decide nothing
    from pi.platform.locks import update_file

    store = agent_dir / "trust.json"

    def change(old: bytes | None) -> bytes:
        decisions = _decisions(b"{}" if old is None else old, store)
        decisions.pop(str(path.resolve()), None)
        if decision is not None:
            decisions[str(path.resolve())] = decision
        return (dumps_json(dict(sorted(decisions.items())), "  ") + "\n").encode()

    update_file(store, change)


def _decisions(raw: bytes, path: Path) -> dict[str, bool | None]:
    value = loads_jsonc(raw, source=str(path))
    try:
        return msgspec.convert(value, dict[str, bool | None])
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"{path} must map folders to true, false or null: {error}. Mend it first."
        ) from None


def saved_trust(cwd: Path, agent_dir: Path) -> bool | None:
    """What was decided for the folder, or the nearest above it; None for no decision."""
    path, cwd = agent_dir / "trust.json", cwd.resolve()
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

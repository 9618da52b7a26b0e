"""The extensions of a project's sessions: which there are, and whether the project's own may be used."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from pi.harness.discovery import project_side, user_side
from pi.harness.settings import Settings, load_settings
from pi.harness.trust import is_trusted, needs_trust, save_trust
from pi.harness.ui import UI
from pi.platform.errors import PiError

if TYPE_CHECKING:
    from pi.harness.extensions.finding import Source
    from pi.harness.extensions.host import ExtensionHost
    from pi.harness.extensions.load_requests import LoadRequests


class ExtensionChoice(Struct, frozen=True):
    """Extensions by path and by their `extension(pi)` function, and whether those of folders are used too."""

    paths: tuple[str, ...] = ()
    inline: tuple[Callable[[Any], Any], ...] = ()
    find: bool = True


async def load_extensions(
    cwd: Path,
    agent_dir: Path,
    choice: ExtensionChoice,
    *,
    ui: UI | None = None,
    trust: bool | None = None,
    ask: Callable[[], Awaitable[bool | None]] | None = None,
) -> "ExtensionHost | None":
    """The extensions of a project's sessions, loaded and declared; None when there are none.

    Where trust is an open question, those of the user are asked before the project's are loaded, then people
    by `ask`, which gives None where what is saved or the default counts. What is
    wrong with one is in the host's `problems`; nothing is raised.
    """
    settings = load_settings(agent_dir, None)
    trusted = trusted_in(cwd, agent_dir, settings, trust)
    named = choice.paths or choice.inline
    if not (named or (choice.find and _may_have_extensions(cwd, agent_dir, settings, trusted))):
        return None
    from pi.harness.extensions.finding import find_extensions

    open_question = trust is None and needs_trust(cwd)

    def find(warnings: list[str]) -> "Sequence[Source]":
        user_settings = load_settings(agent_dir, None)
        sides = [user_side(agent_dir, user_settings)]
        if trusted and not open_question:
            sides.insert(0, project_side(cwd, user_settings.with_project(cwd).of_project()))
        return find_extensions(sides if choice.find else [], choice.paths, cwd, warnings)

    host = new_host(agent_dir, ui=ui, find=find, inline=choice.inline)
    await host.load()
    if open_question:
        answer = await host.ask_trust(cwd)
        if answer is not None:
            trusted = answer.trusted
            if answer.remember:
                _remember(host, agent_dir, cwd, trusted)
        elif ask is not None and (said := await ask()) is not None:
            trusted = said
        open_question = False
        if trusted:
            await host.load()
    return host


def _remember(host: "ExtensionHost", agent_dir: Path, cwd: Path, trusted: bool) -> None:
    try:
        save_trust(agent_dir, cwd, trusted)
    except (PiError, OSError) as error:
        host.problem("project_trust", f"the decision is not remembered: {error}")


def new_host(agent_dir: Path, requests: "LoadRequests | None" = None, **given: Any) -> "ExtensionHost":
    """A host that keeps compiled code in the agent directory."""
    from pi.harness.extensions.host import ExtensionHost

    return ExtensionHost(cache_dir=agent_dir / "cache" / "extensions", requests=requests, **given)


def _may_have_extensions(cwd: Path, agent_dir: Path, settings: Settings, trusted: bool) -> bool:
    """Whether to look closer: the extension host costs imports, and most runs have no extensions."""
    folders = [agent_dir / "extensions", *([cwd / ".pi" / "extensions"] if trusted else [])]
    if any(folder.is_dir() for folder in folders):
        return True
    settings = settings.with_project(cwd) if trusted else settings
    return settings.get("pythonExtensions") is not None


def trusted_in(cwd: Path, agent_dir: Path, user_settings: Settings, decision: bool | None) -> bool:
    """Whether a project is trusted: the decision if there is one, else what is saved or the default."""
    default = user_settings.text("defaultProjectTrust") or "ask"
    return is_trusted(cwd, agent_dir, decision=decision, default=default)

"""What extensions are asked as a session begins: whether to trust the project, and for more resources."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pi.agent.hooks import Hooks
from pi.harness.extensions.answers import Resources, Trust
from pi.harness.extensions.dialogs import Dialogs
from pi.harness.extensions.events import ProjectTrust, ResourcesDiscover
from pi.harness.ui import UI

if TYPE_CHECKING:
    from pi.harness.extensions.declarations import Declared
    from pi.harness.session import Session


class TrustCtx:
    """The `ctx` of `project_trust`: there is no session yet."""

    def __init__(self, cwd: Path, ui: UI, owner: str):
        self.cwd = cwd
        self.mode: Literal["tui", "rpc", "json", "print", "sdk"] = ui.mode
        self.ui = Dialogs(ui, Hooks(), owner, lambda: None)


async def ask_trust(
    extensions: Iterable[tuple[str, "Declared"]], cwd: Path, ui: UI, problem: Callable[[str, str], None]
) -> Trust | None:
    """The first yes or no to a project; None when nobody decides."""
    hooks = Hooks(lambda failure: problem(failure.owner, f"failed in {failure.event}: {failure.error}"))
    for owner, declared in extensions:
        ctx = TrustCtx(cwd, ui, owner)
        for each in declared.handlers:
            if each.name == "project_trust":
                hooks.on(
                    each.name,
                    lambda event, run=each.run, ctx=ctx: run(event, ctx),
                    owner=owner,
                    limit_s=each.limit_s,
                )
    return await hooks.first("project_trust", ProjectTrust(cwd), (Trust,))


async def discover(
    session: "Session", hooks: Hooks, reason: Literal["startup", "reload"], themes: list[str]
) -> None:
    """Ask for more skills, prompt templates and themes, and let the session use them."""
    asked = ResourcesDiscover(session.store.cwd, reason)
    found: Sequence[Resources] = await hooks.answers("resources_discover", asked, (Resources,))
    themes += [path for each in found for path in each.themes if path not in themes]
    skills = [path for each in found for path in each.skills]
    prompts = [path for each in found for path in each.prompts]
    if session.setup.more is not None and (skills or prompts):
        session.state.setup = session.setup.more(session.setup, skills, prompts, session.warnings)

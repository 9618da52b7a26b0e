"""/reload: read settings, extensions, skills, prompts, context files, themes and keys again."""

from pi.modes.tui.commands.command import Command
from pi.modes.tui.commands.moving import moved, require_idle
from pi.modes.tui.loaded import loaded
from pi.modes.tui.stage import Stage


async def run(stage: Stage, args: str) -> None:
    """Read everything again, and tell how much there is of it."""
    require_idle(stage, "reload")
    stage.working("Reloading…")
    try:
        await stage.session.reload()
        stage.refresh_settings()
    finally:
        stage.working(None)
    counts = [
        _counted(kind.lower(), len(names)) for kind, names in loaded(stage.session, stage.themes) if names
    ]
    moved(stage, None, f"Reloaded: {', '.join(counts)}." if counts else "Reloaded.")


def _counted(kind: str, count: int) -> str:
    one = "context file" if kind == "context" else kind.removesuffix("s")
    return f"{count} {one}{'' if count == 1 else 's'}"


COMMAND = Command("reload", "Read settings, extensions, skills, themes and keys again", run)

"""/quit: end Pi."""

from pi.modes.tui.commands.command import Command
from pi.modes.tui.stage import Stage


async def run(stage: Stage, args: str) -> None:
    """End Pi; the session stays."""
    stage.quit()


COMMAND = Command("quit", "End Pi", run)

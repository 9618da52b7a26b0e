"""/compact: sum up what was said so far, to make room in the context."""

from pi.modes.tui.commands.command import Command
from pi.modes.tui.stage import Stage


async def run(stage: Stage, args: str) -> None:
    """Compact now; what comes of it is shown by the session's events."""
    await stage.session.compact(args.strip() or None)


COMMAND = Command("compact", "Sum up the conversation to make room", run, hint="[focus]")

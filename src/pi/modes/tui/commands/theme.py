"""`/theme`: the colours of the screen."""

from collections.abc import Sequence

from pi.modes.tui.commands.command import Command, Completion
from pi.modes.tui.lines import clean
from pi.modes.tui.pickers.themes import pick_theme
from pi.modes.tui.stage import Stage


async def run(stage: Stage, args: str) -> None:
    """Use the theme that is named, or let people choose one; it is kept in the settings."""
    name = args or await pick_theme(stage)
    if not name:
        return
    if args:
        stage.use_theme(name)
    stage.session.setup.settings.save("theme", name)
    stage.notify(f"Theme: {clean(name)}")


def complete(stage: Stage, prefix: str) -> Sequence[Completion]:
    """The names of the themes."""
    return [Completion(name, clean(name)) for name in stage.themes.names() if name.startswith(prefix)]


COMMAND = Command("theme", "Choose the colours of the screen", run, complete, "[name]")

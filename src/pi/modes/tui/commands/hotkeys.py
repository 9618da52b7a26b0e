"""/hotkeys: which key does what now."""

from typing import Any

from pi.modes.tui.commands.command import Command
from pi.modes.tui.stage import Stage


async def run(stage: Stage, args: str) -> None:
    """Show all keys that are bound, those of extensions among them."""
    from pi.modes.tui.blocks.notice import MarkdownBlock
    from pi.modes.tui.keys.hotkeys import hotkeys

    extensions = stage.session.extensions
    shortcuts: dict[str, tuple[str, Any]] = extensions.joined.shortcuts if extensions is not None else {}
    described = [(key, str(each.description)) for key, (_, each) in shortcuts.items()]
    stage.show(MarkdownBlock(hotkeys(stage.keymap, described), "Keys"))


COMMAND = Command("hotkeys", "Show all keys", run)

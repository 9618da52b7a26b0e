"""`/settings`: all settings in one table; what is changed counts at once."""

from typing import Any

from pi.agent.queue import QueueMode
from pi.modes.tui.commands.command import Command
from pi.modes.tui.commands.thinking import save_level
from pi.modes.tui.pickers.settings import SettingsPicker, ask_value
from pi.modes.tui.pickers.settings_table import Item, items
from pi.modes.tui.pickers.themes import pick_theme
from pi.modes.tui.pickers.thinking import pick_level
from pi.modes.tui.stage import Stage
from pi.platform.errors import PiError

_AT_THE_START = frozenset(
    ("quietStartup", "terminal.hyperlinks", "terminal.images", "terminal.trueColor", "collapseChangelog")
)


async def run(stage: Stage, args: str) -> None:
    """Show the table until people leave it; the argument is searched for."""
    selected, query, note = None, args, ""
    settings = stage.session.setup.settings
    while True:
        table = items(stage.session)
        picker = SettingsPicker(
            stage.keymap,
            table,
            settings,
            lambda item, value: change(stage, item, value),
            selected=selected,
            query=query,
            note=note,
        )
        row = await stage.ask(picker)
        if row is None:
            return
        selected, query = row.id, picker.query
        try:
            note = await _ask(stage, next(item for item in table if item.path == selected))
        except PiError as error:
            note = str(error)


def change(stage: Stage, item: Item, value: Any) -> str:
    """Save a value of a setting and let it count; what there is to say of it. Raises PiError."""
    session = stage.session
    settings = session.setup.settings
    if item.path in ("steeringMode", "followUpMode"):
        mode: QueueMode = "all" if value == "all" else "one-at-a-time"
        session.queue.set_mode(mode, steering=item.path == "steeringMode")
    else:
        settings.save(item.place, value)
    stage.refresh_settings()
    if value is not None and item.read(settings) != value:
        return "Saved, but this project's own settings have another value, which counts here."
    return f"{item.label} counts from the next start." if item.path in _AT_THE_START else ""


async def _ask(stage: Stage, item: Item) -> str:
    """Ask for a value in a panel of its own."""
    settings = stage.session.setup.settings
    match item.kind:
        case "theme":
            name = await pick_theme(stage)
            return "" if name is None else change(stage, item, name)
        case "level":
            if not stage.session.model.reasoning:
                return f"{stage.session.model.id} doesn't think. Choose another model with /model first."
            picked = await pick_level(stage, can_save=False)
            if picked is not None:
                await stage.session.models.think(picked.level)
                save_level(stage, picked.level)
            return ""
        case _:
            given = await ask_value(stage, item, item.read(settings))
            return "" if given is None else change(stage, item, given[0])


COMMAND = Command("settings", "Change settings", run, hint="[search]")

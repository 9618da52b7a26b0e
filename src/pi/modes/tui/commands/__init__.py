"""The slash commands of the terminal interface, one file each; imported when the first one is wanted."""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pi.modes.tui.commands.command import Command

MODULES = (  # in the order in which the menu shows them
    "model",
    "role",
    "thinking",
    "scoped_models",
    "settings",
    "theme",
    "login",
    "sessions",
    "tree",
    "fork",
    "compact",
    "copy",
    "export",
    "import_",
    "share",
    "usage",
    "trust",
    "reload",
    "hotkeys",
    "changelog",
    "debug",
    "quit",
)
HIDDEN = ("debug",)  # not in the menu


@cache
def all_commands() -> "dict[str, Command]":
    """The commands by name. A file has one COMMAND, or several COMMANDS."""
    found: dict[str, Command] = {}
    for name in MODULES:
        module = import_module(f"{__name__}.{name}")
        for command in getattr(module, "COMMANDS", None) or (module.COMMAND,):
            found[command.name] = command
    return found


def find_command(name: str) -> "Command | None":
    """The command of this name."""
    return all_commands().get(name)

"""All commands by name: one function each, in a file by subject."""

from pi.modes.rpc.call import Command
from pi.modes.rpc.commands import logins, models, own, prompting, sessions, settings, shell, state

COMMANDS: dict[str, Command] = {
    **prompting.COMMANDS,
    **state.COMMANDS,
    **models.COMMANDS,
    **settings.COMMANDS,
    **shell.COMMANDS,
    **sessions.COMMANDS,
    **logins.COMMANDS,
    **own.COMMANDS,
}

"""/fork: a new session from an earlier message; its text goes into the editor."""

from pi.modes.tui.commands.command import Command
from pi.modes.tui.commands.moving import moved, refused, require_idle
from pi.modes.tui.pickers.user_messages import user_message_picker, user_messages
from pi.modes.tui.stage import Stage


async def run(stage: Stage, args: str) -> None:
    """Choose a message of the active branch, and go on before it in a new session."""
    require_idle(stage, "fork")
    messages = user_messages(stage.session.store)
    if not messages:
        stage.notify("There is no message to fork from yet.")
        return
    row = await stage.ask(user_message_picker(stage.keymap, messages))
    if row is None:
        return
    require_idle(stage, "fork")
    done = await stage.session.tree.fork(row.id)
    if done.cancelled:
        refused(stage)
    else:
        moved(stage, done.text, "Forked: this is a new session, and the old one stays as it was.")


COMMAND = Command("fork", "New session from an earlier message", run)

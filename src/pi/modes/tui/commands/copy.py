"""/copy: the last answer to the clipboard."""

from pi.harness.storage.entries import MessageEntry
from pi.llm.messages import AssistantMessage
from pi.modes.tui.commands.command import Command
from pi.modes.tui.stage import Stage
from pi.platform.errors import PiError


async def run(stage: Stage, args: str) -> None:
    """Copy the text of the last answer that has one."""
    text = _last_answer(stage)
    if text is None:
        raise PiError("There is no answer to copy yet.")
    if not await stage.copy(text):
        raise PiError("There is no way to the clipboard here: no program for it, and no OSC 52.")
    lines = len(text.splitlines())
    stage.notify(f"Copied the last answer ({lines:,} {'line' if lines == 1 else 'lines'}).")


def _last_answer(stage: Stage) -> str | None:
    for entry in stage.session.store.newest_first():
        match entry:
            case MessageEntry(message=AssistantMessage() as message) if text := message.text.strip():
                return text
            case _:
                pass
    return None


COMMAND = Command("copy", "Copy the last answer", run)

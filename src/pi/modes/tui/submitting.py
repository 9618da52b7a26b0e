"""What Enter does: a slash command, a shell command, or something for the model."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Literal

from pi.harness.shell import ShellBlocked
from pi.llm.messages import Image
from pi.llm.registry import MissingKeyError
from pi.modes.tui.blocks.bash import BashBlock
from pi.modes.tui.commands import find_command
from pi.modes.tui.interface import Interface
from pi.platform.errors import PiError

When = Literal["steer", "follow_up"]


def submit(interface: Interface, text: str, *, when: When = "steer") -> None:
    """Begin what the text asks for; what comes of it is told by events."""
    text = text.strip()
    if not text:
        return
    interface.editor.history.add(text)
    interface.transcript.to_end()
    if text.startswith("/"):
        name, _, arguments = text[1:].partition(" ")
        command = find_command(name)
        if command is not None and not _is_extensions(interface, name):
            interface.spawn(command.run(interface, arguments.strip()))
            return
    if text.startswith("!"):
        excluded = text.startswith("!!")
        if command_line := text[2 if excluded else 1 :].strip():
            interface.spawn(_shell(interface, command_line, excluded=excluded))
            return
    session = interface.session
    if session.compacting and not session.busy:
        interface.held.append((text, when == "steer"))
        interface.show_waiting()
        return
    interface.spawn(prompt(interface, text, when))


async def prompt(interface: Interface, text: str, when: When, images: Sequence[Image] = ()) -> None:
    """Ask the model; what can't be asked goes back into the editor."""
    try:
        await interface.session.prompt(text, images=images, when_busy=when)
    except MissingKeyError as error:
        interface.notify(
            f"{error}\nLog in or add a key with /login, or choose another model with /model.", "error"
        )
        if not interface.editor_text:
            interface.editor_text = text
    except PiError:
        if not interface.editor_text:
            interface.editor_text = text  # nothing that was typed is lost
        raise


async def _shell(interface: Interface, command: str, *, excluded: bool) -> None:
    with _running(interface, command, excluded=excluded) as shown:
        try:
            shown.end(
                await interface.session.shell.run(command, exclude_from_context=excluded, id=shown.entry_id)
            )
        except ShellBlocked as error:
            interface.notify(str(error), "warning")


@contextmanager
def _running(interface: Interface, command: str, *, excluded: bool) -> Generator[BashBlock]:
    """The block of a command of the user, for as long as it runs."""
    block = BashBlock(command, excluded)
    block.entry_id = f"shell-{id(block)}"
    interface.shells.append(block)
    interface.show(block)
    interface.status.begin("shell", "Running", hint="to cancel")
    try:
        yield block
    finally:
        interface.shells.remove(block)
        if not interface.shells:
            interface.status.end("shell")


def _is_extensions(interface: Interface, name: str) -> bool:
    """Whether an extension has a command of this name: it comes before ours."""
    extensions = interface.session.setup.extensions
    return extensions is not None and extensions.has_command(name)

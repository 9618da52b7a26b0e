"""What the editor completes: slash commands and their arguments, files, paths, words of extensions."""

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

from pi.harness.commands import list_commands
from pi.modes.tui.editor.completions import Completions
from pi.modes.tui.editor.files import Files
from pi.modes.tui.editor.paths import Paths
from pi.modes.tui.editor.slash import Described, SlashArguments, SlashNames
from pi.modes.tui.editor.triggers import Triggers

if TYPE_CHECKING:
    from pi.modes.tui.interface import Interface


def completions_for(interface: "Interface") -> Completions:
    """All sources; what they need is looked up when something is typed."""

    def commands() -> Sequence[Described]:
        from pi.modes.tui.commands import HIDDEN, all_commands
        from pi.modes.tui.commands.command import Completion

        session = interface.session
        with_skills = session.setup.settings.flag("enableSkillCommands")
        found = {
            each["name"]: Completion(each["name"], each["name"], each["description"])
            for each in list_commands(session)
            if with_skills or each["source"] != "skill"
        }
        for name, command in all_commands().items():
            if name not in HIDDEN:
                label = f"{name} {command.hint}".strip()
                found.setdefault(name, Completion(name, label, command.description))
        return list(found.values())

    def arguments(name: str, prefix: str) -> Sequence[Described] | Awaitable[Sequence[Described]]:
        from pi.modes.tui.commands import find_command

        extensions = interface.session.setup.extensions
        if extensions is not None and extensions.has_command(name):
            return _of_extension(interface, name, prefix)
        command = find_command(name)
        return command.complete(interface, prefix) if command is not None and command.complete else ()

    return Completions(
        (
            SlashArguments(arguments),
            SlashNames(commands),
            Triggers(interface.on_screen.triggers),
            Files(lambda: interface.session.store.cwd),
            Paths(lambda: interface.session.store.cwd),
        )
    )


async def _of_extension(interface: "Interface", name: str, prefix: str) -> Sequence[Described]:
    from pi.modes.tui.commands.command import Completion

    return [Completion(text, text) for text in await interface.on_screen.arguments(name, prefix)]

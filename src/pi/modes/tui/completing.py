"""What the editor completes: slash commands and their arguments, files, paths, words of extensions."""

from collections.abc import Awaitable, Sequence

from pi.harness.commands import list_commands
from pi.harness.extensions.on_screen import OnScreen
from pi.modes.tui.editor.completions import Completions
from pi.modes.tui.editor.files import Files
from pi.modes.tui.editor.paths import Paths
from pi.modes.tui.editor.slash import Described, SlashArguments, SlashNames
from pi.modes.tui.editor.triggers import Triggers
from pi.modes.tui.stage import Stage


def completions_for(stage: Stage, on_screen: OnScreen) -> Completions:
    """All sources; what they need is looked up when something is typed."""

    def commands() -> Sequence[Described]:
        from pi.modes.tui.commands import HIDDEN, all_commands
        from pi.modes.tui.commands.command import Completion

        session = stage.session
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

        extensions = stage.session.setup.extensions
        if extensions is not None and extensions.has_command(name):
            return _of_extension(on_screen, name, prefix)
        command = find_command(name)
        return command.complete(stage, prefix) if command is not None and command.complete else ()

    return Completions(
        (
            SlashArguments(arguments),
            SlashNames(commands),
            Triggers(on_screen.triggers),
            Files(lambda: stage.session.store.cwd),
            Paths(lambda: stage.session.store.cwd),
        )
    )


async def _of_extension(on_screen: OnScreen, name: str, prefix: str) -> Sequence[Described]:
    from pi.modes.tui.commands.command import Completion

    return [Completion(text, text) for text in await on_screen.arguments(name, prefix)]

"""`/role`: use the model that the settings name for a kind of work."""

from collections.abc import Sequence

from pi.llm.patterns import resolve_model
from pi.llm.registry import ModelRegistry
from pi.modes.tui.commands.command import Command, Completion
from pi.modes.tui.commands.model import named, use
from pi.modes.tui.lines import clean
from pi.modes.tui.panels.picker import Picker, Row
from pi.modes.tui.pickers.models import SAVE, about
from pi.modes.tui.stage import Stage
from pi.platform.errors import PiError

_NONE = (
    'There are no roles in the settings. Name some there, such as "roles": {"plan": "anthropic/opus:high"}, '
    "and /reload."
)


async def run(stage: Stage, args: str) -> None:
    """Use the role that is named, or let people choose one."""
    registry = stage.session.setup.registry
    default = False
    if not registry.roles:
        raise PiError(_NONE)
    if args:
        name = args.removeprefix("@")
    else:

        def save() -> None:
            nonlocal default
            if picker.selected is not None:
                default = True
                picker.finish(picker.selected)

        current = stage.session.models.role
        picker = Picker(
            stage.keymap,
            "Role",
            [_row(registry, name, current) for name in registry.roles],
            selected=current,
            hints=[("tui.select.confirm", "use"), (SAVE, "use, and save as default")],
            on={SAVE: save},
            empty="No role matches.",
        )
        row = await stage.ask(picker)
        if row is None:
            return
        name = row.id
    choice = named(stage, f"@{name}")
    if choice is not None:
        await use(stage, choice, default=default)


def complete(stage: Stage, prefix: str) -> Sequence[Completion]:
    """The names of the roles."""
    wanted = prefix.removeprefix("@").lower()
    roles = stage.session.setup.registry.roles
    return [
        Completion(name, name, clean(role.model)) for name, role in roles.items() if wanted in name.lower()
    ]


def _row(registry: ModelRegistry, name: str, current: str | None) -> Row:
    mark = "✓" if name == current else ""
    try:
        choice = resolve_model(registry, provider=None, pattern=f"@{name}")
    except PiError as error:
        return Row(
            id=name, label=f"@{name}", detail="can't be used", mark=mark, description=clean(str(error))
        )
    level = f" • {choice.thinking}" if choice.thinking else ""
    return Row(
        id=name,
        label=f"@{name}",
        detail=clean(f"{choice.model.ref}{level}"),
        mark=mark,
        description=clean(about(choice.model)),
    )


COMMAND = Command("role", "Use the model of a role", run, complete, "[role]")

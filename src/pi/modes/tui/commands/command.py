"""What a slash command of the terminal interface is."""

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from pi.modes.tui.stage import Stage


class Completion(Struct, frozen=True):
    """Something that can stand in the editor: `value` is put there, `label` and `description` are shown."""

    value: str
    label: str = ""
    description: str = ""


class Command(Struct, frozen=True, eq=False):
    """`/name args` runs `run(stage, args)`; `hint` names the arguments, `complete` offers some."""

    name: str
    description: str
    run: Callable[[Stage, str], Awaitable[None]]
    complete: Callable[[Stage, str], Sequence[Completion]] | None = None
    hint: str = ""

"""`/thinking`: how hard the model thinks; and the key that goes through its levels."""

from collections.abc import Sequence

from pi.llm.messages import ThinkingLevel
from pi.llm.models import LEVELS, supported_levels
from pi.modes.tui.commands.command import Command, Completion
from pi.modes.tui.lines import clean
from pi.modes.tui.pickers.thinking import WHAT_FOR, pick_level
from pi.modes.tui.stage import Stage
from pi.platform.errors import PiError


async def run(stage: Stage, args: str) -> None:
    """Think at the level that is named, or let people choose one."""
    session = stage.session
    if not session.model.reasoning:
        _tell_none(stage)
        return
    default = False
    if args:
        level = _named(args)
    elif (picked := await pick_level(stage)) is not None:
        level, default = picked.level, picked.default
    else:
        return
    await session.models.think(level)
    if default:
        save_level(stage, session.thinking_level)
    text = f"Thinking: {session.thinking_level}"
    if session.thinking_level != level:
        text += f". {clean(session.model.id)} has no {level}"
    stage.notify(f"{text}. Saved: new sessions begin with it." if default else text)


def save_level(stage: Stage, level: ThinkingLevel) -> None:
    """New sessions begin with this level; where the settings have one for the model alone, it is that one."""
    settings, ref = stage.session.setup.settings, stage.session.model.ref
    of_model = ("modelThinkingLevels", ref)
    settings.save(of_model if settings.get_at(of_model) is not None else "defaultThinkingLevel", level)


async def cycle_thinking(stage: Stage) -> None:
    """Think at the model's next level, and at its first after the last."""
    level = await stage.session.models.cycle_level()
    if level is None:
        _tell_none(stage)
    else:
        stage.flash(f"Thinking: {level}")


def complete(stage: Stage, prefix: str) -> Sequence[Completion]:
    """The model's levels."""
    levels = supported_levels(stage.session.model)
    return [Completion(level, level, WHAT_FOR[level]) for level in levels if level.startswith(prefix.lower())]


def _named(text: str) -> ThinkingLevel:
    for level in LEVELS:
        if level == text.lower():
            return level
    raise PiError(f'There is no thinking level "{clean(text)}". Levels: {", ".join(LEVELS)}')


def _tell_none(stage: Stage) -> None:
    stage.notify(f"{clean(stage.session.model.ref)} doesn't think. Choose one that does with /model.")


COMMAND = Command("thinking", "Choose how hard the model thinks", run, complete, "[level]")

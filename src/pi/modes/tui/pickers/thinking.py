"""The selector of thinking levels: those that the model has, and what each is for."""

from typing import Any, cast

from msgspec import Struct

from pi.harness.settings import Settings
from pi.llm.messages import ThinkingLevel
from pi.llm.models import supported_levels
from pi.llm.tokens import thinking_budget
from pi.modes.tui.lines import clean
from pi.modes.tui.panels.picker import Picker, Row
from pi.modes.tui.stage import Stage

WHAT_FOR: dict[ThinkingLevel, str] = {
    "off": "answers at once",
    "minimal": "a glance before it answers",
    "low": "a moment for small jobs",
    "medium": "for everyday work",
    "high": "for hard problems; slower, and dearer",
    "xhigh": "for the hardest; much slower",
    "max": "all that the model can; takes its time",
}

SAVE = "app.thinking.save"


class PickedLevel(Struct, frozen=True):
    """What was chosen, and whether new sessions are to begin with it, too."""

    level: ThinkingLevel
    default: bool = False


async def pick_level(
    stage: Stage, *, current: ThinkingLevel | None = None, can_save: bool = True
) -> PickedLevel | None:
    """Let people choose one of the model's levels; None when they don't."""
    session = stage.session
    current = current or session.thinking_level
    default = False

    def save() -> None:
        nonlocal default
        if picker.selected is not None:
            default = True
            picker.finish(picker.selected)

    budgets = _budgets(session.setup.settings)
    picker = Picker(
        stage.keymap,
        f"Thinking of {clean(session.model.id)}",
        [level_row(level, current, budgets) for level in supported_levels(session.model)],
        search=False,
        selected=current,
        hints=[("tui.select.confirm", "use"), *([(SAVE, "use, and save as default")] if can_save else [])],
        on={SAVE: save} if can_save else None,
    )
    row = await stage.ask(picker)
    return None if row is None else PickedLevel(row.id, default)


def level_row(level: ThinkingLevel, current: str, budgets: dict[str, int]) -> Row:
    """A level in its colour. Its tokens count for models that take a budget; others have a word for it."""
    tokens = thinking_budget(level, budgets)
    about = f"up to {tokens:,} tokens, where the model takes a number" if tokens else ""
    return Row(
        id=level,
        label=f"{level:<7}",
        detail=WHAT_FOR[level],
        mark="✓" if level == current else "",
        description=about,
        style=f"thinking{level.capitalize()}",
    )


def _budgets(settings: Settings) -> dict[str, int]:
    given = settings.get("thinkingBudgets")
    known = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    return {level: tokens for level, tokens in known.items() if isinstance(tokens, int)}

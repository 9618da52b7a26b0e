"""`/scoped-models`: the models that the cycling keys go through."""

from pi.llm.patterns import Choice, resolve_scope
from pi.modes.tui.commands.command import Command
from pi.modes.tui.pickers.models import NO_MODELS
from pi.modes.tui.pickers.scoped_models import ScopePicker
from pi.modes.tui.stage import Stage
from pi.platform.errors import PiError


async def run(stage: Stage, args: str) -> None:
    """Let people choose; what they change counts at once, and is kept when they save it."""
    session = stage.session
    registry = session.setup.registry
    registry.reload()
    models = registry.available()
    if not models:
        raise PiError(NO_MODELS)
    chosen, warnings = resolve_scope(registry, session.setup.model_scope)
    for warning in warnings:
        stage.notify(warning, "warning")
    patterns = {each.model.ref: _pattern(each) for each in chosen}
    known = {model.ref for model in models}
    models += [each.model for each in chosen if each.model.ref not in known]
    await stage.ask(
        ScopePicker(
            stage.keymap,
            models,
            list(patterns) if session.setup.model_scope else None,
            use=lambda scope: use_scope(stage, scope),
            save=lambda scope: save_scope(stage, scope),
            patterns=patterns,
            current=session.model.ref,
        )
    )


def use_scope(stage: Stage, patterns: tuple[str, ...]) -> None:
    """Cycle through these from now on; () for all that can be used."""
    stage.session.models.set_scope(patterns)


def save_scope(stage: Stage, patterns: list[str] | None) -> str:
    """Keep the scope in the settings, None for all models; what came of it."""
    try:
        stage.session.setup.settings.save("enabledModels", patterns or None)
    except PiError as error:
        return f"Not saved: {error}"
    return "Saved."


def _pattern(choice: Choice) -> str:
    if choice.role is not None:
        return f"@{choice.role}"
    return f"{choice.model.ref}:{choice.thinking}" if choice.thinking else choice.model.ref


COMMAND = Command("scoped-models", "Choose the models that the cycling keys go through", run)

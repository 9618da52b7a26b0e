"""`/model`: which model answers next; and the keys that go through the models one by one."""

from collections.abc import Sequence

from pi.harness.session import Session
from pi.harness.settings import Settings
from pi.llm.patterns import Choice, resolve_model, resolve_scope
from pi.llm.registry import MissingKeyError
from pi.modes.tui.commands.command import Command, Completion
from pi.modes.tui.lines import clean
from pi.modes.tui.pickers.models import about, pick_model
from pi.modes.tui.stage import Stage
from pi.platform.errors import ConfigError, PiError

_COMPLETIONS = 50


async def run(stage: Stage, args: str) -> None:
    """Use the model that the argument means, or let people choose one."""
    choice = named(stage, args) if args else None
    if choice is not None:
        await use(stage, choice)
    elif (picked := await pick_model(stage, query=args)) is not None:
        await use(stage, picked.choice, default=picked.default)


def named(stage: Stage, pattern: str) -> Choice | None:
    """The model that a pattern means, one that can be used if there is any; None when none has that name.

    Raises PiError for a role that isn't there, and for a model without credentials.
    """
    registry = stage.session.setup.registry
    registry.reload()
    if not pattern.startswith("@"):
        usable, warnings = resolve_scope(registry, [pattern])
        if len(usable) == 1:
            for warning in warnings:
                stage.notify(warning, "warning")
            return usable[0]
        if usable:
            return None  # several have it: people choose
    try:
        choice = resolve_model(registry, provider=None, pattern=pattern)
    except ConfigError:
        if pattern.startswith("@"):
            raise
        return None
    try:
        registry.check_key(choice.model)
    except MissingKeyError:
        raise PiError(
            f"There are no credentials for {choice.model.ref}. To use it: /login {choice.model.provider}"
        ) from None
    for warning in choice.warnings:
        stage.notify(warning, "warning")
    return choice


async def use(stage: Stage, choice: Choice, *, default: bool = False) -> None:
    """Use a model from now on, and say so; as a `default`, new sessions begin with it, too."""
    session = stage.session
    await session.models.use(choice.model, choice.thinking, role=choice.role)
    if default:
        save_default(session.setup.settings, choice)
    tell(stage, "Saved: new sessions begin with it." if default else "")


def save_default(settings: Settings, choice: Choice) -> None:
    """New sessions begin with this model, or with what its role will be then. Raises ConfigError."""
    if choice.role is not None:
        settings.save("defaultProvider", None)
        settings.save("defaultModel", f"@{choice.role}")
        return
    settings.save("defaultProvider", choice.model.provider)
    settings.save("defaultModel", choice.model.id)


def tell(stage: Stage, more: str = "") -> None:
    """Say which model answers now."""
    text = f"Model: {current(stage.session)}"
    stage.notify(f"{text}. {more}" if more else text)


def current(session: Session) -> str:
    """The model that answers now, its role and its thinking level, for people."""
    role = f" (@{session.models.role})" if session.models.role else ""
    level = f" • thinking {session.thinking_level}" if session.model.reasoning else ""
    return clean(f"{session.model.ref}{role}{level}")


async def cycle_model(stage: Stage, step: int) -> None:
    """Use the next model of the scope, or the one before; without a scope, of those that can be used."""
    cycled = await stage.session.models.cycle(back=step < 0)
    if cycled is not None:
        stage.flash(f"Model: {current(stage.session)}")
    elif stage.session.setup.model_scope:
        stage.notify("There is no other model in the scope. Choose more with /scoped-models.")
    else:
        stage.notify("There is no other model that can be used. Log in to another provider with /login.")


def complete(stage: Stage, prefix: str) -> Sequence[Completion]:
    """Roles, then models that can be used, whose name has all words of the prefix in it."""
    registry = stage.session.setup.registry
    words = prefix.lower().split()
    found = [
        Completion(f"@{name}", f"@{name}", clean(role.model))
        for name, role in registry.roles.items()
        if all(word in f"@{name}".lower() for word in words)
    ]
    for model in registry.each_available():
        if len(found) >= _COMPLETIONS:
            break
        if all(word in f"{model.ref} {model.name}".lower() for word in words):
            found.append(Completion(model.ref, clean(model.ref), clean(about(model))))
    return found


COMMAND = Command("model", "Choose the model that answers", run, complete, "[model]")

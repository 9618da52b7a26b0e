"""Which model a session begins or goes on with: the named one, the session's own, or the usual one."""

from typing import cast

from msgspec import Struct

from pi.harness.context import restore_model, restore_thinking_level
from pi.harness.models.routing import FAILOVER
from pi.harness.models.switch import has_messages, kept_role
from pi.harness.settings import Settings
from pi.harness.storage.entries import ModelChange
from pi.harness.storage.store import Store
from pi.llm.messages import ThinkingLevel
from pi.llm.models import LEVELS, Model, clamp_level
from pi.llm.patterns import Choice, initial_model, resolve_model, resolve_scope
from pi.llm.registry import ModelRegistry
from pi.platform.errors import ConfigError, PiError

NO_MODEL = Model(  # stands in where people or programs are to choose one
    id="unknown",
    provider="unknown",
    api="unknown",
    base_url="",
    name="unknown",
    input=(),
    context_window=0,
    max_tokens=0,
)


class NoModelError(PiError):
    """No model was named, and none can be used: there is no key for any."""


class ModelChoice(Struct, frozen=True):
    """How the model is named: a pattern (or a model), its provider, or a scope (else `enabledModels`)."""

    pattern: str | Model | None = None
    provider: str | None = None
    scope: tuple[str, ...] = ()
    thinking: ThinkingLevel | None = None
    api_key: str | None = None  # for this process only
    stand_in: Model | None = None  # used when no model can be: nothing is asked before another is chosen


def take_roles(registry: ModelRegistry, settings: Settings, warnings: list[str]) -> None:
    """Let patterns such as `@review` mean what the settings say."""
    if (roles := settings.get("roles")) is not None:
        from pi.llm.roles import read_roles

        registry.roles = read_roles(roles, warnings)


def choose_model(
    registry: ModelRegistry, settings: Settings, store: Store, choice: ModelChoice, warnings: list[str]
) -> Choice:
    """The model and its level. Raises NoModelError, ConfigError for a model that doesn't exist."""
    found = _named(registry, choice) or _kept(registry, store, warnings)
    found = found or _usual(registry, settings, store, choice, warnings)
    if found is None and choice.stand_in is not None:
        return Choice(choice.stand_in, "off")
    if found is None:
        raise NoModelError("No model can be used: no key was found for any provider.")
    warnings += found.warnings
    saved = restore_thinking_level(reversed(store.branch("thinking_level_change")))
    per_model = settings.get("modelThinkingLevels", {}).get(found.model.ref)
    wanted = (choice.thinking, found.thinking, saved, per_model, settings.text("defaultThinkingLevel"))
    for level in wanted:
        if level in LEVELS:
            return Choice(found.model, clamp_level(found.model, level), role=found.role)
    return Choice(found.model, clamp_level(found.model, "medium"), role=found.role)


def _named(registry: ModelRegistry, choice: ModelChoice) -> Choice | None:
    if choice.pattern is None or isinstance(choice.pattern, Model):
        return None if choice.pattern is None else Choice(choice.pattern)
    return resolve_model(registry, provider=choice.provider, pattern=choice.pattern, thinking=choice.thinking)


def _kept(registry: ModelRegistry, store: Store, warnings: list[str]) -> Choice | None:
    """The model that the session was left with."""
    if not has_messages(store) or (saved := _last_chosen(registry, store)) is None:
        return None
    found = registry.find(*saved)
    if found is not None and registry.has_credentials(found.provider):
        return Choice(found, role=kept_role(store))
    warnings.append(f"Can't go on with {saved[0]}/{saved[1]}: no such model or no key. Another is used.")
    return None


def _last_chosen(registry: ModelRegistry, store: Store) -> tuple[str, str] | None:
    """Provider and id: what people chose, where others stood in for it, else what answered last."""
    stood_in = store.latest_custom(FAILOVER) is not None
    if (stood_in or registry.virtual) and (chosen := store.branch("model_change")):
        last = cast(ModelChange, chosen[-1])
        if stood_in or f"{last.provider}/{last.model_id}" in registry.virtual:
            return last.provider, last.model_id
    return restore_model(store.newest_first())


def _usual(
    registry: ModelRegistry, settings: Settings, store: Store, choice: ModelChoice, warnings: list[str]
) -> Choice | None:
    """The first of the scope, the saved default, or the first that can be used."""
    scoped, scope_warnings = resolve_scope(registry, choice.scope or settings.texts("enabledModels") or ())
    warnings += scope_warnings
    default = (settings.text("defaultProvider"), settings.text("defaultModel"))
    continuing = has_messages(store)
    try:
        return initial_model(registry, scoped=scoped, settings_default=default, continuing=continuing)
    except ConfigError as error:  # a role that isn't there
        warnings.append(f"defaultModel: {error}")
        return initial_model(registry, scoped=scoped, settings_default=(None, None), continuing=continuing)

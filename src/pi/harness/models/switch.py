"""Which model answers next, and how hard it thinks: both are kept in the session."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, cast

from msgspec import Struct, structs

from pi.harness.events import ThinkingLevelChanged
from pi.harness.state import SessionState
from pi.harness.storage.entries import CustomEntry, MessageEntry
from pi.harness.storage.store import Store
from pi.llm.messages import ThinkingLevel
from pi.llm.models import LEVELS, Model, clamp_level, supported_levels
from pi.platform.errors import PiError

if TYPE_CHECKING:
    from pi.llm.patterns import Choice

ROLE = "pi.role"  # the entries that tell by which role the model was chosen


class Cycled(Struct, frozen=True, rename="camel"):
    """The next model of the cycle; `is_scoped` when the user has named the models to cycle through."""

    model: Model
    thinking_level: ThinkingLevel
    is_scoped: bool


class ModelSwitch:
    """Changes count from the next request on, also in the middle of a run."""

    def __init__(self, state: SessionState, publish: Callable[[Any], Awaitable[None]]):
        self._state = state
        self._publish = publish

    @property
    def role(self) -> str | None:
        """The role by which the model was chosen; None when it was chosen by its own name."""
        return self._state.role

    def begin(self) -> None:
        """A new session begins with its model and level; flags of a resumed one are for this run alone."""
        state = self._state
        if not has_messages(state.store):
            state.store.append_model_change(state.model.provider, state.model.id)
            state.store.append_thinking_level(state.thinking_level)
        elif not state.store.branch("thinking_level_change"):
            state.store.append_thinking_level(state.thinking_level)
        if state.role != kept_role(state.store):
            note_role(state.store, state.role)

    def check_key(self) -> None:
        """Raises MissingKeyError when neither the model nor one that stands in for it can be asked."""
        state = self._state
        failover = state.failover()
        if failover is None or not failover.has_way(state.model, state.thinking_level):
            state.setup.registry.check_key(state.model)

    @asynccontextmanager
    async def for_run(self, wish: str | None) -> AsyncGenerator[None]:
        """Use the model that a skill or a template names, then the one before, if nobody chose another.

        One that isn't there or can't be used is a warning: such files are shared with other agents.
        """
        state = self._state
        before = (state.model, state.thinking_level, state.role)
        if wish is not None:
            try:
                choice = self._named(wish)
                state.setup.registry.check_key(choice.model)
            except PiError as error:
                state.warn(f"The session's own model answers: {error}")
                wish = None
            else:
                await self.use(choice.model, choice.thinking, role=choice.role)
        chosen = state.model
        try:
            yield
        finally:
            if wish is not None and state.model is chosen:
                await self.use(before[0], before[1], role=before[2])

    async def use(
        self,
        model: Model | str,
        level: ThinkingLevel | None = None,
        *,
        source: Literal["set", "cycle"] = "set",
        role: str | None = None,
    ) -> None:
        """Use another model, at the level that is set for it; the level is clamped to what it supports.

        A text is a pattern: "provider/id:level" or "@role". Raises ConfigError for one that fits none.
        """
        state = self._state
        if isinstance(model, str):
            choice = self._named(model)
            model, level, role = choice.model, level or choice.thinking, choice.role
        before, state.model = state.model, model
        state.store.append_model_change(model.provider, model.id)
        if role != state.role:
            state.role = role
            note_role(state.store, role)
        await self.think(level or self._level_of(model))
        if state.hooks.has("model_select") and before != model:
            from pi.harness.extensions.events import ModelSelect

            await state.hooks.tell("model_select", ModelSelect(model, before, source))

    async def think(self, level: ThinkingLevel) -> None:
        """Think at another level."""
        state = self._state
        level, before = clamp_level(state.model, level), state.thinking_level
        if level == before:
            return
        state.thinking_level = level
        state.store.append_thinking_level(level)
        await self._publish(ThinkingLevelChanged(level))
        if state.hooks.has("thinking_level_select"):
            from pi.harness.extensions.events import ThinkingLevelSelect

            await state.hooks.tell("thinking_level_select", ThinkingLevelSelect(level, before))

    def _named(self, pattern: str) -> "Choice":
        from pi.llm.patterns import resolve_model

        return resolve_model(self._state.setup.registry, provider=None, pattern=pattern)

    def available(self) -> list[Model]:
        """The models that can be used: there is a key for them."""
        return self._state.setup.registry.available()

    @property
    def scope(self) -> list[Model]:
        """The models that cycling goes through."""
        return [choice.model for choice in self._scoped()] or self.available()

    def set_scope(self, patterns: Sequence[str]) -> None:
        """Cycle through the models of these patterns from now on; none means all that can be used."""
        self._state.setup = structs.replace(self._state.setup, model_scope=tuple(patterns))

    async def cycle(self, *, back: bool = False) -> Cycled | None:
        """Use the next of the models that the user has named, else of the usable ones; None for only one."""
        from pi.llm.patterns import Choice

        named = self._scoped()
        scope = named or [Choice(model) for model in self.available()]
        if len(scope) < 2:
            return None
        refs = [choice.model.ref for choice in scope]
        at = refs.index(self._state.model.ref) if self._state.model.ref in refs else 0
        to = scope[(at + (-1 if back else 1)) % len(scope)]
        await self.use(to.model, to.thinking, source="cycle", role=to.role)
        return Cycled(to.model, self._state.thinking_level, bool(named))

    async def cycle_level(self) -> ThinkingLevel | None:
        """Think at the next level that the model has, the first after the last; None if it doesn't think."""
        state = self._state
        if not state.model.reasoning:
            return None
        levels = supported_levels(state.model)
        at = levels.index(state.thinking_level) if state.thinking_level in levels else -1
        await self.think(levels[(at + 1) % len(levels)])
        return state.thinking_level

    def _scoped(self) -> "list[Choice]":
        setup = self._state.setup
        if not setup.model_scope:
            return []
        from pi.llm.patterns import resolve_scope

        chosen, _ = resolve_scope(setup.registry, setup.model_scope)
        return chosen

    def _level_of(self, model: Model) -> ThinkingLevel:
        """The level that the user has set for the model, or for all; else it stays as it is."""
        settings = self._state.setup.settings
        of_model = settings.get_at(("modelThinkingLevels", model.ref))
        for level in (of_model, settings.get_at(("defaultThinkingLevel",))):
            if level in LEVELS:
                return level
        return self._state.thinking_level


def note_role(store: Store, role: str | None) -> None:
    """Keep in the session's file by which role its model was chosen. Raises SessionWriteError."""
    store.append(CustomEntry, custom_type=ROLE, data={"role": role})


def kept_role(store: Store) -> str | None:
    """The role that the session's file says its model was chosen by."""
    kept = store.latest_custom(ROLE)
    data: Any = kept.data if kept is not None else None
    role = cast(dict[str, Any], data).get("role") if isinstance(data, dict) else None
    return role if isinstance(role, str) else None


def has_messages(store: Store) -> bool:
    """Whether somebody has said something in the session."""
    return any(isinstance(entry, MessageEntry) for entry in store.newest_first())

"""Which model answers next, and how hard it thinks: both are kept in the session."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from msgspec import Struct

from pi.harness.entries import MessageEntry
from pi.harness.events import ThinkingLevelChanged
from pi.harness.state import SessionState
from pi.harness.store import Store
from pi.llm.messages import ThinkingLevel
from pi.llm.models import LEVELS, Model, clamp_level, supported_levels


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

    def begin(self) -> None:
        """A new session begins with its model and level; flags of a resumed one are for this run alone."""
        state = self._state
        if not has_messages(state.store):
            state.store.append_model_change(state.model.provider, state.model.id)
            state.store.append_thinking_level(state.thinking_level)
        elif not state.store.branch("thinking_level_change"):
            state.store.append_thinking_level(state.thinking_level)

    async def use(
        self, model: Model, level: ThinkingLevel | None = None, *, source: Literal["set", "cycle"] = "set"
    ) -> None:
        """Use another model, at the level that is set for it; the level is clamped to what it supports."""
        state = self._state
        before, state.model = state.model, model
        state.store.append_model_change(model.provider, model.id)
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

    def available(self) -> list[Model]:
        """The models that can be used: there is a key for them."""
        return self._state.setup.registry.available()

    @property
    def scope(self) -> list[Model]:
        """The models that cycling goes through."""
        return [model for model, _ in self._named()] or self.available()

    async def cycle(self, *, back: bool = False) -> Cycled | None:
        """Use the next of the models that the user has named, else of the usable ones; None for only one."""
        named = self._named()
        scope = named or [(model, None) for model in self.available()]
        if len(scope) < 2:
            return None
        refs = [model.ref for model, _ in scope]
        at = refs.index(self._state.model.ref) if self._state.model.ref in refs else 0
        model, level = scope[(at + (-1 if back else 1)) % len(scope)]
        await self.use(model, level, source="cycle")
        return Cycled(model, self._state.thinking_level, bool(named))

    async def cycle_level(self) -> ThinkingLevel | None:
        """Think at the next level that the model has, the first after the last; None if it doesn't think."""
        state = self._state
        if not state.model.reasoning:
            return None
        levels = supported_levels(state.model)
        at = levels.index(state.thinking_level) if state.thinking_level in levels else -1
        await self.think(levels[(at + 1) % len(levels)])
        return state.thinking_level

    def _named(self) -> list[tuple[Model, ThinkingLevel | None]]:
        setup = self._state.setup
        if not setup.model_scope:
            return []
        from pi.llm.patterns import resolve_scope

        chosen, _ = resolve_scope(setup.registry, setup.model_scope)
        return [(choice.model, choice.thinking) for choice in chosen]

    def _level_of(self, model: Model) -> ThinkingLevel:
        """The level that the user has set for the model, or for all; else it stays as it is."""
        settings = self._state.setup.settings
        of_model = settings.get_at(("modelThinkingLevels", model.ref))
        for level in (of_model, settings.get_at(("defaultThinkingLevel",))):
            if level in LEVELS:
                return level
        return self._state.thinking_level


def has_messages(store: Store) -> bool:
    """Whether somebody has said something in the session."""
    return any(isinstance(entry, MessageEntry) for entry in store.newest_first())

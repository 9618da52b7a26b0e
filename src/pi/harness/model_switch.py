"""Which model answers next, and how hard it thinks: both are kept in the session."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from pi.harness.events import ThinkingLevelChanged
from pi.harness.state import SessionState
from pi.llm.messages import ThinkingLevel
from pi.llm.models import Model, clamp_level


class ModelSwitch:
    """Changes count from the next request on, also in the middle of a run."""

    def __init__(self, state: SessionState, publish: Callable[[Any], Awaitable[None]]):
        self._state = state
        self._publish = publish

    async def use(
        self, model: Model, level: ThinkingLevel | None = None, *, source: Literal["set", "cycle"] = "set"
    ) -> None:
        """Use another model; the level is clamped to what it supports."""
        state = self._state
        before, state.model = state.model, model
        state.store.append_model_change(model.provider, model.id)
        await self.think(level or state.thinking_level)
        if state.hooks.has("model_select"):
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

"""What the loop needs from a session: requests with the right key and context, tools, queues."""

import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from msgspec import structs

from pi.agent.events import AgentEvent
from pi.agent.guard import StreamGuard
from pi.agent.hooks import Hooks
from pi.agent.tool import Tool, ToolContext, ToolResult
from pi.harness.context import to_llm, without_images
from pi.harness.events import SessionEvent
from pi.harness.request import request_options
from pi.harness.state import SessionState
from pi.harness.system_prompt import prompt_update
from pi.llm.messages import Message, UserMessage
from pi.llm.models import Model, clamp_level
from pi.llm.options import StreamOptions
from pi.llm.stream import ModelStream, ask, failed
from pi.llm.transcript import fold_system
from pi.platform.errors import PiError


class SessionHost:
    """The session as its loop sees it (`pi.agent.loop.Host`)."""

    def __init__(
        self,
        state: SessionState,
        emit: Callable[[SessionEvent], Awaitable[Any]],
        before_turn: Callable[[], Awaitable[None]],
    ):
        self._state = state
        self._emit = emit
        self._before_turn = before_turn

    @property
    def hooks(self) -> Hooks:
        return self._state.hooks

    @property
    def guard(self) -> StreamGuard | None:
        return self._state.setup.guard

    @property
    def tools(self) -> Sequence[Tool]:
        return self._state.tools

    async def emit(self, event: AgentEvent) -> Any:
        return await self._emit(event)

    async def ask(self, transcript: Sequence[Any], model: Model | None) -> ModelStream:
        state = self._state
        model = model or state.model
        messages = list(transcript)
        if state.hooks.has("context"):
            messages = await state.hooks.transform("context", messages)
        try:
            options = self._options(model)
        except PiError as error:
            return failed(model, error)
        plain = to_llm(messages)
        if state.setup.settings.flag("images.blockImages"):
            plain = without_images(plain)
        return ask(model, fold_system(plain), options)

    def tool_context(self) -> ToolContext:
        state = self._state
        env = {
            "PATH": f"{state.setup.agent_dir / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PI_SESSION_ID": state.store.id,
            "PI_PROVIDER": state.model.provider,
            "PI_MODEL": state.model.id,
            "PI_REASONING_LEVEL": clamp_level(state.model, state.thinking_level),
        }
        if state.store.path is not None:
            env["PI_SESSION_FILE"] = str(state.store.path)
        return ToolContext("", state.store.cwd, state.model, env, _ignore)

    async def prepare_turn(self) -> Sequence[Message]:
        await self._before_turn()
        update = prompt_update(self._state)
        return [update] if update else []

    def steering(self) -> Sequence[UserMessage]:
        return self._state.steering.drain()

    def follow_ups(self) -> Sequence[UserMessage]:
        return self._state.following.drain()

    def _options(self, model: Model) -> StreamOptions:
        hooks = self._state.hooks
        return structs.replace(
            request_options(self._state, model),
            on_payload=self._on_payload if hooks.has("before_provider_request") else None,
            on_response=self._on_response if hooks.has("after_provider_response") else None,
            on_stream_event=partial(self._on_stream_event, model)
            if hooks.has("provider_stream_event")
            else None,
        )

    async def _on_payload(self, payload: dict[str, Any]) -> dict[str, Any] | None:
        return await self.hooks.transform("before_provider_request", payload)

    async def _on_response(self, status: int, headers: dict[str, str]) -> None:
        await self.hooks.tell("after_provider_response", (status, headers))

    async def _on_stream_event(self, model: Model, event: Any) -> None:
        await self.hooks.tell("provider_stream_event", (model, event))


def _ignore(partial: ToolResult) -> None:
    """Updates of no call in particular; each call gets its own in its place."""

"""What the loop needs from a session: requests with the right key and context, tools, queues."""

import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import structs

from pi.agent.events import AgentEvent
from pi.agent.guard import StreamGuard, Verdict
from pi.agent.hooks import Hooks
from pi.agent.tool import Tool, ToolContext, ToolResult
from pi.harness.context import to_llm, without_images
from pi.harness.events import SessionEvent
from pi.harness.models.routing import route
from pi.harness.request import request_options
from pi.harness.state import SessionState
from pi.harness.system_prompt import prompt_update
from pi.llm.events import StreamEvent
from pi.llm.messages import AssistantMessage, Context, Message, SystemMessage, ThinkingLevel
from pi.llm.models import Model, clamp_level
from pi.llm.options import ResponseHook, StreamOptions
from pi.llm.stream import ModelStream, ask, failed
from pi.llm.transcript import system_state
from pi.platform.errors import PiError

if TYPE_CHECKING:
    from pi.harness.spending.cache_warming import CacheWarming


class SessionHost:
    """The session as its loop sees it (`pi.agent.loop.Host`)."""

    def __init__(
        self,
        state: SessionState,
        emit: Callable[[SessionEvent], Awaitable[Any]],
        before_turn: Sequence[Callable[[], Awaitable[None]]],
        busy: Callable[[], bool] = lambda: True,
    ):
        self._state = state
        self._busy = busy
        self._warming: CacheWarming | None = None  # of long-lived sessions, where a cache is known to expire
        self._emit = emit
        self._before_turn = before_turn

    @property
    def hooks(self) -> Hooks:
        return self._state.hooks

    @property
    def guard(self) -> StreamGuard | None:
        guards = self._state.guards
        return None if not guards else guards[0] if len(guards) == 1 else _all_of(guards)

    @property
    def tools(self) -> Sequence[Tool]:
        return self._state.tools

    async def emit(self, event: AgentEvent) -> Any:
        return await self._emit(event)

    async def ask(
        self, transcript: Sequence[Any], model: Model | None, level: ThinkingLevel | None
    ) -> ModelStream:
        state = self._state
        asked = model or state.model
        try:
            to = await route(state, asked, level or state.thinking_level, transcript, failed=state.failed)
            asked = to.model
            messages = await self._shown(transcript)
            options = await self.options(to.model, to.thinking_level)
        except PiError as error:
            state.asked = failed(asked, error)
            return state.asked
        plain = to_llm(messages)
        if state.setup.settings.flag("images.blockImages"):
            plain = without_images(plain)
        context = Context(tuple(plain))
        if state.setup.long_lived and to.model.prompt_cache:
            self._keep_warm(to.model, context, options)
        state.asked = ask(to.model, context, options)
        return state.asked

    async def answered(self, message: AssistantMessage) -> None:
        """A response is saved; if the user wants to know, tell what its prompt cost too much."""
        state = self._state
        if not state.setup.settings.flag("showCacheMissNotices"):
            return
        from pi.harness.spending.cache_misses import cache_miss

        before = (
            entry for entry in state.store.newest_first() if getattr(entry, "message", None) is not message
        )
        if miss := cache_miss(before, message, state.model):
            await self._emit(miss)

    def close(self) -> None:
        """The session ends: nothing is kept warm any more, and what was heard of limits is kept."""
        self._state.setup.health.close()
        if self._warming is not None:
            self._warming.stop()

    def _keep_warm(self, model: Model, context: Context, options: StreamOptions) -> None:
        if self._warming is None:
            from pi.harness.spending.cache_warming import CacheWarming

            self._warming = CacheWarming(self._state, self._emit, self._busy)
        self._warming.start(model, context, options)

    async def _shown(self, transcript: Sequence[Any]) -> list[Any]:
        """The transcript as extensions let the model see it."""
        messages = list(transcript)
        hooks = self._state.hooks
        if hooks.has("context"):
            from pi.harness.extensions.events import ContextEvent

            said = [message for message in messages if not isinstance(message, SystemMessage)]
            changed = (await hooks.chain("context", ContextEvent(said), "messages", (list,))).messages
            if changed != said:
                # what was said where is lost then: the prompt and the tools stand before it all
                system = system_state(messages, 0)
                messages = [*([system] if system else []), *changed]
        if hooks.has("context_with_system"):
            from pi.harness.extensions.events import ContextWithSystem

            asked = ContextWithSystem(messages)
            messages = (await hooks.chain("context_with_system", asked, "messages", (list,))).messages
        return messages

    def tool_context(self) -> ToolContext:
        return ToolContext("", self._state.store.cwd, self._state.model, self.env(), _ignore)

    def env(self) -> dict[str, str]:
        """What commands get into their environment."""
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
        if state.setup.extensions is not None:
            env |= state.setup.extensions.environment()
        return env

    async def prepare_turn(self) -> Sequence[Message]:
        if self._state.setup.extensions is not None:
            await self._state.setup.extensions.between_turns()
        for prepare in self._before_turn:
            await prepare()
        update = prompt_update(self._state)
        return [update] if update else []

    def steering(self) -> Sequence[Any]:
        return self._state.steering.drain()

    def follow_ups(self) -> Sequence[Any]:
        return self._state.following.drain()

    async def options(self, model: Model, level: ThinkingLevel) -> StreamOptions:
        """How the session makes requests to a model. Raises PiError when there is no key."""
        hooks = self._state.hooks
        options = await request_options(self._state, model, level)
        return structs.replace(
            options,
            on_payload=self._on_payload if hooks.has("before_provider_request") else None,
            on_headers=self._on_headers if hooks.has("before_provider_headers") else None,
            on_response=partial(self._on_response, options.on_response)
            if hooks.has("after_provider_response")
            else options.on_response,
            on_stream_event=partial(self._on_stream_event, model)
            if hooks.has("provider_stream_event")
            else None,
        )

    async def _on_payload(self, payload: dict[str, Any]) -> dict[str, Any] | None:
        from pi.harness.extensions.events import BeforeProviderRequest

        asked = BeforeProviderRequest(payload)
        return (await self.hooks.chain("before_provider_request", asked, "payload", (dict,))).payload

    async def _on_headers(self, headers: dict[str, str]) -> dict[str, str]:
        from pi.harness.extensions.events import BeforeProviderHeaders

        asked = BeforeProviderHeaders(dict(headers))
        changed = await self.hooks.chain("before_provider_headers", asked, "headers", (dict,))
        return {name.lower(): value for name, value in changed.headers.items() if value is not None}

    async def _on_response(self, first: ResponseHook | None, status: int, headers: dict[str, str]) -> None:
        if first is not None:
            await first(status, headers)
        from pi.harness.extensions.events import AfterProviderResponse

        await self.hooks.tell("after_provider_response", AfterProviderResponse(status, headers))

    async def _on_stream_event(self, model: Model, event: Any) -> None:
        from pi.harness.extensions.events import ProviderStreamEvent

        await self.hooks.tell("provider_stream_event", ProviderStreamEvent(model, event))


def _all_of(guards: Sequence[StreamGuard]) -> StreamGuard:
    """One guard of several: each sees every event, the first verdict counts."""

    def guard(event: StreamEvent, stream: ModelStream) -> Verdict | None:
        verdicts = [guard(event, stream) for guard in guards]
        return next((verdict for verdict in verdicts if verdict is not None), None)

    return guard


def _ignore(partial: ToolResult) -> None:
    """Updates of no call in particular; each call gets its own in its place."""

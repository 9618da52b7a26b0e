"""Virtual models: people choose one model, and its router says for each request which real one answers."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, to_builtins

from pi.agent.limits import TooSlow, within
from pi.harness.state import SessionState
from pi.harness.storage.entries import CustomEntry
from pi.llm.messages import AssistantMessage, ThinkingLevel, UserMessage
from pi.llm.models import Model
from pi.platform.errors import PiError

if TYPE_CHECKING:
    from pi.harness.models.failover import Failover

API = "virtual"
STATE = "pi.route:"
FAILOVER = "pi.failover"  # the entries that tell of another model than the chosen one
LIMIT_S = 60.0  # a router may ask a model of its own

Reason = Literal["user", "continuation", "retry", "direct"]


class Routed(Struct, frozen=True):
    """A real model and the level at which it thinks."""

    model: Model
    thinking_level: ThinkingLevel


async def route(
    state: SessionState,
    model: Model,
    level: ThinkingLevel,
    transcript: Sequence[Any],
    *,
    failed: AssistantMessage | None = None,
    direct: bool = False,
) -> Routed:
    """Where a request goes: a real model to itself, or to whoever stands in for it while it can't answer.

    Raises PiError when a router fails.
    """
    if model.api != API:
        failover = state.failover()
        if failover is None:
            return Routed(model, level)
        return await failover.route(model, level, transcript, direct=direct, again=failed is not None)
    from pi.harness.extensions.declarations import Route, RouteRequest

    virtual = state.setup.registry.virtual.get(model.ref)
    if virtual is None:
        raise PiError(
            f"The virtual model {model.ref} is gone: its extension isn't loaded. Choose another model."
        )
    key = STATE + model.ref
    last = None if direct else state.store.latest_custom(key)
    kept = last.data if last is not None else None
    reason: Reason = "direct" if direct else "retry" if failed is not None else request_reason(transcript)
    previous = next(
        (m for m in reversed(transcript) if isinstance(m, AssistantMessage) and m.stop_reason != "error"),
        None,
    )
    request = RouteRequest(
        model,
        level,
        reason,
        tuple(transcript),
        kept,
        _as_route(state, previous),
        _as_route(state, failed),
        failed,
    )
    try:
        answer: Any = virtual.route(request)
        if inspect.isawaitable(answer):
            answer = await within(LIMIT_S, answer)
    except TooSlow as error:
        raise PiError(f"The router of {model.ref} failed: {error}") from None
    except Exception as error:  # foreign code: a router that fails is a failed request
        raise PiError(f"The router of {model.ref} failed: {type(error).__name__}: {error}") from error
    if not isinstance(answer, Route) or answer.model.api == API:
        raise PiError(f"The router of {model.ref} must answer a Route to a real model, not {answer!r:.80}")
    if answer.state is not None and answer.state is not kept and not direct:
        state.store.append(CustomEntry, custom_type=key, data=to_builtins(answer.state))
    return Routed(answer.model, answer.thinking_level)


class LazyFailover:
    """Makes the failover of a session when its settings ask for one; nothing is imported otherwise."""

    def __init__(self, state: SessionState, publish: Callable[[Any], Awaitable[Any]]):
        self._state = state
        self._publish = publish
        self._made: tuple[Any, Failover | None] = (None, None)

    def __call__(self) -> "Failover | None":
        setup = self._state.setup
        if self._made[0] is not setup.settings:
            roles = setup.registry.roles.values()
            wanted = setup.settings.get("failover") is not None or any(role.failover for role in roles)
            self._made = setup.settings, self._make() if wanted else None
        return self._made[1]

    def _make(self) -> "Failover":
        from pi.harness.models.failover import Failover, failover_settings

        state = self._state
        settings = failover_settings(state.setup.settings, state.warn)
        return Failover(state, settings, self._publish, state.setup.health)


def request_reason(transcript: Sequence[Any]) -> Literal["user", "continuation"]:
    """Whether a request follows the user's words, or goes on with the agent's work."""
    for message in reversed(transcript):
        if isinstance(message, UserMessage):
            return "user"
        if isinstance(message, AssistantMessage):
            return "continuation"
    return "user"


def _as_route(state: SessionState, message: AssistantMessage | None) -> Any:
    if message is None:
        return None
    from pi.harness.extensions.declarations import Route

    model = state.setup.registry.find(message.provider, message.model)
    level: Any = message.thinking_level or "medium"
    return Route(model, level) if model else None

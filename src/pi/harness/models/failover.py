"""Failover: when the chosen model can't answer, the next of the user's chain does, until it can again."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, cast

from msgspec import Struct

from pi.harness.context import to_llm
from pi.harness.events import ModelFailover
from pi.harness.models.health import Health
from pi.harness.models.routing import FAILOVER, Routed, request_reason
from pi.harness.settings import Settings
from pi.harness.state import SessionState
from pi.harness.storage.entries import CustomEntry
from pi.llm.failures import FailureKind, asked_wait_ms, failure_kind
from pi.llm.messages import AssistantMessage, ThinkingLevel
from pi.llm.models import Model
from pi.llm.patterns import resolve_model
from pi.llm.registry import is_keyless
from pi.llm.tokens import estimate_context
from pi.llm.transcript import fold_system
from pi.platform.clock import now_ms
from pi.platform.errors import ConfigError, PiError

KINDS: tuple[FailureKind, ...] = ("quota", "rate_limit", "overload", "outage", "login", "overflow")
# How long a model is left alone when nobody says when it is back, in ms; it doubles with each failure.
_PAUSE_MS: dict[FailureKind, int] = {
    "quota": 15 * 60_000,
    "rate_limit": 60_000,
    "overload": 60_000,
    "outage": 60_000,
    "login": 5 * 60_000,
}
_LONGEST_PAUSE_MS = 60 * 60_000
_MAX_WAIT_MS = 30_000  # a rate limit that passes sooner is waited for
_RETRIES = 1  # of the same model, when it may pass by itself


class Down(Struct):
    """A model that is left alone; `until_ms` since 1970, `times` in a row."""

    kind: FailureKind
    until_ms: int
    times: int = 1


class FailoverSettings(Struct, frozen=True, rename="camel"):
    """The setting `failover`: a chain of models, and on what it is used; a list is a chain."""

    chain: tuple[str, ...] = ()
    on: tuple[FailureKind, ...] = KINDS
    max_wait_ms: int = _MAX_WAIT_MS
    retries: int = _RETRIES


class Failover:
    """The chain of one session. What is down is known to all sessions with the same setup."""

    def __init__(
        self,
        state: SessionState,
        settings: FailoverSettings,
        publish: Callable[[Any], Awaitable[Any]],
        health: Health,
    ):
        self._state = state
        self._settings = settings
        self._publish = publish
        self._health = health
        self._down: dict[str, Down] = health.down
        self._overflow: tuple[int, int] | None = None  # a window that was too small, and for how many tokens
        self._last: str | None = None  # the model that answers now
        self._retried = 0

    def has_way(self, model: Model, level: ThinkingLevel) -> bool:
        """Whether any model of the chain can be asked."""
        return any(self._has_key(link.model) for link in self._links(model, level))

    async def route(
        self, model: Model, level: ThinkingLevel, transcript: Sequence[Any], *, direct: bool, again: bool
    ) -> Routed:
        """Who answers a request that was meant for `model`: the first of the chain that isn't down.

        In the middle of a run the one that has begun goes on: its cache is warm.
        """
        links = self._links(model, level)
        up = [link for link in links if self._is_up(link.model, transcript)] or links[:1]
        chosen = up[0]
        if not direct and not again and request_reason(transcript) == "continuation":
            chosen = next((link for link in up if link.model.ref == self._last), chosen)
        if not direct:
            await self._told(model, chosen.model)
        return chosen

    def failed(self, message: AssistantMessage, error: PiError | None, *, waited: bool = False) -> bool:
        """A response failed: True when another model of the chain is to be asked at once.

        `waited` says that the model gets no more time to get better.
        """
        state = self._state
        model = state.setup.registry.find(message.provider, message.model) or state.model
        kind = failure_kind(message, error, model.context_window)
        if kind is None or kind not in self._settings.on:
            return False
        if kind == "overflow":
            self._overflow = model.context_window, self._size(state.transcript)
            return bool(self._others())
        wait = asked_wait_ms(error)
        passes = kind in ("overload", "outage") or (
            kind == "rate_limit" and (wait or 0) <= self._settings.max_wait_ms
        )
        if passes and not waited and self._retried < self._settings.retries:
            self._retried += 1
            return False
        self._put_down(model, kind, wait)
        return bool(self._others())

    def worked(self, message: AssistantMessage) -> None:
        """A response is there: its model is as good as new."""
        self._retried = 0
        if message.stop_reason not in ("error", "aborted"):
            self._down.pop(f"{message.provider}/{message.model}", None)

    def _others(self) -> list[Routed]:
        """The links that could answer now, and didn't just fail."""
        state = self._state
        links = self._links(state.model, state.thinking_level)
        return [link for link in links if self._is_up(link.model, state.transcript)]

    def _links(self, model: Model, level: ThinkingLevel) -> list[Routed]:
        """The model, then those of its role's chain or the general one; what can't be used is left out."""
        registry = self._state.setup.registry
        role = registry.roles.get(self._state.role or "")
        chain = self._settings.chain if role is None or role.failover is None else role.failover
        links = {model.ref: Routed(model, level)}
        for pattern in chain:
            try:
                choice = resolve_model(registry, provider=None, pattern=pattern)
            except ConfigError as error:
                self._state.warn(f'Setting "failover": {error}')
                continue
            links.setdefault(choice.model.ref, Routed(choice.model, choice.thinking or level))
        return list(links.values())

    def _is_up(self, model: Model, transcript: Sequence[Any]) -> bool:
        if not self._has_key(model):
            return False
        down = self._down.get(model.ref)
        if down is not None and down.until_ms > now_ms():
            return False
        if "quota" in self._settings.on and (resets := self._health.book.resets_at(model.provider)):
            self._down[model.ref] = Down("quota", resets)
            return False
        if self._overflow is None:
            return True
        window, size = self._overflow
        return model.context_window > window or self._size(transcript) < size

    def _has_key(self, model: Model) -> bool:
        return is_keyless(model.api) or self._state.setup.registry.has_credentials(model.provider)

    def _put_down(self, model: Model, kind: FailureKind, wait: int | None) -> None:
        before = self._down.get(model.ref)
        times = before.times + 1 if before and before.kind == kind else 1
        pause = min(_PAUSE_MS[kind] << min(times - 1, 10), _LONGEST_PAUSE_MS)
        resets = self._health.book.resets_at(model.provider) if kind in ("quota", "rate_limit") else None
        self._down[model.ref] = Down(kind, max(now_ms() + (wait or pause), resets or 0), times)
        self._retried = 0

    async def _told(self, choice: Model, to: Model) -> None:
        """Say so in the session, and to whoever listens, when another model answers than before."""
        store = self._state.store
        if self._last is None:
            kept = store.latest_custom(FAILOVER)
            data: Any = kept.data if kept is not None else None
            known = cast(dict[str, Any], data) if isinstance(data, dict) else {}
            self._last = str(known.get("to")) if known.get("choice") == choice.ref else choice.ref
        before, self._last = self._last, to.ref
        if before == to.ref:
            return
        down = self._down.get(choice.ref)
        reason: Literal["recovered", "chosen"] | FailureKind = "recovered"
        if to.ref != choice.ref:
            reason = down.kind if down is not None else "overflow" if self._overflow else "login"
        until = down.until_ms if down is not None and to.ref != choice.ref else None
        failed = self._state.failed
        error = failed.error_message if failed is not None else None
        event = ModelFailover(choice.ref, before, to.ref, reason, until, error)
        data = {"choice": choice.ref, "from": before, "to": to.ref, "reason": reason, "until": until}
        store.append(CustomEntry, custom_type=FAILOVER, data=data | ({"error": error} if error else {}))
        await self._publish(event)

    def _size(self, transcript: Sequence[Any]) -> int:
        return estimate_context(fold_system(to_llm(list(transcript))))


def failover_settings(settings: Settings, report: Callable[[str], None]) -> FailoverSettings:
    """What the setting says, each value in its place; what can't be used is reported and left out."""
    import msgspec

    given = settings.get("failover")
    try:
        return msgspec.convert({"chain": given} if isinstance(given, list) else given or {}, FailoverSettings)
    except msgspec.ValidationError as error:
        report(f'Setting "failover" is not used: {error}.')
        return FailoverSettings()

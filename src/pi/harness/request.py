"""How the session's requests are made: with which key, headers, limits and thinking."""

from functools import partial
from typing import get_args

from pi.harness.models.health import Health
from pi.harness.state import SessionState
from pi.llm.messages import ThinkingLevel
from pi.llm.models import Model, clamp_level
from pi.llm.options import StreamOptions, Transport

_TRANSPORTS: dict[str, Transport] = {name: name for name in get_args(Transport)}


async def request_options(
    state: SessionState, model: Model, level: ThinkingLevel | None = None
) -> StreamOptions:
    """The options of a request to `model`, without hooks.

    Raises PiError when no key can be had for it, BudgetError when nothing more may be spent.
    """
    if state.setup.budget is not None:
        await state.setup.budget.require(state.warn)
    settings = state.setup.settings
    registry = state.setup.registry
    credentials = await registry.require_credentials(model)
    return StreamOptions(
        api_key=credentials.api_key,
        headers=credentials.headers,
        base_url=credentials.base_url,
        env=registry.env_of(model.provider),
        renew=credentials.renew,
        thinking=clamp_level(model, level or state.thinking_level),
        thinking_budgets=settings.get("thinkingBudgets"),
        cache_retention=state.setup.cache_retention,
        session_id=state.store.id,
        idle_timeout_ms=settings.idle_timeout_ms(),
        max_retries=settings.number("retry.provider.maxRetries"),
        max_retry_delay_ms=settings.number("retry.provider.maxRetryDelayMs"),
        transport=_TRANSPORTS.get(settings.text("transport") or "", "auto"),
        connect_timeout_ms=settings.timeout_ms("websocketConnectTimeoutMs"),
        proxy=settings.text("httpProxy"),
        on_response=partial(_heard, state.setup.health, model.provider),
    )


async def _heard(health: Health, provider: str, status: int, headers: dict[str, str]) -> None:
    health.heard(provider, headers)

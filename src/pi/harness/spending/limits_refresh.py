"""Asking all providers that can be asked for their limits, each with the login or key that is stored."""

import asyncio
from pathlib import Path

from pi.harness.spending.limits_book import LimitsBook
from pi.llm.auth.store import OAuthEntry, read_auth
from pi.llm.quota_endpoints import ENDPOINTS, ask_limits, host_of
from pi.llm.registry import ModelRegistry
from pi.platform.errors import PiError


async def refresh_limits(
    agent_dir: Path, registry: ModelRegistry, book: LimitsBook, *, proxy: str | None = None
) -> list[str]:
    """Ask, and put the answers into the book; the result is what went wrong, a sentence a provider."""
    providers = [provider for provider in ENDPOINTS if registry.has_credentials(provider)]
    asked = (_refresh(provider, agent_dir, registry, book, proxy) for provider in providers)
    answers = await asyncio.gather(*asked)
    book.close()
    return [problem for problem in answers if problem]


async def _refresh(
    provider: str, agent_dir: Path, registry: ModelRegistry, book: LimitsBook, proxy: str | None
) -> str:
    model = next(iter(registry.models_of(provider)), None)
    if model is None:
        return ""
    try:
        credentials = await registry.credentials(model)
        host = host_of(provider, (credentials and credentials.base_url) or model.base_url)
        if credentials is None or host is None:
            return ""
        entry = read_auth(agent_dir / "auth.json")[0].get(provider)
        refresh = entry.refresh if isinstance(entry, OAuthEntry) else None
        book.take(
            provider, await ask_limits(provider, credentials, refresh_token=refresh, host=host, proxy=proxy)
        )
    except PiError as error:
        return f"The limits of {provider} are unknown: {error}"
    return ""

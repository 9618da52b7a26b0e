"""Keys in the environment, under the names that each provider's own tools use."""

from collections.abc import Mapping

from pi.llm.providers import PROVIDERS


def environment_names(provider: str) -> tuple[str, ...]:
    """The variables that may hold a provider's key, in the order in which they are looked at."""
    known = PROVIDERS.get(provider)
    return (*known.bearer_env, *known.env) if known else ()


def environment_key(provider: str, env: Mapping[str, str]) -> tuple[str | None, dict[str, str]]:
    """The key, or the headers that stand in for one; `(None, {})` when no variable is set."""
    known = PROVIDERS.get(provider)
    for name in environment_names(provider):
        if known and (value := env.get(name)):
            if name in known.bearer_env:
                return None, {"Authorization": f"Bearer {value}"}
            return value, {}
    return None, {}

"""OpenRouter's list: the models that the key may use, with its windows and prices."""

from typing import Any

from pi.llm.errors import ProviderError
from pi.llm.live.asking import Asked, LiveList, count, get_json, part, rows, words

_RATES = {
    "input": "prompt",
    "output": "completion",
    "cacheRead": "input_cache_read",
    "cacheWrite": "input_cache_write",
}
_HOURS = ("utc_start", "utc_end", "utc_days")


async def fetch(asked: Asked) -> LiveList | None:
    """The list of the key; None where the address has none, as a proxy's: then all models are shown."""
    try:
        answer = await get_json(asked, f"{asked.root}/models/user")
    except ProviderError as error:
        if error.status in (401, 403, 404):
            return None
        raise
    known = {model.id for model in asked.known}
    found: list[dict[str, Any]] = []
    for row in rows(answer.get("data")):
        if row.get("id") in known:
            found.append(_different(row))
        elif isinstance(row.get("id"), str) and "tools" in words(row.get("supported_parameters")):
            found.append(_new(row, asked))
    return LiveList(tuple(found))


def _different(row: dict[str, Any]) -> dict[str, Any]:
    top = part(row.get("top_provider"))
    fields = {
        "id": row["id"],
        "contextWindow": count(top.get("context_length"), row.get("context_length")),
        "maxTokens": count(top.get("max_completion_tokens")),
        "cost": _cost(part(row["pricing"])) if row.get("pricing") else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _new(row: dict[str, Any], asked: Asked) -> dict[str, Any]:
    """A model that the catalog doesn't have yet: all but Chat Completions would be a guess."""
    image = "image" in words(part(row.get("architecture")).get("input_modalities"))
    return {
        "name": row.get("name") or row["id"],
        "api": "openai-completions",
        "baseUrl": asked.root,
        "reasoning": "reasoning" in words(row.get("supported_parameters")),
        "input": ["text", "image"] if image else ["text"],
        "compat": {"thinkingFormat": "openrouter"},
        **_different(row),
    }


def _cost(pricing: dict[str, Any]) -> dict[str, Any]:
    base = {ours: _per_million(pricing.get(theirs), 0) for ours, theirs in _RATES.items()}
    overrides = rows(pricing.get("overrides") or [])
    tiers = [
        {
            "inputTokensAbove": above,
            **{ours: _per_million(tier.get(theirs), base[ours]) for ours, theirs in _RATES.items()},
        }
        for tier in overrides
        if (above := count(tier.get("min_prompt_tokens"))) and not any(name in tier for name in _HOURS)
    ]
    return base | ({"tiers": tiers} if tiers else {})


def _per_million(value: object, otherwise: float) -> float:
    """USD per million tokens of a price per token, which OpenRouter writes as text."""
    try:
        price = float(value) if isinstance(value, str | int | float) else -1.0
    except ValueError:
        return otherwise
    return round(price * 1_000_000, 6) if 0 <= price < 1 else otherwise

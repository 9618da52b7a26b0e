"""The tables of this folder: what a model is wherever it is served, and what each provider's API wants."""

import re
import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
Facts = dict[str, Any]
Rules = list[tuple[str, Facts]]


class Tables:
    """families.toml, hosts.toml, sources.toml and listed/, read once."""

    def __init__(self) -> None:
        self.sources = _read("sources.toml")
        self._families: Rules = _read("families.toml")["rules"]
        self._hosts: dict[str, Rules] = _read("hosts.toml")

    def listed(self, provider: str) -> dict[str, Facts]:
        """A provider's models that are named one by one, with the facts that no package has."""
        path = FOLDER / "listed" / f"{provider}.toml"
        return _read(path) if path.exists() else {}

    def complete(self, provider: str, model: Facts, own: Facts) -> Facts:
        """A model after the rules: its family's, its host's, and last what is said of it alone."""
        bare = model["id"].rpartition("/")[2].lower()
        families = self._families if self.sources.get(provider, {}).get("families", True) else []
        for facts in (*_matching(families, bare), *self._of_host(provider, model), own):
            model = _merge(model, facts)
        if not model["reasoning"] or not model.get("thinkingLevelMap"):
            model.pop("thinkingLevelMap", None)
        if "image" not in model["input"]:
            model.pop("inputLimits", None)
        return model

    def hosted(self, provider: str, model: Facts) -> Facts:
        """A complete model at another host."""
        for facts in self._of_host(provider, model):
            model = _merge(model, facts)
        return model

    def _of_host(self, provider: str, model: Facts) -> list[Facts]:
        return _matching(self._hosts.get(provider, []), model["id"])


def _matching(rules: Rules, id: str) -> list[Facts]:
    return [facts for pattern, facts in rules if re.match(pattern, id)]


def _merge(model: Facts, facts: Facts) -> Facts:
    merged = model | {field: value for field, value in facts.items() if field not in ("levels", "compat")}
    if "levels" in facts:
        merged["thinkingLevelMap"] = _levels(facts["levels"])
    if "compat" in facts:
        merged["compat"] = model.get("compat", {}) | facts["compat"]
    return merged


def _levels(text: str) -> dict[str, str | None]:
    """A thinkingLevelMap: `-name` isn't there, `name` is sent as it is, `name=word` as the word."""
    pairs = (word.partition("=") for word in text.split())
    return {name.lstrip("-"): None if name[0] == "-" else word or name for name, _, word in pairs}


def _read(name: str | Path) -> Any:
    return tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))

"""The models that Pi knows without any configuration: one JSON file a provider, read when first needed."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from pi.llm.models import Model
from pi.llm.providers import PROVIDERS


class _File(msgspec.Struct):
    provider: str
    defaults: dict[str, Any]  # what most of its models have in common; a model's own fields win
    models: list[dict[str, Any]]


def catalog_providers() -> tuple[str, ...]:
    """The ids of all providers that have a file, in alphabetical order."""
    return tuple(sorted(PROVIDERS))


@cache
def catalog_models(provider: str) -> tuple[Model, ...]:
    """A provider's models by id; none for a provider that the catalog doesn't have."""
    if provider not in PROVIDERS:
        return ()
    path = Path(__file__).with_name("data") / f"{provider}.json"
    file = msgspec.json.decode(path.read_bytes(), type=_File)
    common = {"provider": file.provider} | file.defaults
    return msgspec.convert([common | model for model in file.models], tuple[Model, ...])

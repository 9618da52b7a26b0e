"""The models that Pi knows without any configuration: one JSON file a provider, read when first needed."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from pi.llm.models import Model
from pi.llm.providers import PROVIDERS


class _File(msgspec.Struct):
    provider: str
    generated: str  # the day, as YYYY-MM-DD
    defaults: dict[str, Any]  # what most of its models have in common; a model's own fields win
    models: list[dict[str, Any]]


def catalog_providers() -> tuple[str, ...]:
    """The ids of all providers that Pi knows, in alphabetical order."""
    return tuple(sorted(PROVIDERS))


def catalog_models(provider: str) -> tuple[Model, ...]:
    """A provider's models by id; none for a provider that the catalog doesn't have."""
    return _read(provider)[0]


def catalog_date(provider: str) -> str:
    """The day on which its part of the catalog was made (YYYY-MM-DD); "" where there is none."""
    return _read(provider)[1]


def fetched_path(agent_dir: Path, provider: str) -> Path:
    """Where `pi.llm.fetched` keeps what was fetched of a provider's models, if anything was."""
    name = "".join(char if char.isalnum() or char in "-._" else f"%{ord(char):02x}" for char in provider)
    return agent_dir / "models-store" / f"{name}.json"


@cache
def _read(provider: str) -> tuple[tuple[Model, ...], str]:
    known = PROVIDERS.get(provider)
    if known is None or known.local:
        return (), ""
    path = Path(__file__).with_name("data") / f"{provider}.json"
    file = msgspec.json.decode(path.read_bytes(), type=_File)
    common = {"provider": file.provider} | file.defaults
    models = msgspec.convert([common | model for model in file.models], tuple[Model, ...])
    return models, file.generated

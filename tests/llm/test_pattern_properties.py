"""Whatever the models are called, what people write to them has one plain meaning."""

import json
import tempfile
from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st

from pi.llm.models import LEVELS
from pi.llm.patterns import resolve_model, resolve_scope
from pi.llm.registry import ModelRegistry
from pi.platform.errors import ConfigError

ids = st.text("abC1-./:", min_size=1, max_size=8).filter(
    lambda id: id == id.strip() and not id.startswith("/")
)
registries = st.dictionaries(
    st.sampled_from(["house", "Home", "h-1"]),
    st.lists(ids, min_size=1, max_size=5, unique_by=str.lower),
    min_size=1,
)


def registry_of(providers: dict[str, list[str]]) -> ModelRegistry:
    table = {
        name: {"baseUrl": "http://h", "api": "faux", "apiKey": "k", "models": [{"id": id} for id in ids]}
        for name, ids in providers.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "models.json").write_text(json.dumps({"providers": table}))
        registry = ModelRegistry(Path(folder), env={})
        assert registry.warnings == []
        registry.all()
    return registry


@given(registries, st.data())
def test_provider_and_id_mean_that_model(providers: dict[str, list[str]], data: st.DataObject):
    registry = registry_of(providers)
    provider = data.draw(st.sampled_from(sorted(providers)))
    id = data.draw(st.sampled_from(providers[provider]))
    for written in (f"{provider}/{id}", f"{provider}/{id}".swapcase()):
        choice = resolve_model(registry, provider=None, pattern=written)
        assert (choice.model.ref, choice.thinking, choice.warnings) == (f"{provider}/{id}", None, ())
    assert resolve_model(registry, provider=provider, pattern=id).model.ref == f"{provider}/{id}"


@given(registries, st.sampled_from(LEVELS), st.data())
def test_a_level_behind_the_id_is_told_apart(
    providers: dict[str, list[str]], level: str, data: st.DataObject
):
    registry = registry_of(providers)
    provider = data.draw(st.sampled_from(sorted(providers)))
    id = data.draw(st.sampled_from(providers[provider]))
    choice = resolve_model(registry, provider=None, pattern=f"{provider}/{id}:{level}")
    assert (choice.model.ref, choice.thinking) == (f"{provider}/{id}", level)


@given(registries, ids)
def test_a_bare_text_finds_a_model_that_has_it_or_says_why_not(providers: dict[str, list[str]], text: str):
    assume("/" not in text)
    registry = registry_of(providers)
    every = [f"{provider}/{id}" for provider, ids in providers.items() for id in ids]
    exact = [ref for ref in every if ref.partition("/")[2].lower() == text.lower()]
    try:
        found = resolve_model(registry, provider=None, pattern=text).model
    except ConfigError as error:
        assert "is ambiguous" in str(error) if len(exact) > 1 else "not found" in str(error)
        return
    assume(found.provider in providers)  # the catalog has more
    assert found.ref in (exact or every)
    if not exact:
        assert text.rpartition(":")[0].lower() in found.id.lower() or text.lower() in found.id.lower()


@given(registries, st.lists(st.one_of(ids, st.sampled_from(["*", "h*/*", "house/*", "[ab]*"])), max_size=4))
def test_a_scope_names_each_model_once_and_says_what_matches_nothing(
    providers: dict[str, list[str]], patterns: list[str]
):
    registry = registry_of(providers)
    chosen, warnings = resolve_scope(registry, patterns)
    refs = [choice.model.ref for choice in chosen]
    assert len(set(refs)) == len(refs)
    assert set(refs) <= {f"{provider}/{id}" for provider, ids in providers.items() for id in ids}
    for pattern in patterns:
        alone, _ = resolve_scope(registry, [pattern])
        assert {choice.model.ref for choice in alone} <= set(refs)
        assert (f'No models match pattern "{pattern}"' in warnings) == (not alone)

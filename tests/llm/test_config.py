"""models.json: what users may change, how changes merge, and what a fault costs."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pi.llm.config import ProviderConfig, apply_config, read_config
from pi.llm.models import CostTier, Model, ModelCost
from pi.platform.errors import ConfigError

BIG = Model(
    id="big",
    provider="acme",
    api="openai-completions",
    base_url="https://acme.test/v1",
    name="Big",
    reasoning=True,
    thinking_level_map={"off": None, "high": "high"},
    cost=ModelCost(1, 2, 3, 4),
    sampling_params={"temperature": 0},
    sampling_params_by_thinking_level={"off": {"top_k": 1}, "high": {"temperature": 1}},
    compat={"supportsStore": False, "openRouterRouting": {"only": ["a"], "zdr": True}},
    input_limits={
        "maxRequestBytes": 5,
        "images": {"maxPerRequest": 9, "resize": {"maxWidth": 1, "maxHeight": 2}},
    },
)
SMALL = Model(id="small", provider="acme", api="anthropic-messages", base_url="https://acme.test")


def config(**fields: Any) -> ProviderConfig:
    return msgspec.convert(fields, ProviderConfig)


def apply(**fields: Any) -> dict[str, Model]:
    return {model.id: model for model in apply_config("acme", (BIG, SMALL), config(**fields))}


def write(folder: Path, text: str) -> Path:
    path = folder / "models.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_missing_file_is_no_fault(tmp_path: Path) -> None:
    assert read_config(tmp_path / "models.json") == ({}, [])


def test_comments_and_trailing_commas_are_welcome(tmp_path: Path) -> None:
    path = write(tmp_path, '{ // mine\n "$schema": "x", "providers": {"a": {"apiKey": "$K", }, }, }')
    assert read_config(path) == ({"a": ProviderConfig(api_key="$K")}, [])


def test_a_broken_file_is_a_warning_with_its_place(tmp_path: Path) -> None:
    path = write(tmp_path, "{ not json")
    assert read_config(path) == (
        {},
        [
            f"{path}, line 1, column 3: expecting property name enclosed in double quotes. "
            "Nothing of it is used until that is mended."
        ],
    )


@pytest.mark.parametrize("text", ["[]", "{}", '{"providers": []}', "3"])
def test_a_file_of_another_shape_is_a_warning(tmp_path: Path, text: str) -> None:
    providers, (warning,) = read_config(write(tmp_path, text))
    assert providers == {}
    assert "Expected `object`" in warning or "missing required field `providers`" in warning


def test_one_bad_provider_leaves_the_others(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps({"providers": {"a": {"baseUrl": 1}, "b": {"baseUrl": "http://b"}}}))
    assert read_config(path) == (
        {"b": ProviderConfig(base_url="http://b")},
        [f'{path}: provider "a" is ignored: Expected `str | null`, got `int` - at `$.baseUrl`.'],
    )


def test_a_base_url_moves_all_models_and_changes_nothing_else() -> None:
    moved = apply(baseUrl="http://proxy")
    assert moved == {
        model.id: msgspec.structs.replace(model, base_url="http://proxy") for model in (BIG, SMALL)
    }


def test_a_new_model_takes_the_defaults_and_comes_last() -> None:
    models = apply(models=[{"id": "mine"}])
    assert list(models) == ["big", "small", "mine"]
    assert models["mine"] == Model(
        id="mine", provider="acme", api="openai-completions", base_url="https://acme.test/v1", name="mine"
    )


def test_a_new_model_follows_one_of_the_same_api() -> None:
    assert apply(models=[{"id": "mine", "api": "anthropic-messages"}])["mine"].base_url == "https://acme.test"


def test_a_model_with_a_known_id_replaces_it_in_its_place() -> None:
    models = apply(models=[{"id": "big", "contextWindow": 1e6, "provider": "other", "name": None}])
    assert list(models) == ["big", "small"]
    assert models["big"] == Model(
        id="big",
        provider="acme",
        api="openai-completions",
        base_url="https://acme.test/v1",
        name="big",
        context_window=1_000_000,
    )


def test_overrides_merge_objects_field_by_field_and_replace_the_rest() -> None:
    tier = {"inputTokensAbove": 7, "input": 1, "output": 1, "cacheRead": 1, "cacheWrite": 1}
    models = apply(
        modelOverrides={
            "big": {
                "name": "Renamed",
                "id": "ignored",
                "unknown": 1,
                "contextWindow": 12345,
                "cost": {"output": 9, "tiers": [tier]},
                "thinkingLevelMap": {"off": "none", "max": "max"},
                "samplingParams": {"top_p": 1},
                "samplingParamsByThinkingLevel": {"high": {"top_k": 20}},
                "inputLimits": {"images": {"resize": {"maxWidth": 3}}},
                "compat": {"openRouterRouting": {"zdr": False}, "thinkingFormat": "zai"},
                "headers": {"x": "$Y"},
            },
            "nobody": {"name": "x"},
        }
    )
    assert models == {
        "big": msgspec.structs.replace(
            BIG,
            name="Renamed",
            context_window=12345,
            cost=ModelCost(1, 9, 3, 4, (CostTier(1, 1, 1, 1, input_tokens_above=7),)),
            thinking_level_map={"off": "none", "high": "high", "max": "max"},
            sampling_params={"temperature": 0, "top_p": 1},
            sampling_params_by_thinking_level={"off": {"top_k": 1}, "high": {"temperature": 1, "top_k": 20}},
            input_limits={
                "maxRequestBytes": 5,
                "images": {"maxPerRequest": 9, "resize": {"maxWidth": 3, "maxHeight": 2}},
            },
            compat={
                "supportsStore": False,
                "openRouterRouting": {"only": ["a"], "zdr": False},
                "thinkingFormat": "zai",
            },
        ),
        "small": SMALL,
    }


def test_compat_of_a_model_beats_its_providers_field_by_field() -> None:
    models = apply(
        compat={"supportsStore": True, "maxTokensField": "max_tokens"},
        models=[{"id": "mine", "compat": {"supportsStore": False}}],
    )
    assert models["mine"].compat == {"supportsStore": False, "maxTokensField": "max_tokens"}
    assert models["big"].compat == {
        **(BIG.compat or {}),
        "supportsStore": True,
        "maxTokensField": "max_tokens",
    }
    assert models["small"].compat == {"supportsStore": True, "maxTokensField": "max_tokens"}


def test_headers_of_a_model_come_from_its_override_and_its_entry() -> None:
    provider = config(
        models=[{"id": "m", "headers": {"a": "entry", "b": "entry"}}, {"id": "n", "headers": {"c": "n"}}],
        modelOverrides={"m": {"headers": {"a": "override", "d": "override"}}},
    )
    assert provider.headers_of("m") == {"a": "entry", "b": "entry", "d": "override"}
    assert provider.headers_of("other") == {}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"models": [{}]}, 'Provider "new": each of its models needs an "id".'),
        (
            {"models": [{"id": "m"}]},
            'Provider "new", model "m": "api" is missing. Set it there or at the provider.',
        ),
        (
            {"api": "x", "models": [{"id": "m"}]},
            'Provider "new", model "m": "baseUrl" is missing. Set it at the provider.',
        ),
        (
            {"api": "x", "baseUrl": "u", "models": [{"id": "m", "contextWindow": "big"}]},
            'Model "new/m": Expected `int`, got `str` - at `$.contextWindow`.',
        ),
        (
            {"api": "x", "baseUrl": "u", "models": [{"id": "m", "maxTokens": 0}]},
            'Model "new/m": "contextWindow" and "maxTokens" must be greater than 0.',
        ),
        (
            {"api": "x", "baseUrl": "u", "models": [{"id": "m", "headers": {"h": 1}}]},
            'Model "new/m", headers: Expected `str`, got `int` - at `$[...]`.',
        ),
    ],
)
def test_a_model_that_cannot_be_used_is_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        apply_config("new", (), config(**fields))
    assert str(caught.value) == message

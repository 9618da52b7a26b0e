"""From what people write to a model, with the texts that they read when it doesn't work."""

import json
from pathlib import Path
from typing import Any

import pytest

from pi.llm.patterns import Choice, initial_model, list_models, resolve_model, resolve_scope
from pi.llm.registry import ModelRegistry
from pi.platform.errors import ConfigError


def provider(*models: Any, key: str | None = "k") -> dict[str, Any]:
    entries = [model if isinstance(model, dict) else {"id": model} for model in models]
    return {"baseUrl": "http://127.0.0.1:1", "api": "faux", "models": entries} | (
        {"apiKey": key} if key else {}
    )


@pytest.fixture
def models(tmp_path: Path) -> ModelRegistry:
    providers = {
        "fake-oai": provider(
            {"id": "oai-plain", "name": "Fake plain", "input": ["text", "image"]},
            {"id": "oai-think", "reasoning": True, "contextWindow": 200_000, "maxTokens": 32_000},
            {"id": "oai-small", "name": "Fake small window", "contextWindow": 20_000, "maxTokens": 2_000},
            "dated-1-20250101",
            "dated-1-20250202",
            "dated-1",
            "odd[1m]",
        ),
        "fake-ant": provider("ant-think", "shared", "deep/nested/id", "zai/glm-own"),
        "locked": provider("shared", "glued", key=None),
        "third": provider("glued", key=None),
    }
    (tmp_path / "models.json").write_text(json.dumps({"providers": providers}))
    return ModelRegistry(tmp_path, env={})


def chosen(choice: Choice) -> tuple[str, str | None, tuple[str, ...]]:
    return choice.model.ref, choice.thinking, choice.warnings


@pytest.mark.parametrize(
    ("pattern", "expected", "thinking"),
    [
        ("oai-plain", "fake-oai/oai-plain", None),
        ("FAKE-OAI/OAI-Plain", "fake-oai/oai-plain", None),
        ("fake-oai/plain", "fake-oai/oai-plain", None),
        ("small window", "fake-oai/oai-small", None),
        ("fake-oai/oai-think:low", "fake-oai/oai-think", "low"),
        ("oai-think:max", "fake-oai/oai-think", "max"),
        ("fake-oai/dated", "fake-oai/dated-1", None),
        ("fake-oai/dated-1-2025", "fake-oai/dated-1-20250202", None),
        ("deep/nested/id", "fake-ant/deep/nested/id", None),
        ("fake-ant/deep/nested/id:high", "fake-ant/deep/nested/id", "high"),
        ("shared", "fake-ant/shared", None),  # the only provider with a key
        ("locked/shared", "locked/shared", None),
        ("zai/glm-own", "fake-ant/zai/glm-own", None),  # zai has no such model
        ("deepseek-flash", "deepseek/deepseek-flash", None),  # without any key
        ("anthropic/sonnet-4-5", "anthropic/claude-sonnet-4-5", None),
    ],
)
def test_a_pattern_means(models: ModelRegistry, pattern: str, expected: str, thinking: str | None) -> None:
    assert chosen(resolve_model(models, provider=None, pattern=pattern)) == (expected, thinking, ())


def test_a_provider_narrows_the_search_and_may_be_repeated(models: ModelRegistry) -> None:
    for pattern in ("oai-plain", "fake-oai/oai-plain", "plain"):
        choice = resolve_model(models, provider="Fake-Oai", pattern=pattern)
        assert chosen(choice) == ("fake-oai/oai-plain", None, ())


def test_an_id_that_we_do_not_know_is_tried_at_a_provider_that_we_know(models: ModelRegistry) -> None:
    warning = 'Model "new-one" not found for provider "fake-oai". Using custom model id.'
    choice = resolve_model(models, provider=None, pattern="fake-oai/new-one")
    assert chosen(choice) == ("fake-oai/new-one", None, (warning,))
    assert (choice.model.name, choice.model.reasoning) == ("new-one", False)

    choice = resolve_model(models, provider="fake-oai", pattern="new-one:high")
    assert chosen(choice) == ("fake-oai/new-one", "high", (warning,))
    assert choice.model.reasoning

    choice = resolve_model(models, provider="fake-oai", pattern="new-one:high", thinking="low")
    assert choice.model.id == "new-one:high"
    assert (choice.thinking, choice.model.reasoning) == (None, True)


def test_a_custom_id_is_like_the_providers_default_model(models: ModelRegistry) -> None:
    custom = resolve_model(models, provider=None, pattern="anthropic/claude-next").model
    default = models.find("anthropic", "claude-opus-5-5")
    assert default
    assert (custom.max_tokens, custom.compat) == (default.max_tokens, default.compat)


@pytest.mark.parametrize(
    ("provider", "pattern", "message"),
    [
        (None, "none/none", 'Model "none/none" not found. Use --list-models to see available models.'),
        (
            None,
            "oai-plain:bogus",
            'Model "oai-plain:bogus" not found. Use --list-models to see available models.',
        ),
        ("nope", "x", 'Unknown provider "nope". Use --list-models to see available providers/models.'),
        (
            None,
            "glued",
            'Model "glued" is ambiguous across providers: locked/glued, third/glued. '
            "No matching provider is authenticated. Use --provider or provider/model.",
        ),
    ],
)
def test_what_cannot_be_resolved_is_said(
    models: ModelRegistry, provider: str | None, pattern: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_model(models, provider=provider, pattern=pattern)
    assert str(caught.value) == message


def test_an_id_that_two_usable_providers_have_is_ambiguous(tmp_path: Path) -> None:
    both = {"providers": {"b": provider("same"), "a": provider("same")}}
    (tmp_path / "models.json").write_text(json.dumps(both))
    with pytest.raises(ConfigError) as caught:
        resolve_model(ModelRegistry(tmp_path, env={}), provider=None, pattern="same")
    assert str(caught.value) == (
        'Model "same" is ambiguous across providers: a/same, b/same. '
        "More than one matching provider is authenticated. Use --provider or provider/model."
    )


def test_an_id_that_many_have_means_the_provider_that_has_a_key(tmp_path: Path) -> None:
    def chosen_with(*names: str) -> str:
        models = ModelRegistry(tmp_path, env=dict.fromkeys(names, "k"))
        return resolve_model(models, provider=None, pattern="claude-opus-5-5").model.ref

    assert chosen_with("OPENCODE_API_KEY") == "opencode/claude-opus-5-5"
    assert chosen_with("ANTHROPIC_API_KEY", "GROQ_API_KEY") == "anthropic/claude-opus-5-5"
    with pytest.raises(ConfigError, match=r"anthropic/claude-opus-5-5, .* opencode/claude-opus-5-5, .*\. No"):
        chosen_with()
    with pytest.raises(ConfigError, match="More than one"):
        chosen_with("OPENCODE_API_KEY", "ANTHROPIC_API_KEY")


def test_a_gateways_id_that_looks_like_another_provider_counts_when_only_it_is_usable(tmp_path: Path) -> None:
    (tmp_path / "models.json").write_text(json.dumps({"providers": {"gate": provider("zai/glm-5.3")}}))
    ambient = {"ZAI_API_KEY": "k"}
    assert (
        resolve_model(ModelRegistry(tmp_path, env={}), provider=None, pattern="zai/glm-5.3").model.provider
        == "gate"
    )
    assert (
        resolve_model(
            ModelRegistry(tmp_path, env=ambient), provider=None, pattern="zai/glm-5.3"
        ).model.provider
        == "zai"
    )


def test_an_exact_reference_reads_no_other_provider(tmp_path: Path) -> None:
    broken = {"models": [{"id": "x"}], "apiKey": "k"}  # a warning as soon as it is looked at
    (tmp_path / "models.json").write_text(json.dumps({"providers": {"bad": broken, "good": provider("m")}}))
    models = ModelRegistry(tmp_path, env={})
    assert resolve_model(models, provider=None, pattern="good/m").model.ref == "good/m"
    assert initial_model(models, scoped=(), settings_default=("good", "m"), continuing=False)
    assert models.warnings == []


@pytest.mark.parametrize(
    ("patterns", "expected", "warnings"),
    [
        (["*think:high"], ["fake-oai/oai-think:high", "fake-ant/ant-think:high"], []),
        (["FAKE-ANT/a*"], ["fake-ant/ant-think:None"], []),
        (["fake-ant/**/id"], ["fake-ant/deep/nested/id:None"], []),
        (["deep/*"], [], ['No models match pattern "deep/*"']),
        (["oai-?mall"], ["fake-oai/oai-small:None"], []),
        (["*-[!s]hink"], ["fake-oai/oai-think:None", "fake-ant/ant-think:None"], []),
        (["oai-{small,plain}*"], ["fake-oai/oai-plain:None", "fake-oai/oai-small:None"], []),
        (["*[P]lain"], ["fake-oai/oai-plain:None"], []),
        (["odd[1m]:low"], ["fake-oai/odd[1m]:low"], []),
        (["plain", "oai-plain:high"], ["fake-oai/oai-plain:None"], []),
        (
            ["oai-plain:bogus", "nothing"],
            ["fake-oai/oai-plain:None"],
            [
                'Invalid thinking level "bogus" in pattern "oai-plain:bogus". Using default instead.',
                'No models match pattern "nothing"',
            ],
        ),
        (["locked/shared"], [], ['No models match pattern "locked/shared"']),
    ],
)
def test_a_scope_names_available_models(
    models: ModelRegistry, patterns: list[str], expected: list[str], warnings: list[str]
) -> None:
    scope, said = resolve_scope(models, patterns)
    assert [f"{choice.model.ref}:{choice.thinking}" for choice in scope] == expected
    assert said == warnings


def test_a_scope_takes_an_id_from_all_its_providers_and_says_so(tmp_path: Path) -> None:
    both = {"providers": {"b": provider("same"), "a": provider("same")}}
    (tmp_path / "models.json").write_text(json.dumps(both))
    scope, warnings = resolve_scope(ModelRegistry(tmp_path, env={}), ["same:low"])
    assert [(choice.model.ref, choice.thinking) for choice in scope] == [("b/same", "low"), ("a/same", "low")]
    assert warnings == ['Pattern "same:low" matches several providers: a, b. Use provider/id to choose one.']


def test_the_first_model_is_scoped_then_saved_then_a_default_then_any(tmp_path: Path) -> None:
    (tmp_path / "models.json").write_text(json.dumps({"providers": {"mine": provider("b", "a")}}))
    ambient = {"DEEPSEEK_API_KEY": "k", "OPENROUTER_API_KEY": "k"}
    with_keys, without = ModelRegistry(tmp_path, env=ambient), ModelRegistry(tmp_path, env={})
    scoped = resolve_scope(with_keys, ["mine/a:high"])[0]

    def first(
        models: ModelRegistry, *, saved: tuple[str | None, str | None], continuing: bool = False
    ) -> str:
        choice = initial_model(models, scoped=scoped, settings_default=saved, continuing=continuing)
        assert choice
        return f"{choice.model.ref}:{choice.thinking}"

    assert first(with_keys, saved=("mine", "b")) == "mine/a:high"
    scoped = resolve_scope(with_keys, ["deepseek/*", "mine/a:high"])[0]
    assert first(with_keys, saved=("mine", "a")) == "mine/a:high"
    assert first(with_keys, saved=("mine", "b")) == "deepseek/deepseek-flash:None"
    assert first(with_keys, saved=("mine", "b"), continuing=True) == "mine/b:None"
    assert first(with_keys, saved=("mine", "gone"), continuing=True) == "deepseek/deepseek-v4-pro:None"
    assert first(without, saved=("anthropic", "claude-opus-5-5"), continuing=True) == "mine/b:None"
    empty = ModelRegistry(tmp_path / "elsewhere", env={})
    assert initial_model(empty, scoped=(), settings_default=(None, None), continuing=False) is None


def test_the_list_is_a_table_sorted_by_provider_and_id(tmp_path: Path) -> None:
    providers = {
        "b-first": provider(
            {
                "id": "think",
                "reasoning": True,
                "contextWindow": 200_000,
                "maxTokens": 32_000,
                "input": ["text", "image"],
            },
            {"id": "Small", "contextWindow": 20_000, "maxTokens": 999},
        ),
        "a": provider({"id": "~big", "contextWindow": 1_000_000}, {"id": "big", "contextWindow": 1_047_576}),
        "hidden": provider("x", key=None),
    }
    (tmp_path / "models.json").write_text(json.dumps({"providers": providers}))
    models = ModelRegistry(tmp_path, env={})
    assert list_models(models) == (
        "provider  model  context  max-out  thinking  images\n"
        "a         ~big   1M       16.4K    no        no    \n"
        "a         big    1.0M     16.4K    no        no    \n"
        "b-first   Small  20K      999      no        no    \n"
        "b-first   think  200K     32K      yes       yes   "
    )
    assert list_models(models, "bf/thk") == (
        "provider  model  context  max-out  thinking  images\n"
        "b-first   think  200K     32K      yes       yes   "
    )
    assert list_models(models, "zzzz") == 'No models matching "zzzz"'


def test_an_empty_list_says_what_to_do(tmp_path: Path) -> None:
    assert list_models(ModelRegistry(tmp_path, env={})).startswith(
        "No models available. Set a provider's key"
    )

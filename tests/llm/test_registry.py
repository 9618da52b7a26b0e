"""All models and keys of an agent directory: what is found where, what it costs, and what is never shown."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from pi.llm.auth import Credentials
from pi.llm.catalog import catalog_models, catalog_providers
from pi.llm.models import Model
from pi.llm.registry import MissingKeyError, ModelRegistry
from pi.platform.errors import ConfigError


def registry(
    folder: Path, *, providers: Any = None, auth: Any = None, env: dict[str, str] | None = None
) -> ModelRegistry:
    if providers is not None:
        (folder / "models.json").write_text(json.dumps({"providers": providers}), encoding="utf-8")
    if auth is not None:
        (folder / "auth.json").write_text(json.dumps(auth), encoding="utf-8")
    return ModelRegistry(folder, env={"PATH": os.environ["PATH"], **(env or {})})


def local(**fields: Any) -> dict[str, Any]:
    return {
        "baseUrl": "http://127.0.0.1:1/v1",
        "api": "openai-completions",
        "models": [{"id": "m"}],
        **fields,
    }


def found(models: ModelRegistry, provider: str, id: str = "m") -> Model:
    model = models.find(provider, id)
    assert model
    return model


def test_without_any_file_all_models_are_the_catalogs_and_none_is_available(tmp_path: Path) -> None:
    models = registry(tmp_path)
    assert models.all() == [model for provider in catalog_providers() for model in catalog_models(provider)]
    assert models.available() == []
    assert models.warnings == []


def test_own_providers_come_last_in_the_order_of_their_file(tmp_path: Path) -> None:
    models = registry(
        tmp_path, providers={"zz": local(apiKey="k"), "aa": local(apiKey="k"), "groq": {"name": "G"}}
    )
    assert models.providers() == (*catalog_providers(), "zz", "aa")
    assert [model.ref for model in models.available()] == ["zz/m", "aa/m"]


def test_an_address_with_variables_is_complete_or_its_provider_is_not_available(tmp_path: Path) -> None:
    account = {"CLOUDFLARE_API_KEY": "k", "CLOUDFLARE_ACCOUNT_ID": "acc"}
    workers, gateway = "cloudflare-workers-ai", "cloudflare-ai-gateway"
    models = registry(tmp_path, env=account)
    assert {model.provider for model in models.available()} == {workers}
    assert {model.base_url for model in models.models_of(workers)} == {
        "https://api.cloudflare.com/client/v4/accounts/acc/ai/v1"
    }
    claude = found(models, gateway, "claude-opus-5-5")
    models.use_key(gateway, "flag")
    assert asyncio.run(models.credentials(claude)) is None
    assert models.searched_for(gateway)[-2:] == [
        "CLOUDFLARE_API_KEY",
        "CLOUDFLARE_GATEWAY_ID (not set, its address needs it)",
    ]
    models = registry(
        tmp_path,
        auth={gateway: {"type": "api_key", "key": "stored", "env": {"CLOUDFLARE_GATEWAY_ID": "gate"}}},
        env=account,
    )
    claude = found(models, gateway, "claude-opus-5-5")
    assert models.has_credentials(gateway)
    assert claude.base_url == "https://gateway.ai.cloudflare.com/v1/acc/gate/anthropic"


def test_a_key_travels_in_the_header_that_its_provider_reads(tmp_path: Path) -> None:
    names = ("CLOUDFLARE_API_KEY", "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_GATEWAY_ID")
    models = registry(tmp_path, env=dict.fromkeys(names, "k"))
    claude = found(models, "cloudflare-ai-gateway", "claude-opus-5-5")
    assert asyncio.run(models.credentials(claude)) == Credentials(None, {"cf-aig-authorization": "Bearer k"})
    models.use_key("cloudflare-ai-gateway", "flag")
    assert asyncio.run(models.credentials(claude)) == Credentials(
        None, {"cf-aig-authorization": "Bearer flag"}
    )


def test_a_provider_with_a_key_in_the_environment_is_available(tmp_path: Path) -> None:
    models = registry(tmp_path, env={"GROQ_API_KEY": "k", "ZAI_API_KEY": ""})
    assert models.available() == list(catalog_models("groq"))


def test_asking_for_one_model_reads_no_other_providers_models(tmp_path: Path) -> None:
    models = registry(tmp_path, providers={"bad": {"models": [{"id": "m"}]}, "good": local()})
    assert models.find("good", "m")
    assert models.warnings == []
    assert models.find("bad", "m") is None
    assert models.warnings == [
        f'{tmp_path}/models.json: Provider "bad", model "m": "api" is missing. '
        "Set it there or at the provider. The provider's entry is ignored."
    ]


def test_a_broken_file_leaves_the_catalog_and_the_environment(tmp_path: Path) -> None:
    (tmp_path / "models.json").write_text("{ not json")
    (tmp_path / "auth.json").write_text("[]")
    models = registry(tmp_path, env={"GROQ_API_KEY": "k"})
    assert models.available() == list(catalog_models("groq"))
    assert [warning.split(", line")[0].split(":")[0] for warning in models.warnings] == [
        f"{tmp_path}/models.json",
        f"{tmp_path}/auth.json",
    ]


def test_reload_sees_what_was_written_since(tmp_path: Path) -> None:
    models = registry(tmp_path)
    assert models.find("later", "m") is None
    registry(tmp_path, providers={"later": local()}, auth={"later": {"type": "api_key", "key": "k"}})
    assert models.find("later", "m") is None
    models.reload()
    assert models.has_credentials("later")
    assert models.find("later", "m")


def test_keys_are_looked_for_at_the_flag_then_auth_json_then_models_json_then_the_environment(
    tmp_path: Path,
) -> None:
    def key(runtime: str | None = None, **sources: Any) -> str | None:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        models = registry(folder, **sources)
        if runtime:
            models.use_key("groq", runtime)
        credentials = asyncio.run(models.credentials(found(models, "groq", "openai/gpt-oss-120b")))
        assert models.has_credentials("groq") == (credentials is not None or not sources)
        return credentials and credentials.api_key

    auth = {"groq": {"type": "api_key", "key": "stored"}}
    providers = {"groq": {"apiKey": "configured"}}
    env = {"GROQ_API_KEY": "ambient"}
    assert key("flag", auth=auth, providers=providers, env=env) == "flag"
    assert key(auth=auth, providers=providers, env=env) == "stored"
    assert key(providers=providers, env=env) == "configured"
    assert key(env=env) == "ambient"
    assert key(providers={"groq": {"apiKey": "$UNSET"}}, env=env) is None
    assert key(auth={"groq": {"type": "api_key", "key": "$UNSET"}}, providers=providers, env=env) == "ambient"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"ANTHROPIC_API_KEY": "k"}, Credentials("k")),
        ({"ANTHROPIC_API_KEY": "k", "ANTHROPIC_OAUTH_TOKEN": "o"}, Credentials("o")),
        (
            {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_OAUTH_TOKEN": "o", "ANTHROPIC_AUTH_TOKEN": "t"},
            Credentials(None, {"Authorization": "Bearer t"}),
        ),
        ({"ANTHROPIC_API_KEY": ""}, None),
    ],
)
def test_anthropics_three_variables(
    tmp_path: Path, names: dict[str, str], expected: Credentials | None
) -> None:
    models = registry(tmp_path, env=names)
    assert asyncio.run(models.credentials(found(models, "anthropic", "claude-sonnet-4-5"))) == expected
    assert models.has_credentials("anthropic") == (expected is not None)


def test_headers_are_resolved_and_the_models_beat_the_providers(tmp_path: Path) -> None:
    models = registry(
        tmp_path,
        providers={
            "h": local(
                apiKey="!echo cmd-key",
                authHeader=True,
                headers={"X-Env": "v-${K}!", "x-cmd": "!echo from-cmd", "X-Both": "provider"},
                models=[{"id": "m", "headers": {"x-both": "model", "x-model": "$K"}}],
            )
        },
        env={"K": "key"},
    )
    assert asyncio.run(models.credentials(found(models, "h"))) == Credentials(
        "cmd-key",
        {
            "X-Env": "v-key!",
            "x-cmd": "from-cmd",
            "x-both": "model",
            "Authorization": "Bearer cmd-key",
            "x-model": "key",
        },
    )


def test_env_of_a_stored_key_beats_the_process_for_that_provider_only(tmp_path: Path) -> None:
    models = registry(
        tmp_path,
        auth={"h": {"type": "api_key", "key": "$K", "env": {"K": "own", "EMPTY": ""}}},
        providers={"h": local(headers={"x": "$K $EMPTY"}), "i": local(apiKey="$K")},
        env={"K": "shared", "EMPTY": "filled"},
    )
    assert asyncio.run(models.credentials(found(models, "h"))) == Credentials(
        "own", {"x": "own filled"}, {"K": "own", "EMPTY": ""}
    )
    assert asyncio.run(models.credentials(found(models, "i"))) == Credentials("shared")


def test_asking_whether_there_is_a_key_runs_no_command(tmp_path: Path) -> None:
    models = registry(tmp_path, providers={"h": local(apiKey=f"!touch '{tmp_path}/ran'; echo key")})
    assert models.has_credentials("h")
    assert models.available()
    assert not (tmp_path / "ran").exists()
    assert asyncio.run(models.credentials(found(models, "h"))) == Credentials("key")
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"apiKey": "sk-secret", "headers": {"x": "sk-secret-$UNSET"}},
            'models.json: header "x" of provider "h" has no value (UNSET not set).',
        ),
        (
            {"apiKey": "sk-secret", "models": [{"id": "m", "headers": {"x": "!echo sk-secret; false"}}]},
            'models.json: header "x" of model "h/m" has no value (its command failed or printed nothing).',
        ),
    ],
)
def test_a_header_without_a_value_is_an_error_that_shows_no_secret(
    tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    models = registry(tmp_path, providers={"h": local(**fields)})
    with pytest.raises(ConfigError) as caught:
        asyncio.run(models.credentials(found(models, "h")))
    assert str(caught.value) == message


def test_a_key_for_this_process_opens_its_own_provider_alone(tmp_path: Path) -> None:
    models = registry(tmp_path)
    models.use_key("groq", "k")
    assert models.has_credentials("groq")
    assert not models.has_credentials("openai")
    groq = found(models, "groq", "openai/gpt-oss-120b")
    assert asyncio.run(models.require_credentials(groq)) == Credentials("k")


def test_a_missing_key_is_named_by_its_provider(tmp_path: Path) -> None:
    models = registry(tmp_path)
    with pytest.raises(MissingKeyError, match=r"^No API key found for groq\.$") as caught:
        asyncio.run(models.require_credentials(found(models, "groq", "openai/gpt-oss-120b")))
    assert caught.value.provider == "groq"
    assert models.key_names("groq") == ("GROQ_API_KEY",)
    assert models.key_names("unheard-of") == ()
    assert {"ANTHROPIC_API_KEY", "OPENAI_API_KEY"} < set(models.key_names())


def test_a_message_can_say_where_a_key_was_looked_for(tmp_path: Path) -> None:
    models = registry(
        tmp_path,
        auth={"anthropic": {"type": "oauth", "access": "sk-secret", "refresh": "r", "expires": 1}},
        providers={"anthropic": {"apiKey": "sk-secret-$NOPE"}},
    )
    assert models.searched_for("groq") == [f'"groq" in {tmp_path}/auth.json', "GROQ_API_KEY"]
    assert models.searched_for("anthropic") == [
        f'"anthropic" in {tmp_path}/auth.json (a login, not a key)',
        f'the apiKey of "anthropic" in {tmp_path}/models.json (NOPE not set)',
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_OAUTH_TOKEN",
        "ANTHROPIC_API_KEY",
    ]

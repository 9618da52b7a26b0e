"""models.json: the user's own providers and models, and changes to those that Pi knows."""

from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct, structs

from pi.llm.models import Model
from pi.platform.errors import ConfigError
from pi.platform.jsonc import loads_jsonc

# Fields that merge with what is there instead of replacing it, and how many levels of objects deep.
_MERGED = {
    "compat": 2,  # openRouterRouting, chatTemplateKwargs and the like are objects themselves
    "cost": 1,
    "inputLimits": 3,
    "promptCache": 1,
    "samplingParams": 1,
    "samplingParamsByThinkingLevel": 2,
    "thinkingLevelMap": 1,
}
_IDENTITY = ("id", "provider", "api", "baseUrl")  # what an override leaves alone


class ProviderConfig(Struct, frozen=True, rename="camel"):
    """One entry of `providers`; models and overrides stay as written until they are applied."""

    name: str | None = None
    base_url: str | None = None
    api_key: str | None = None
    api: str | None = None
    oauth: Literal["radius"] | None = None
    headers: dict[str, str] = {}
    compat: dict[str, Any] | None = None
    auth_header: bool = False
    models: tuple[dict[str, Any], ...] = ()
    model_overrides: dict[str, dict[str, Any]] = {}

    def headers_of(self, model_id: str) -> dict[str, str]:
        """The headers that only one model's requests carry, unresolved."""
        headers: dict[str, str] = dict(self.model_overrides.get(model_id, {}).get("headers") or {})
        for entry in self.models:
            if entry.get("id") == model_id:
                headers |= entry.get("headers") or {}
        return headers


class _File(Struct):
    providers: dict[str, Any]


def read_config(path: Path) -> tuple[dict[str, ProviderConfig], list[str]]:
    """The providers of a models.json, and a warning for each part that is no use; no file is no provider."""
    try:
        file = msgspec.convert(loads_jsonc(path.read_bytes(), source=str(path)), _File)
    except FileNotFoundError:
        return {}, []
    except OSError as error:
        return {}, [f"{path} can't be read: {error.strerror}."]
    except ConfigError as error:
        return {}, [f"{error} Nothing of it is used until that is mended."]
    except msgspec.ValidationError as error:
        return {}, [f"{path}: {error}. Nothing of it is used until that is mended."]
    providers: dict[str, ProviderConfig] = {}
    warnings: list[str] = []
    for id, entry in file.providers.items():
        try:
            providers[id] = msgspec.convert(entry, ProviderConfig)
        except msgspec.ValidationError as error:
            warnings.append(f'{path}: provider "{id}" is ignored: {error}.')
    return providers, warnings


def apply_config(provider: str, known: tuple[Model, ...], config: ProviderConfig) -> tuple[Model, ...]:
    """A provider's models after the user's changes: new ones at the end, replaced ones in their places.

    Raises ConfigError naming the provider, the model and the field that can't be used.
    """
    models = {model.id: _at_provider(model, config) for model in known}
    for entry in config.models:
        model = _define(provider, entry, config, list(models.values()))
        models[model.id] = model
    for id, patch in config.model_overrides.items():
        if id in models:  # ids that nobody has are no error: a list may run ahead of a catalog
            ref = models[id].ref
            changes = {key: value for key, value in _changes(ref, patch).items() if key not in _IDENTITY}
            models[id] = _convert(ref, _merge(msgspec.to_builtins(models[id]), changes, _MERGED))
    return tuple(models.values())


def _at_provider(model: Model, config: ProviderConfig) -> Model:
    if config.base_url is not None:
        model = structs.replace(model, base_url=config.base_url)
    if config.compat is not None:
        model = structs.replace(model, compat=_merge_compat(model.compat or {}, config.compat))
    return model


def _define(provider: str, entry: dict[str, Any], config: ProviderConfig, known: list[Model]) -> Model:
    """A model of the user's own; what it doesn't say comes from its provider, then from a model like it."""
    id = entry.get("id")
    if not isinstance(id, str) or not id:
        raise ConfigError(f'Provider "{provider}": each of its models needs an "id".')
    api = entry.get("api") or config.api
    like = _similar(known, id, api)
    api = api or (like and like.api)
    base_url = entry.get("baseUrl") or config.base_url or (like and like.base_url)
    if not api:
        raise ConfigError(
            f'Provider "{provider}", model "{id}": "api" is missing. Set it there or at the provider.'
        )
    if not base_url:
        raise ConfigError(
            f'Provider "{provider}", model "{id}": "baseUrl" is missing. Set it at the provider.'
        )
    ref = f"{provider}/{id}"
    fields = {"name": id, "api": api, "baseUrl": base_url} | _changes(ref, entry) | {"provider": provider}
    if config.compat is not None:
        fields["compat"] = _merge_compat(config.compat, entry.get("compat") or {})
    return _convert(ref, fields)


def _similar(known: list[Model], id: str, api: str | None) -> Model | None:
    """The model whose api and address a new one takes over: the one it replaces, or one of the same kind."""

    def rank(model: Model) -> tuple[bool, bool, bool]:
        return (model.id == id, model.api == api, model.api == "openai-completions")

    return max(known, key=rank, default=None)


def _changes(ref: str, entry: dict[str, Any]) -> dict[str, Any]:
    """An entry without what is null and without its headers, which are resolved for each request."""
    try:
        msgspec.convert(entry.get("headers"), dict[str, str] | None)
    except msgspec.ValidationError as error:
        raise ConfigError(f'Model "{ref}", headers: {error}.') from None
    return {key: value for key, value in entry.items() if key != "headers" and value is not None}


def _merge_compat(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return _merge({"compat": base}, {"compat": changes}, _MERGED)["compat"]


def _merge(base: dict[str, Any], changes: dict[str, Any], depths: dict[str, int]) -> dict[str, Any]:
    """`base` with `changes` over it, object by object where `depths` says so."""
    merged = base | changes
    for key, depth in depths.items():
        if isinstance(base.get(key), dict) and isinstance(changes.get(key), dict):
            inner = dict.fromkeys(changes[key], depth - 1) if depth > 1 else {}
            merged[key] = _merge(base[key], changes[key], inner)
    return merged


def _convert(ref: str, fields: dict[str, Any]) -> Model:
    try:
        model = msgspec.convert(_integral(fields), Model)
    except msgspec.ValidationError as error:
        raise ConfigError(f'Model "{ref}": {error}.') from None
    if model.context_window <= 0 or model.max_tokens <= 0:
        raise ConfigError(f'Model "{ref}": "contextWindow" and "maxTokens" must be greater than 0.')
    return model


def _integral(fields: dict[str, Any]) -> dict[str, Any]:
    """JavaScript knows no integers: 128000.0 and 1e6 are limits as good as any."""
    whole = {key: fields[key] for key in ("contextWindow", "maxTokens") if isinstance(fields.get(key), float)}
    return fields | {key: int(value) for key, value in whole.items() if value.is_integer()}

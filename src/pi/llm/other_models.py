"""Models that don't chat: which ones there are, and the one request that asks one of them."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pi.llm.auth import Credentials
from pi.llm.auth.environment import with_url_variables
from pi.llm.config import apply_config
from pi.llm.errors import ProviderError
from pi.llm.models import Model, ModelCost
from pi.llm.options import StreamOptions
from pi.llm.registry import ModelRegistry
from pi.llm.retry import retry_after_ms, retry_delay_ms
from pi.platform.errors import PiError

Kind = Literal["images", "classifiers"]
_LARGEST = 256_000_000  # bytes of an answer: several large images in base64
_TIMEOUT_MS = 600_000  # until the answer begins: an image may take minutes
_KEYS = {"typesafe": ("TYPESAFE_API_KEY",)}  # of providers without a model that chats


class Request(Struct, frozen=True):
    """What to ask: `path` below the model's address, and how a refusal reads, by status and body.

    `final` are statuses after which nobody asks again.
    """

    path: str
    payload: dict[str, Any]
    refusal: Callable[[int, str], str]
    headers: dict[str, str] = {}
    max_retries: int = 0
    final: frozenset[int] = frozenset()
    proxy: str | None = None


def find_model(registry: ModelRegistry, kind: Kind, apis: Collection[str], ref: str) -> Model:
    """The model named `provider/id`, as models.json changes it; an unknown id is one without prices.

    Raises PiError for a provider that has no model of this kind, ConfigError.
    """
    provider, _, id = ref.partition("/")
    env, config = registry.env_of(provider), registry.configured(provider)
    models = tuple(with_url_variables(model, env) for model in _known(kind).get(provider, ()))
    if config:
        models = apply_config(provider, models, config)
    models = tuple(model for model in models if model.api in apis)
    if not id or not models:
        raise PiError(
            f"{ref!r} is no model for {kind}. Name one as provider/id; providers: {', '.join(_known(kind))}."
        )
    if found := next((model for model in models if model.id == id), None):
        return found
    able = max(models, key=lambda model: len(model.input))
    return replace(able, id=id, name=id, cost=ModelCost(), compat=config.compat if config else None)


async def ask(registry: ModelRegistry, model: Model, request: Request) -> bytes:
    """The body of the answer. Raises ProviderError, ConfigError, and PiError when there is no key."""
    credentials = await _credentials(registry, model)
    attempt = 0
    while True:
        try:
            return await _post(model, credentials, request)
        except ProviderError as error:
            if error.status == 401 and credentials.renew:
                credentials = replace(await credentials.renew(), renew=None)
                continue
            limits = StreamOptions(max_retries=request.max_retries)
            delay = None if error.status in request.final else retry_delay_ms(error, attempt, limits)
            if delay is None:
                raise
        attempt += 1
        await asyncio.sleep(delay / 1000)


async def _post(model: Model, credentials: Credentials, request: Request) -> bytes:
    from pi.llm.http import post_json

    url = f"{(credentials.base_url or model.base_url).rstrip('/')}/{request.path}"
    own = {"authorization": f"Bearer {credentials.api_key}"} if credentials.api_key else {}
    options = StreamOptions(headers=credentials.headers, idle_timeout_ms=_TIMEOUT_MS, proxy=request.proxy)
    headers = own | request.headers | (model.headers or {})
    async with post_json(url, request.payload, headers, options) as response:
        if 200 <= response.status < 300:
            return await response.read(_LARGEST)
        body = (await response.read()).decode("utf-8", "replace")
        raise ProviderError(
            request.refusal(response.status, body),
            status=response.status,
            retry_after_ms=retry_after_ms(response.headers),
        )


async def _credentials(registry: ModelRegistry, model: Model) -> Credentials:
    if found := await registry.credentials(model):
        return found
    env = registry.env_of(model.provider)
    for name in _KEYS.get(model.provider, ()):
        if key := env.get(name):
            return Credentials(key)
    raise PiError(f"No API key for provider: {model.provider}")


@cache
def _known(kind: Kind) -> Mapping[str, tuple[Model, ...]]:
    path = Path(__file__).with_name("data_other") / f"{kind}.json"
    groups = msgspec.json.decode(path.read_bytes(), type=dict[str, _Group])
    return {
        provider: msgspec.convert(
            [{"provider": provider} | group.defaults | model for model in group.models], tuple[Model, ...]
        )
        for provider, group in groups.items()
    }


class _Group(Struct):
    defaults: dict[str, Any]  # what a provider's models have in common; a model's own fields win
    models: list[dict[str, Any]]

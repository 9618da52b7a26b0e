"""Keys in the environment, under the names of each provider's own tools, and what its addresses need."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import structs

from pi.llm.models import Model
from pi.llm.providers import PROVIDERS


def environment_names(provider: str) -> tuple[str, ...]:
    """The variables that may hold a provider's key, in the order in which they are looked at."""
    known = PROVIDERS.get(provider)
    return (*known.bearer_env, *known.env) if known else ()


def environment_key(provider: str, env: Mapping[str, str]) -> tuple[str | None, dict[str, str]]:
    """The key, or the headers that stand in for one; `(None, {})` when no variable is set."""
    known = PROVIDERS.get(provider)
    for name in environment_names(provider):
        if known and (value := env.get(name)):
            if name in known.bearer_env:
                return None, {"Authorization": f"Bearer {value}"}
            return value, {}
    return None, {}


def missing_for_url(provider: str, env: Mapping[str, str]) -> tuple[str, ...]:
    """The variables that a provider's addresses need and that are not set."""
    known = PROVIDERS.get(provider)
    return tuple(name for name in known.url_env if not env.get(name)) if known else ()


def with_url_variables(model: Model, env: Mapping[str, str]) -> Model:
    """A model of the catalog whose address has the variables' values in it, as far as they are set."""
    known, url = PROVIDERS.get(model.provider), model.base_url
    if known and known.root_env and (root := env.get(known.root_env)):
        url = api_below(root)
    for name in known.url_env if known else ():
        url = url.replace(f"{{{name}}}", env.get(name) or f"{{{name}}}")
    return model if url == model.base_url else structs.replace(model, base_url=url)


def api_below(root: str) -> str:
    """Where the server with that root address, as people write it, speaks Chat Completions."""
    root = root.strip().rstrip("/").removesuffix("/v1")
    return f"{root if '://' in root else f'http://{root}'}/v1"


def has_ambient(provider: str, env: Mapping[str, str]) -> bool:
    """Whether credentials that a protocol finds by itself are there: variables are set, files exist."""
    known = PROVIDERS.get(provider)
    return known is not None and any(all(_is_there(each, env) for each in group) for group in known.ambient)


def _is_there(what: str, env: Mapping[str, str]) -> bool:
    return Path(what).expanduser().is_file() if what.startswith(("~", "/")) else bool(env.get(what))

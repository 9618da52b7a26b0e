"""Where models on Azure are: the address of a resource, and the deployment that serves a model."""

import os

from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.proxy import parse_url
from pi.platform.errors import ConfigError

API_VERSION = "v1"

_DOMAINS = (".openai.azure.com", ".cognitiveservices.azure.com", ".ai.azure.com")
_ROOTS = ("", "/openai", "/openai/v1/responses")  # what people copy from the portal


def base_url(model: Model, options: StreamOptions) -> str:
    """The address below which both OpenAI protocols are, without a slash at its end.

    AZURE_OPENAI_BASE_URL beats AZURE_OPENAI_RESOURCE_NAME, and that the model's own. Raises ConfigError.
    """
    url = _variable("AZURE_OPENAI_BASE_URL", options)
    if not url and (resource := _variable("AZURE_OPENAI_RESOURCE_NAME", options)):
        url = f"https://{resource}.openai.azure.com"
    url = (url or model.base_url).strip().rstrip("/")
    if not url:
        raise ConfigError(
            "Azure OpenAI base URL is required. Set AZURE_OPENAI_BASE_URL or AZURE_OPENAI_RESOURCE_NAME."
        )
    parts = parse_url(url)
    path = parts.target.partition("?")[0].rstrip("/")
    if parts.host.lower().endswith(_DOMAINS) and path in _ROOTS:
        return f"{parts.scheme}://{parts.authority}/openai/v1"
    return url


def deployment(model: Model, options: StreamOptions) -> str:
    """The name under which the model is deployed, by AZURE_OPENAI_DEPLOYMENT_NAME_MAP (`model=name,…`)."""
    entries = _variable("AZURE_OPENAI_DEPLOYMENT_NAME_MAP", options).split(",")
    names = {id.strip(): name.strip() for id, _, name in (entry.partition("=") for entry in entries)}
    return names.get(model.id) or model.id


def api_version(options: StreamOptions) -> str:
    """The `api-version` that Responses are asked for with."""
    return _variable("AZURE_OPENAI_API_VERSION", options) or API_VERSION


def _variable(name: str, options: StreamOptions) -> str:
    env = os.environ if options.env is None else options.env
    return env.get(name, "").strip()

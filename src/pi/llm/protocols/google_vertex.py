"""Gemini on Vertex AI: one streamed request, opened by an API key or by Google Cloud's credentials."""

import os
import re
from collections.abc import AsyncGenerator, Mapping
from urllib.parse import quote

from pi.llm.auth.google_cloud import google_cloud_headers
from pi.llm.draft import Draft
from pi.llm.events import BlockEvent, StreamStart
from pi.llm.formats.google_answer import Answer, read_chunks, refusal
from pi.llm.formats.google_payload import build_payload
from pi.llm.http import post_json
from pi.llm.messages import Context
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.platform.errors import ConfigError

_HOST = "https://aiplatform.googleapis.com"  # of the global endpoint, and of API keys
_CONTINENTS = frozenset(("us", "eu"))  # locations of several regions, each with a host of its own kind
_VERSION = r"v\d+(?:beta\d*)?"
_NO_KEY = r"gcp-vertex-credentials|<[^>]+>"  # in the place of a key: use Google Cloud's credentials


async def stream(
    draft: Draft, context: Context, options: StreamOptions
) -> AsyncGenerator[StreamStart | BlockEvent]:
    """Ask the draft's model and feed its answer to the draft; raises ProviderError, ConfigError."""
    model = draft.model
    env = os.environ if options.env is None else options.env
    payload = build_payload(model, context, options)
    answer = Answer(draft, "Google Vertex")
    url = build_url(model, _key(options), env)
    async with post_json(url, payload, await _headers(model, options, env), options) as response:
        if response.status >= 300:
            raise await refusal(response)
        yield StreamStart()
        async for chunk in read_chunks(response, options):
            for event in answer.read(chunk):
                yield event
    for event in answer.end():
        yield event


def build_url(model: Model, key: str | None, env: Mapping[str, str]) -> str:
    """Where a model is asked. Raises ConfigError when that needs a project or a location that nobody named.

    `{location}` in the model's address stands for Google's own hosts. Any other address is the collection
    that `publishers/` is in: project and location, if it has any, are a part of it.
    """
    resource = f"{quote(_resource(model.id))}:streamGenerateContent?alt=sse"
    base = model.base_url.strip().rstrip("/")
    if base and "{location}" not in base:
        has_version = any(re.fullmatch(_VERSION, part) for part in base.split("/"))
        return f"{base}/{resource}" if has_version else f"{base}/v1/{resource}"
    if key:
        return f"{_HOST}/v1/{resource}"
    project = env.get("GOOGLE_CLOUD_PROJECT") or env.get("GCLOUD_PROJECT")
    location = env.get("GOOGLE_CLOUD_LOCATION")
    if not project:
        raise ConfigError("Vertex AI requires a project ID. Set GOOGLE_CLOUD_PROJECT or GCLOUD_PROJECT.")
    if not location:
        raise ConfigError("Vertex AI requires a location. Set GOOGLE_CLOUD_LOCATION.")
    if resource.startswith("projects/"):
        return f"{_host(location)}/v1/{resource}"
    return f"{_host(location)}/v1/projects/{quote(project)}/locations/{quote(location)}/{resource}"


def _host(location: str) -> str:
    if location == "global":
        return _HOST
    if location in _CONTINENTS:
        return f"https://aiplatform.{quote(location)}.rep.googleapis.com"
    return f"https://{quote(location)}-aiplatform.googleapis.com"


def _resource(id: str) -> str:
    if id.startswith(("publishers/", "projects/", "models/")):
        return id
    publisher, slash, name = id.partition("/")
    return f"publishers/{publisher}/models/{name}" if slash else f"publishers/google/models/{id}"


def _key(options: StreamOptions) -> str | None:
    key = (options.api_key or "").strip()
    return None if not key or re.fullmatch(_NO_KEY, key) else key


async def _headers(model: Model, options: StreamOptions, env: Mapping[str, str]) -> dict[str, str]:
    """Names in lower case; what the user configured beats what opens the request, and makes it unneeded."""
    own: dict[str, str] = {}
    for group in (model.headers, options.headers):
        own |= {name.lower(): value for name, value in (group or {}).items()}
    if key := _key(options):
        opened = {"x-goog-api-key": key}
    elif own.keys() & {"authorization", "x-goog-api-key"}:
        opened = {}
    else:
        opened = await google_cloud_headers(env)
    return {"accept": "*/*"} | opened | own

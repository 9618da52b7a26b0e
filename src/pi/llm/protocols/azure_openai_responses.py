"""Responses on Azure: OpenAI's protocol at the address of a resource, its models under deployment names."""

from collections.abc import AsyncGenerator

from pi.llm.draft import Draft
from pi.llm.errors import ProviderError
from pi.llm.events import BlockEvent, StreamStart
from pi.llm.formats import azure
from pi.llm.formats.responses_answer import responses_stream
from pi.llm.formats.responses_compat import responses_compat
from pi.llm.formats.responses_items import raw_inputs
from pi.llm.formats.responses_payload import build_payload
from pi.llm.messages import Context
from pi.llm.models import Model
from pi.llm.options import StreamOptions


def stream(
    draft: Draft, context: Context, options: StreamOptions
) -> AsyncGenerator[StreamStart | BlockEvent]:
    """Ask the draft's model and feed its answer to the draft.

    Raises ProviderError, and ConfigError when nothing tells the address.
    """
    model = draft.model
    return responses_stream(
        draft,
        f"{azure.base_url(model, options)}/responses?api-version={azure.api_version(options)}",
        build_payload(model, context, options) | {"model": azure.deployment(model, options)},
        build_headers(model, options),
        options,
        "Azure OpenAI",
        raw_inputs(context, responses_compat(model)),
    )


def build_headers(model: Model, options: StreamOptions) -> dict[str, str]:
    """The headers of a request, names in lower case; raises ProviderError when there is no key."""
    headers = {"api-key": options.api_key} if options.api_key else {}
    for group in (model.headers or {}, options.headers or {}):
        headers |= {name.lower(): value for name, value in group.items()}
    if not any(headers.get(name, "").strip() for name in ("api-key", "authorization")):
        raise ProviderError(f"No API key for provider: {model.provider}")
    return headers

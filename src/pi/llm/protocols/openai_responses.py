"""Responses, the protocol of OpenAI's newer models."""

from collections.abc import AsyncGenerator

from pi.llm.draft import Draft
from pi.llm.errors import ProviderError
from pi.llm.events import BlockEvent, StreamStart
from pi.llm.formats.responses_answer import responses_stream
from pi.llm.formats.responses_compat import responses_compat
from pi.llm.formats.responses_items import raw_inputs
from pi.llm.formats.responses_payload import build_payload, told_effort
from pi.llm.messages import Context
from pi.llm.models import Model
from pi.llm.options import StreamOptions


def stream(
    draft: Draft, context: Context, options: StreamOptions
) -> AsyncGenerator[StreamStart | BlockEvent]:
    """Ask the draft's model and feed its answer to the draft; raises ProviderError."""
    model = draft.model
    draft.provider_thinking_level = told_effort(model, options)
    return responses_stream(
        draft,
        model.base_url.rstrip("/") + "/responses",
        build_payload(model, context, options),
        build_headers(model, options),
        options,
        "OpenAI" if model.provider == "openai" else model.provider,
        raw_inputs(context, responses_compat(model)),
    )


def build_headers(model: Model, options: StreamOptions) -> dict[str, str]:
    """The headers of a request, names in lower case; raises ProviderError when there is no key."""
    headers = {"authorization": f"Bearer {options.api_key}"} if options.api_key else {}
    headers |= {name.lower(): value for name, value in (model.headers or {}).items()}
    if options.session_id and options.cache_retention != "none":
        names = _AFFINITY.get(responses_compat(model).session_affinity_format, _AFFINITY_BASE)
        headers |= dict.fromkeys(names, options.session_id)
    headers |= {name.lower(): value for name, value in (options.headers or {}).items()}
    if not any(headers.get(name, "").strip() for name in ("authorization", "cf-aig-authorization")):
        raise ProviderError(f"No API key for provider: {model.provider}")
    return headers


_AFFINITY_BASE = ("x-client-request-id",)
_AFFINITY = {"openai": ("session_id", *_AFFINITY_BASE), "openrouter": ("x-session-id",)}

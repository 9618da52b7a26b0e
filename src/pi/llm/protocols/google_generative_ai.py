"""The Gemini API of Google AI Studio: one streamed request to `:streamGenerateContent`."""

from collections.abc import AsyncGenerator
from urllib.parse import quote

from pi.llm.draft import Draft
from pi.llm.errors import ProviderError
from pi.llm.events import BlockEvent, StreamStart
from pi.llm.formats.google_answer import Answer, read_chunks, refusal
from pi.llm.formats.google_payload import build_payload
from pi.llm.http import post_json
from pi.llm.messages import Context
from pi.llm.models import Model
from pi.llm.options import StreamOptions


async def stream(
    draft: Draft, context: Context, options: StreamOptions
) -> AsyncGenerator[StreamStart | BlockEvent]:
    """Ask the draft's model and feed its answer to the draft; raises ProviderError."""
    model = draft.model
    payload = build_payload(model, context, options)
    answer = Answer(draft, "Google")
    async with post_json(_url(model), payload, build_headers(model, options), options) as response:
        if response.status >= 300:
            raise await refusal(response)
        yield StreamStart()
        async for chunk in read_chunks(response, options):
            for event in answer.read(chunk):
                yield event
    for event in answer.end():
        yield event


def build_headers(model: Model, options: StreamOptions) -> dict[str, str]:
    """The headers of a request, names in lower case; raises ProviderError when there is no key."""
    headers = {"accept": "*/*"}  # errors come as JSON, an answer as a stream of events
    if options.api_key:
        headers["x-goog-api-key"] = options.api_key
    for own in (model.headers, options.headers):
        headers |= {name.lower(): value for name, value in (own or {}).items()}
    if not any(headers.get(name, "").strip() for name in ("x-goog-api-key", "authorization")):
        raise ProviderError(f"No API key for provider: {model.provider}")
    return headers


def _url(model: Model) -> str:
    path = model.id if model.id.startswith(("models/", "tunedModels/")) else f"models/{model.id}"
    return f"{model.base_url.rstrip('/')}/{quote(path)}:streamGenerateContent?alt=sse"

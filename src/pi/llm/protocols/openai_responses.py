"""Responses, the protocol of OpenAI's newer models."""

from collections.abc import AsyncGenerator

from pi.llm.draft import Draft
from pi.llm.errors import ProviderError
from pi.llm.events import BlockEvent, StreamStart
from pi.llm.formats.openai_errors import refusal_text
from pi.llm.formats.responses_answer import ResponsesAnswer
from pi.llm.formats.responses_compat import responses_compat
from pi.llm.formats.responses_events import read_event
from pi.llm.formats.responses_payload import build_payload
from pi.llm.http import Response, post_json
from pi.llm.messages import Context
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.retry import retry_after_ms
from pi.llm.sse import sse_events, watched


async def stream(
    draft: Draft, context: Context, options: StreamOptions
) -> AsyncGenerator[StreamStart | BlockEvent]:
    """Ask the draft's model and feed its answer to the draft; raises ProviderError."""
    model = draft.model
    url = model.base_url.rstrip("/") + "/responses"
    payload = build_payload(model, context, options)
    answer = ResponsesAnswer(draft)
    done = False
    async with post_json(url, payload, build_headers(model, options), options) as response:
        if response.status >= 300:
            raise await _refusal(model, response)
        yield StreamStart()
        async for _, data in watched(sse_events(response.chunks()), options.on_stream_event):
            done = done or data.startswith(b"[DONE]")
            if done or not data:  # read on to the end all the same: the connection is used again
                continue
            for event in answer.read(read_event(data)):
                yield event
    answer.finish()
    for event in draft.close_all():
        yield event


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


async def _refusal(model: Model, response: Response) -> ProviderError:
    body = (await response.read()).decode("utf-8", "replace")
    host = "OpenAI" if model.provider == "openai" else model.provider
    text = refusal_text(response.status, body).removeprefix(f"{response.status}: ")
    return ProviderError(
        f"{host} API error ({response.status}): {text}",
        status=response.status,
        retry_after_ms=retry_after_ms(response.headers),
    )

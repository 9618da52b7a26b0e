"""Making images: one request to an image model, whose answer holds images and text."""

import re
from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from pi.llm.cost import priced
from pi.llm.errors import ProtocolError
from pi.llm.formats.lenient import Reader, as_dict, as_list, as_text
from pi.llm.formats.openai_errors import refusal_text
from pi.llm.messages import Image, Text, Usage
from pi.llm.models import Model
from pi.llm.other_models import Request, ask, find_model
from pi.llm.registry import ModelRegistry
from pi.platform.errors import PiError

_API = "openrouter-images"
_DATA_URL = re.compile(r"data:([^;]+);base64,(.+)")


class Images(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What came of it; with `stop_reason` "error", `error_message` says why and `output` is empty."""

    provider: str
    model: str
    output: tuple[Text | Image, ...] = ()
    usage: Usage = Usage()
    stop_reason: Literal["stop", "error"] = "stop"
    error_message: str | None = None
    response_id: str | None = None


async def generate_images(
    registry: ModelRegistry,
    model: str,
    input: str | Sequence[str | Text | Image],
    *,
    proxy: str | None = None,
) -> Images:
    """Images for a prompt and, among `input`, images to edit or to follow; `model` is `provider/id`.

    A failed request is a result with an `error_message`. Raises PiError for a name that can't be asked,
    ConfigError for a models.json that can't be used.
    """
    asked = find_model(registry, "images", (_API,), model)
    parts = (input,) if isinstance(input, str) else input
    payload = {
        "model": asked.id,
        "messages": [{"role": "user", "content": [_part(each) for each in parts]}],
        "stream": False,
        "modalities": (asked.compat or {}).get("modalities", ["image"]),
    }
    request = Request("chat/completions", payload, refusal_text, proxy=proxy)
    try:
        return _images(asked, await ask(registry, asked, request))
    except PiError as error:
        return Images(asked.provider, asked.id, stop_reason="error", error_message=str(error))


def _part(block: str | Text | Image) -> dict[str, Any]:
    match block:
        case Image(data=data, mime_type=mime_type):
            return {"type": "image_url", "image_url": {"url": f"data:{mime_type};base64,{data}"}}
        case Text(text=text) | text:
            return {"type": "text", "text": text}


def _images(model: Model, body: bytes) -> Images:
    answer = Reader(dict[str, Any]).read(body)
    choices = as_list(answer.get("choices"))
    if not choices:
        raise ProtocolError("The provider sent an answer without choices. Try again.")
    message = as_dict(as_dict(choices[0]).get("message"))
    text = as_text(message.get("content"))
    found = [_image(as_dict(each).get("image_url")) for each in as_list(message.get("images"))]
    return Images(
        model.provider,
        model.id,
        (*([Text(text)] if text else []), *(image for image in found if image)),
        priced(model, _usage(as_dict(answer.get("usage")))),
        response_id=as_text(answer.get("id")) or None,
    )


def _image(url: Any) -> Image | None:
    """The image in a `data:` URL; one that would have to be fetched is left out."""
    match = _DATA_URL.fullmatch(as_text(url) or as_text(as_dict(url).get("url")))
    return Image(data=match[2], mime_type=match[1]) if match else None


def _usage(raw: dict[str, Any]) -> Usage:
    """Tokens; where writes to the cache are told, they are among those that count as cached."""
    details = as_dict(raw.get("prompt_tokens_details"))
    cached, write = _count(details.get("cached_tokens")), _count(details.get("cache_write_tokens"))
    read = max(0, cached - write)
    fresh = max(0, _count(raw.get("prompt_tokens")) - read - write)
    output = _count(raw.get("completion_tokens"))
    return Usage(fresh, output, read, write, fresh + output + read + write)


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0

"""System One, the format of TypeSafe's classifiers: requests, also as Workers AI wraps them, and answers."""

from collections.abc import Sequence
from typing import Any

import msgspec

from pi.llm.errors import ProtocolError
from pi.llm.formats.lenient import as_dict, as_list
from pi.llm.messages import Image
from pi.llm.models import Model
from pi.llm.questions import Inquiry
from pi.platform.errors import PiError

_MOST_URLS = 4


def payload(label: str, model: Model, asked: Inquiry) -> dict[str, Any]:
    """The body of a request to TypeSafe and those who speak as it does."""
    return {"model": model.id, **_input(label, model, asked)}


def payload_workers_ai(label: str, model: Model, asked: Inquiry) -> dict[str, Any]:
    """The body of a request to Cloudflare Workers AI."""
    return {"model": model.id, "input": _input(label, model, asked)}


def result(label: str, body: dict[str, Any]) -> dict[str, Any]:
    """The `answers` and the `usage` of an answer."""
    return body


def result_workers_ai(label: str, body: dict[str, Any]) -> dict[str, Any]:
    """Likewise, from inside an answer of Cloudflare; raises ProtocolError with what it says went wrong."""
    if body.get("success") is False:
        errors = (as_dict(each).get("message") for each in as_list(body.get("errors")))
        said = "; ".join(each for each in errors if isinstance(each, str))
        raise ProtocolError(f"{label} error: {said}" if said else f"{label} request failed")
    inner = body.get("result")
    if "answers" in as_dict(inner):
        return as_dict(inner)
    if isinstance(inner, dict) and (state := as_dict(inner).get("state", "undefined")) != "Completed":
        raise ProtocolError(f"{label} run did not complete (state: {state})")
    if not isinstance(found := as_dict(inner).get("result"), dict):
        raise ProtocolError(f"{label} returned an unexpected response")
    return as_dict(found)


def opt_in_headers(model: Model) -> dict[str, str]:
    """What a request with images carries where they are experimental."""
    given = (model.compat or {}).get("sendImageOptInHeader")
    needed = model.api == "typesafe-system-one" and not _is_openrouter(model) if given is None else given
    return {"typesafe-danger-zone-images": "true"} if needed else {}


def _input(label: str, model: Model, asked: Inquiry) -> dict[str, Any]:
    questions = {id: _with_noul(msgspec.to_builtins(each)) for id, each in asked.questions.items()}
    request: dict[str, Any] = {"state": asked.state, "questions": questions}
    return request | (_with_images(label, model, asked) if asked.images else {})


def _with_noul(question: dict[str, Any]) -> dict[str, Any]:
    return question | {"type": "noul"} if question["type"] == "bool" else question


def _with_images(label: str, model: Model, asked: Inquiry) -> dict[str, Any]:
    """The fields that carry the images: each service has its own way, and drops those sent in another."""
    urls = [f"data:{image.mime_type};base64,{image.data}" for image in asked.images]
    match _image_input(model):
        case "images":
            if len(urls) > _MOST_URLS:
                raise PiError(f"{label} accepts at most {_MOST_URLS} images for {model.id}, got {len(urls)}")
            _check(label, model, asked.images, "PNG, JPEG, and WebP", ("png", "jpeg", "webp"))
            return {"images": urls}
        case "state-image-urls":
            parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
            return {"state": [*parts, asked.state]}
        case _:
            _check(label, model, asked.images, "PNG and JPEG", ("png", "jpeg"))
            assets = {f"<image-{n}>": _asset(image) for n, image in enumerate(asked.images, 1)}
            return {"assets": assets, "state": [*assets, asked.state]}


def _asset(image: Image) -> dict[str, str]:
    return {
        "type": "image",
        "format": image.mime_type.removeprefix("image/"),
        "data_base64": image.data,
    }


def _check(label: str, model: Model, images: Sequence[Image], words: str, kinds: tuple[str, ...]) -> None:
    for image in images:
        if image.mime_type not in {f"image/{kind}" for kind in kinds}:
            raise PiError(f"{label} accepts {words} images for {model.id}, got {image.mime_type}")


def _image_input(model: Model) -> str:
    if given := (model.compat or {}).get("imageInput"):
        return given
    if model.api == "cloudflare-workers-ai-system-one":
        return "images" if model.id.startswith("@cf/cloudflare/clef") else "assets"
    return "state-image-urls" if _is_openrouter(model) else "assets"


def _is_openrouter(model: Model) -> bool:
    return model.provider == "openrouter" or "openrouter.ai" in model.base_url

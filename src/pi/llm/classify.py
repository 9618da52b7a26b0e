"""Classifying: typed questions about JSON, answered by a classifier model with probabilities."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from pi.llm.cost import priced
from pi.llm.errors import ProtocolError
from pi.llm.formats.lenient import as_dict, as_list, foreign_json
from pi.llm.formats.openai_errors import BODY_LENGTH
from pi.llm.messages import Image, Usage
from pi.llm.models import Model
from pi.llm.other_models import Request, ask, find_model
from pi.llm.registry import ModelRegistry
from pi.platform.errors import PiError

_RETRIES = 2


class _Tagged(Struct, frozen=True, tag_field="type"):
    pass


class ChoiceQuestion(_Tagged, frozen=True, tag="choice"):
    """Pick one label; `criteria` says what each label means."""

    instructions: str
    criteria: dict[str, str]


class ScoreQuestion(_Tagged, frozen=True, tag="score"):
    """Give a score on a scale; `criteria` describes its levels, the lowest first."""

    instructions: str
    criteria: Sequence[str]


class BoolQuestion(_Tagged, frozen=True, tag="bool"):
    """Yes or no; `criteria` says what "true" and "false" mean."""

    instructions: str
    criteria: dict[Literal["true", "false"], str]


class ChoiceAnswer(_Tagged, frozen=True, tag="choice"):
    """The label, and how probable each one is."""

    choice: str
    probabilities: dict[str, float]
    confidence: float


class ScoreAnswer(_Tagged, frozen=True, tag="score"):
    """The expected index of the level, from 0 to the number of levels less one."""

    score: float
    confidence: float


class BoolAnswer(_Tagged, frozen=True, tag="bool"):
    """How probable "true" is."""

    probability: float


Question = ChoiceQuestion | ScoreQuestion | BoolQuestion
Answer = ChoiceAnswer | ScoreAnswer | BoolAnswer


class Classified(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Answers by question; with `stop_reason` "error", `error_message` says why and there are none."""

    provider: str
    model: str
    answers: dict[str, Answer] = {}
    usage: Usage = Usage()
    stop_reason: Literal["stop", "error"] = "stop"
    error_message: str | None = None


class _Asked(Struct, frozen=True):
    state: Any
    questions: Mapping[str, Question]
    images: Sequence[Image]


class _Api(Struct, frozen=True):
    """A way to ask: how errors name it, the path, and what makes a request and reads an answer.

    `words` are how answers call what we call bool, and where its probability is.
    """

    label: str
    path: str
    payload: Callable[[str, Model, _Asked], dict[str, Any]]
    result: Callable[[str, dict[str, Any]], dict[str, Any]]
    words: tuple[str, str] = ("noul", "noul")
    final: frozenset[int] = frozenset()


async def classify(
    registry: ModelRegistry,
    model: str,
    state: Any,
    questions: Mapping[str, Question],
    *,
    images: Sequence[Image] = (),
    proxy: str | None = None,
) -> Classified:
    """Ask a classifier model, named `provider/id`, about `state`, which is JSON, and about `images`.

    A failed request is a result with an `error_message`. Raises PiError for a name that can't be asked,
    ConfigError for a models.json that can't be used.
    """
    asked = find_model(registry, "classifiers", _APIS, model)
    api = _APIS[asked.api]
    try:
        request = _request(registry, asked, _Asked(state, questions, images), proxy)
        result = api.result(api.label, _object(api.label, foreign_json(await ask(registry, asked, request))))
        return Classified(
            asked.provider,
            asked.id,
            _answers(api, result.get("answers"), questions),
            priced(asked, _usage(as_dict(result.get("usage")))),
        )
    except PiError as error:
        return Classified(asked.provider, asked.id, stop_reason="error", error_message=str(error))


def _request(registry: ModelRegistry, model: Model, asked: _Asked, proxy: str | None) -> Request:
    api = _APIS[model.api]
    if asked.images and "image" not in model.input:
        raise PiError(f"{api.label} does not support image input for {model.id}")
    if model.provider == "openai" and (registry.source("openai") or ("",))[0] == "oauth":
        raise PiError(f"{api.label} takes API keys only: log out of openai, then set OPENAI_API_KEY.")
    return Request(
        f"v1/{api.path}" if model.provider == "github-copilot" else api.path,
        api.payload(api.label, model, asked),
        lambda status, body: _refusal(api.label, status, body),
        {"typesafe-danger-zone-images": "true"} if asked.images and _opts_in(model) else {},
        _RETRIES,
        api.final,
        proxy,
    )


def _refusal(label: str, status: int, body: str) -> str:
    if label == _DECISIONS and status == 504:
        return (
            f"{label} error (504): the request timed out at the gateway. Very large inputs (above roughly "
            "600K tokens) currently exceed its time limit."
        )
    text = body.strip() or f"{label} returned {status}"
    if len(text) > BODY_LENGTH:
        text = f"{text[:BODY_LENGTH]}... [truncated {len(text) - BODY_LENGTH} chars]"
    return f"{label} error ({status}): {text}"


# System One: TypeSafe's format, which most providers of classifiers speak.


def _system_one(label: str, model: Model, asked: _Asked) -> dict[str, Any]:
    return {"model": model.id, **_system_one_input(label, model, asked)}


def _workers_ai(label: str, model: Model, asked: _Asked) -> dict[str, Any]:
    return {"model": model.id, "input": _system_one_input(label, model, asked)}


def _system_one_input(label: str, model: Model, asked: _Asked) -> dict[str, Any]:
    questions = {id: _with_noul(msgspec.to_builtins(each)) for id, each in asked.questions.items()}
    request: dict[str, Any] = {"state": asked.state, "questions": questions}
    return request | (_with_images(label, model, asked) if asked.images else {})


def _with_noul(question: dict[str, Any]) -> dict[str, Any]:
    return question | {"type": "noul"} if question["type"] == "bool" else question


def _with_images(label: str, model: Model, asked: _Asked) -> dict[str, Any]:
    """The fields that carry the images; each service has its own way, and drops those sent in another."""
    urls = [_data_url(image) for image in asked.images]
    match _image_input(model):
        case "images":
            if len(urls) > 4:
                raise PiError(f"{label} accepts at most 4 images for {model.id}, got {len(urls)}")
            _check_types(label, model, asked.images, "PNG, JPEG, and WebP", ("png", "jpeg", "webp"))
            return {"images": urls}
        case "state-image-urls":
            return {
                "state": [*({"type": "image_url", "image_url": {"url": url}} for url in urls), asked.state]
            }
        case _:
            _check_types(label, model, asked.images, "PNG and JPEG", ("png", "jpeg"))
            assets = {
                f"<image-{number}>": {
                    "type": "image",
                    "format": image.mime_type.removeprefix("image/"),
                    "data_base64": image.data,
                }
                for number, image in enumerate(asked.images, 1)
            }
            return {"assets": assets, "state": [*assets, asked.state]}


def _check_types(
    label: str, model: Model, images: Sequence[Image], words: str, kinds: tuple[str, ...]
) -> None:
    for image in images:
        if image.mime_type not in {f"image/{kind}" for kind in kinds}:
            raise PiError(f"{label} accepts {words} images for {model.id}, got {image.mime_type}")


def _image_input(model: Model) -> str:
    if given := (model.compat or {}).get("imageInput"):
        return given
    if model.api == "cloudflare-workers-ai-system-one":
        return "images" if model.id.startswith("@cf/cloudflare/clef") else "assets"
    return "state-image-urls" if _is_openrouter(model) else "assets"


def _opts_in(model: Model) -> bool:
    """Whether images need a header that says one knows that they are experimental."""
    given = (model.compat or {}).get("sendImageOptInHeader")
    return given if given is not None else model.api == "typesafe-system-one" and not _is_openrouter(model)


def _is_openrouter(model: Model) -> bool:
    return model.provider == "openrouter" or "openrouter.ai" in model.base_url


def _data_url(image: Image) -> str:
    return f"data:{image.mime_type};base64,{image.data}"


def _system_one_result(label: str, body: dict[str, Any]) -> dict[str, Any]:
    return body


def _workers_ai_result(label: str, body: dict[str, Any]) -> dict[str, Any]:
    if body.get("success") is False:
        errors = (as_dict(each).get("message") for each in as_list(body.get("errors")))
        said = "; ".join(each for each in errors if isinstance(each, str))
        raise ProtocolError(f"{label} error: {said}" if said else f"{label} request failed")
    result = _object(label, body.get("result"))
    if "answers" in result:
        return result
    if result.get("state") != "Completed":
        raise ProtocolError(f"{label} run did not complete (state: {result.get('state', 'undefined')})")
    return _object(label, result.get("result"))


# OpenAI's Decisions API.

_DECISIONS = "OpenAI Decisions"
_MOST_IMAGES = 128


def _decisions(label: str, model: Model, asked: _Asked) -> dict[str, Any]:
    if len(asked.images) > _MOST_IMAGES:
        raise PiError(f"{label} accepts at most {_MOST_IMAGES} images, got {len(asked.images)}")
    from pi.llm.http import encode_body

    state = encode_body(asked.state).decode()
    shown = [{"type": "input_image", "image_url": _data_url(image)} for image in asked.images]
    content = [{"type": "input_text", "text": state}, *shown]
    return {
        "model": model.id,
        "input": [{"role": "user", "content": content}] if shown else state,
        "questions": [_decision(id, question) for id, question in asked.questions.items()],
    }


def _decision(name: str, question: Question) -> dict[str, Any]:
    match question:
        case ChoiceQuestion(instructions=instructions, criteria=labels):
            choices = [
                {"value": value, "description": text} if text else {"value": value}
                for value, text in labels.items()
            ]
            return {"type": "choice", "name": name, "instructions": instructions, "choices": choices}
        case ScoreQuestion(instructions=instructions, criteria=levels):
            scale = [{"label": label} for label in levels]
            return {"type": "score", "name": name, "instructions": instructions, "levels": scale}
        case BoolQuestion(instructions=instructions, criteria=criteria):
            yes, no = criteria.get("true"), criteria.get("false")
            meanings = [*([f"True means: {yes}"] if yes else []), *([f"False means: {no}"] if no else [])]
            told = f"{instructions}\n\n" + "\n".join(meanings) if meanings else instructions
            return {"type": "predicate", "name": name, "instructions": told}


def _decisions_result(label: str, body: dict[str, Any]) -> dict[str, Any]:
    """With the answers by name and the probabilities by label, as the other format has them."""
    if not isinstance(body.get("answers"), list):
        raise ProtocolError(f"{label} returned an unexpected response")
    answers: dict[str, Any] = {}
    for each in map(as_dict, as_list(body["answers"])):
        rows = each.get("probabilities")
        if isinstance(rows, list):
            each |= {
                "probabilities": {row.get("value"): row.get("probability") for row in map(as_dict, rows)}
            }
        answers[str(each.get("name"))] = each
    return body | {"answers": answers}


# Answers.


def _answers(api: _Api, found: Any, questions: Mapping[str, Question]) -> dict[str, Answer]:
    answers = _object(api.label, found)
    return {id: _answer(api, id, question, answers.get(id)) for id, question in questions.items()}


def _answer(api: _Api, id: str, question: Question, found: Any) -> Answer:
    if not isinstance(found, dict):
        raise ProtocolError(f"{api.label} did not return an answer for {id}")
    answer = as_dict(found)
    if answer.get("type") == "refusal":
        raise ProtocolError(f"{api.label} refused to answer {id}")
    kind = question.__struct_config__.tag
    word = api.words[0] if kind == "bool" else kind
    choice = answer.get("choice")
    if answer.get("type") != word or (kind == "choice" and not isinstance(choice, str)):
        said = word if api.label == _DECISIONS else kind
        raise ProtocolError(f"{api.label} did not return a {said} answer for {id}")

    def number(field: str) -> float:
        return _number(api.label, answer.get(field), f"{_FIELDS.get(field, 'probability')} for {id}")

    match question:
        case ChoiceQuestion():
            odds = _probabilities(api.label, id, answer.get("probabilities"))
            return ChoiceAnswer(str(choice), odds, number("confidence"))
        case ScoreQuestion():
            return ScoreAnswer(number("score"), number("confidence"))
        case BoolQuestion():
            return BoolAnswer(number(api.words[1]))


_FIELDS = {"confidence": "confidence", "score": "score"}  # as errors call them; the rest is a probability


def _probabilities(label: str, id: str, found: Any) -> dict[str, float]:
    if not isinstance(found, dict) or None in found:
        raise ProtocolError(f"{label} returned invalid probabilities for {id}")
    return {
        each: _number(label, value, f"probability for {id}.{each}") for each, value in as_dict(found).items()
    }


def _number(label: str, value: Any, field: str) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ProtocolError(f"{label} returned an invalid {field}")
    return value


def _object(label: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ProtocolError(f"{label} returned an unexpected response")
    return as_dict(value)


def _usage(raw: dict[str, Any]) -> Usage:
    input, output = _count(raw.get("input_tokens")), _count(raw.get("output_tokens"))
    return Usage(input=input, output=output, total_tokens=input + output)


def _count(value: Any) -> int:
    return int(value) if type(value) in (int, float) and value > 0 else 0


_APIS: dict[str, _Api] = {
    "typesafe-system-one": _Api("System One API", "systemone", _system_one, _system_one_result),
    "cloudflare-workers-ai-system-one": _Api("Cloudflare Workers AI", "run", _workers_ai, _workers_ai_result),
    "openai-decisions": _Api(
        _DECISIONS,
        "decisions",
        _decisions,
        _decisions_result,
        ("predicate", "probability"),
        frozenset({504}),
    ),
}

"""Classifying: typed questions about JSON, answered by a classifier model with probabilities."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from pi.llm.cost import priced
from pi.llm.errors import ProtocolError
from pi.llm.formats import decisions, system_one
from pi.llm.formats.lenient import Reader, as_dict
from pi.llm.formats.openai_errors import BODY_LENGTH
from pi.llm.messages import Image, Usage
from pi.llm.models import Model
from pi.llm.other_models import Request, ask, find_model
from pi.llm.questions import (
    Answer,
    BoolAnswer,
    BoolQuestion,
    ChoiceAnswer,
    ChoiceQuestion,
    Inquiry,
    Question,
    ScoreAnswer,
    ScoreQuestion,
)
from pi.llm.registry import ModelRegistry
from pi.platform.errors import PiError

_RETRIES = 2


class Classified(Struct, frozen=True, rename="camel", omit_defaults=True):
    """Answers by question; with `stop_reason` "error", `error_message` says why and there are none."""

    provider: str
    model: str
    answers: dict[str, Answer] = {}
    usage: Usage = Usage()
    stop_reason: Literal["stop", "error"] = "stop"
    error_message: str | None = None


class _Api(Struct, frozen=True):
    """A way to ask: how errors name it, the path, and what makes a request and reads its answer.

    `true` is what answers call a yes or no, the field with its probability, and what errors call it.
    """

    label: str
    path: str
    payload: Callable[[str, Model, Inquiry], dict[str, Any]]
    result: Callable[[str, dict[str, Any]], dict[str, Any]]
    true: tuple[str, str, str] = ("noul", "noul", "bool")


_APIS = {
    "typesafe-system-one": _Api("System One API", "systemone", system_one.payload, system_one.result),
    "cloudflare-workers-ai-system-one": _Api(
        "Cloudflare Workers AI", "run", system_one.payload_workers_ai, system_one.result_workers_ai
    ),
    "openai-decisions": _Api(
        "OpenAI Decisions",
        "decisions",
        decisions.payload,
        decisions.result,
        ("predicate", "probability", "predicate"),
    ),
}


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
    usage = Usage()
    try:
        request = _request(registry, asked, Inquiry(state, questions, images), proxy)
        result = api.result(api.label, Reader(dict[str, Any]).read(await ask(registry, asked, request)))
        usage = priced(asked, _usage(as_dict(result.get("usage"))))
        answers = _object(api.label, result.get("answers"))
        found = {id: _answer(api, id, each, answers.get(id)) for id, each in questions.items()}
    except PiError as error:
        return Classified(asked.provider, asked.id, {}, usage, "error", str(error))
    return Classified(asked.provider, asked.id, found, usage)


def _request(registry: ModelRegistry, model: Model, asked: Inquiry, proxy: str | None) -> Request:
    api = _APIS[model.api]
    if asked.images and "image" not in model.input:
        raise PiError(f"{api.label} does not support image input for {model.id}")
    source = registry.source(model.provider) if model.provider == "openai" else None
    if source and source[0] == "oauth":
        raise PiError(f"{api.label} takes API keys only: log out of openai, then set OPENAI_API_KEY.")
    is_decision = model.api == "openai-decisions"
    return Request(
        f"v1/{api.path}" if model.provider == "github-copilot" else api.path,
        api.payload(api.label, model, asked),
        lambda status, body: _refusal(api.label, status, body, too_long=is_decision and status == 504),
        {} if is_decision or not asked.images else system_one.opt_in_headers(model),
        _RETRIES,
        frozenset({504} if is_decision else ()),
        proxy,
    )


def _refusal(label: str, status: int, body: str, *, too_long: bool) -> str:
    text = body.strip() or f"{label} returned {status}"
    if len(text) > BODY_LENGTH:
        text = f"{text[:BODY_LENGTH]}... [truncated {len(text) - BODY_LENGTH} chars]"
    if too_long:
        text = (
            "the request timed out at the gateway. Very large inputs (above roughly 600K tokens) currently "
            "exceed its time limit."
        )
    return f"{label} error ({status}): {text}"


def _answer(api: _Api, id: str, question: Question, found: Any) -> Answer:
    if not isinstance(found, dict):
        raise ProtocolError(f"{api.label} did not return an answer for {id}")
    answer = as_dict(found)
    match answer.get("type"), question:
        case "refusal", _:
            raise ProtocolError(f"{api.label} refused to answer {id}")
        case "choice", ChoiceQuestion() if isinstance(answer.get("choice"), str):
            odds = _probabilities(api.label, id, answer.get("probabilities"))
            return ChoiceAnswer(answer["choice"], odds, _number(api.label, answer, "confidence", id))
        case "score", ScoreQuestion():
            score = _number(api.label, answer, "score", id)
            return ScoreAnswer(score, _number(api.label, answer, "confidence", id))
        case kind, BoolQuestion() if kind == api.true[0]:
            return BoolAnswer(_number(api.label, {"probability": answer.get(api.true[1])}, "probability", id))
        case _:
            kind = api.true[2] if isinstance(question, BoolQuestion) else question.__struct_config__.tag
            raise ProtocolError(f"{api.label} did not return a {kind} answer for {id}")


def _probabilities(label: str, id: str, found: Any) -> dict[str, float]:
    if not isinstance(found, dict):
        raise ProtocolError(f"{label} returned invalid probabilities for {id}")
    return {
        choice: _number(label, {"probability": value}, "probability", f"{id}.{choice}")
        for choice, value in as_dict(found).items()
    }


def _number(label: str, answer: dict[str, Any], field: str, of: str) -> float:
    value = answer.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ProtocolError(f"{label} returned an invalid {field} for {of}")
    return value


def _object(label: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ProtocolError(f"{label} returned an unexpected response")
    return as_dict(value)


def _usage(raw: dict[str, Any]) -> Usage:
    input, output = _count(raw.get("input_tokens")), _count(raw.get("output_tokens"))
    return Usage(input=input, output=output, total_tokens=input + output)


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value < math.inf else 0

"""The format of OpenAI's Decisions API: requests, and answers as the other classifiers give them."""

from typing import Any

from pi.llm.errors import ProtocolError
from pi.llm.formats.lenient import as_dict, as_list
from pi.llm.http import encode_body
from pi.llm.models import Model
from pi.llm.questions import BoolQuestion, ChoiceQuestion, Inquiry, Question, ScoreQuestion
from pi.platform.errors import PiError

_MOST_IMAGES = 128


def payload(label: str, model: Model, asked: Inquiry) -> dict[str, Any]:
    """The body of a request; raises PiError for too many images."""
    if len(asked.images) > _MOST_IMAGES:
        raise PiError(f"{label} accepts at most {_MOST_IMAGES} images, got {len(asked.images)}")
    state = encode_body(asked.state).decode()
    shown = [
        {"type": "input_image", "image_url": f"data:{image.mime_type};base64,{image.data}"}
        for image in asked.images
    ]
    content = [{"type": "input_text", "text": state}, *shown]
    return {
        "model": model.id,
        "input": [{"role": "user", "content": content}] if shown else state,
        "questions": [_question(id, question) for id, question in asked.questions.items()],
    }


def result(label: str, body: dict[str, Any]) -> dict[str, Any]:
    """The `usage` of an answer, and the `answers` by question, their probabilities by label."""
    found = body.get("answers")
    if not isinstance(found, list):
        raise ProtocolError(f"{label} returned an unexpected response")
    answers: dict[str, Any] = {}
    for answer in map(as_dict, as_list(found)):
        answers[str(answer.get("name"))] = answer | {"probabilities": _by_label(answer.get("probabilities"))}
    return body | {"answers": answers}


def _question(name: str, question: Question) -> dict[str, Any]:
    match question:
        case ChoiceQuestion(instructions=instructions, criteria=labels):
            choices = [
                {"value": label} | ({"description": text} if text else {}) for label, text in labels.items()
            ]
            return {"type": "choice", "name": name, "instructions": instructions, "choices": choices}
        case ScoreQuestion(instructions=instructions, criteria=levels):
            scale = [{"label": level} for level in levels]
            return {"type": "score", "name": name, "instructions": instructions, "levels": scale}
        case BoolQuestion(instructions=instructions, criteria=criteria):
            meanings = [
                f"{word} means: {text}"
                for word, text in (("True", criteria.get("true")), ("False", criteria.get("false")))
                if text
            ]
            told = "\n\n".join([instructions, *(["\n".join(meanings)] if meanings else [])])
            return {"type": "predicate", "name": name, "instructions": told}


def _by_label(found: Any) -> dict[str, Any] | None:
    rows = [as_dict(row) for row in as_list(found)]
    named = isinstance(found, list) and all(isinstance(row.get("value"), str) for row in rows)
    return {row["value"]: row.get("probability") for row in rows} if named else None

"""Answers of a wanted type: what a model is told about it, and how its text becomes a value."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from pi.harness.extensions.hint_schema import schema_of, validated_model

TRIES = 3  # of a model, for an answer that fits

_FENCED = re.compile(r"```[a-zA-Z]*\s*\n(.*?)```", re.DOTALL)


class Unfit(Exception):
    """The answer isn't of the wanted type; the text tells the model what to mend."""


def instruction(output: Any) -> str:
    """What to answer with. Plain words, not a tool: every model has them, weak ones too.

    Raises TypeError for a type that JSON can't say.
    """
    schema = msgspec.json.encode(schema_of(output)).decode()
    return f"When you are done, answer with JSON alone that fits this schema:\n{schema}"


def value_of(text: str, output: Any) -> Any:
    """The value in an answer: the whole text, a fenced block, or what stands between its brackets.

    A text that is no JSON may still be a string or a literal. Raises Unfit.
    """
    problem = "There is no JSON in it"
    parsed = False
    for candidate in _candidates(text):
        try:
            value = msgspec.json.decode(candidate)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            problem = problem if parsed else f"It isn't JSON: {error}"
            continue
        try:
            return msgspec.convert(value, output, strict=False, dec_hook=validated_model)
        except msgspec.ValidationError as error:
            problem = problem if parsed else str(error)
            parsed = True
    try:
        return msgspec.convert(text.strip(), output, dec_hook=validated_model)
    except msgspec.ValidationError:
        raise Unfit(f"That answer doesn't fit: {problem}. Answer again, with the JSON alone.") from None


def _candidates(text: str) -> Iterator[str]:
    yield text.strip()
    yield from reversed(_FENCED.findall(text))
    begin = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=0)
    end = max(text.rfind("}"), text.rfind("]")) + 1
    if end > begin:
        yield text[begin:end]

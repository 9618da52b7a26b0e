"""What classifier models are asked, and what they answer."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from pi.llm.messages import Image


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
    """The label, and how probable each one is; probabilities and confidence are from 0 to 1."""

    choice: str
    probabilities: dict[str, float]
    confidence: float


class ScoreAnswer(_Tagged, frozen=True, tag="score"):
    """The expected index of the level, from 0 to the number of levels less one."""

    score: float
    confidence: float


class BoolAnswer(_Tagged, frozen=True, tag="bool"):
    """How probable "true" is, from 0 to 1."""

    probability: float


Question = ChoiceQuestion | ScoreQuestion | BoolQuestion
Answer = ChoiceAnswer | ScoreAnswer | BoolAnswer


class Inquiry(Struct, frozen=True):
    """All that one request asks: questions by id, about JSON and images."""

    state: Any
    questions: Mapping[str, Question]
    images: Sequence[Image] = ()

"""Models that don't chat, for programs: making images, and classifying."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pi.harness.storage.files import agent_dir as find_agent_dir

if TYPE_CHECKING:
    from pi.llm.classify import Classified
    from pi.llm.images import Images
    from pi.llm.messages import Image, Text
    from pi.llm.questions import Question


async def generate_images(
    model: str,
    input: "str | Sequence[str | Text | Image]",
    *,
    agent_dir: Path | None = None,
    proxy: str | None = None,
) -> "Images":
    """Images for a prompt and, among `input`, images to edit or to follow; `model` is `provider/id`.

    A failed request is a result with an `error_message`. Raises PiError for a name that can't be asked.
    """
    from pi.llm import images
    from pi.llm.registry import ModelRegistry

    registry = ModelRegistry(agent_dir or find_agent_dir(os.environ))
    return await images.generate_images(registry, model, input, proxy=proxy)


async def classify(
    model: str,
    state: Any,
    questions: "Mapping[str, Question]",
    *,
    images: "Sequence[Image]" = (),
    agent_dir: Path | None = None,
    proxy: str | None = None,
) -> "Classified":
    """What a classifier model, `provider/id`, answers to questions about `state`, any JSON, and `images`.

    A failed request is a result with an `error_message`. Raises PiError for a name that can't be asked.
    """
    from pi.llm import classify as classifying
    from pi.llm.registry import ModelRegistry

    registry = ModelRegistry(agent_dir or find_agent_dir(os.environ))
    return await classifying.classify(registry, model, state, questions, images=images, proxy=proxy)

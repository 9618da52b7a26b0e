"""Sampling parameters of OpenAI-compatible hosts: fields that users add to every request of a model."""

from typing import Any

from pi.llm.models import Model, clamp_level
from pi.llm.options import StreamOptions


def sampling_fields(model: Model, options: StreamOptions) -> dict[str, Any]:
    """The model's, then those of the thinking level that it gets, then the request's own: later wins."""
    by_level = model.sampling_params_by_thinking_level
    for_level = by_level.get(clamp_level(model, options.thinking), {}) if by_level else {}
    return {**(model.sampling_params or {}), **for_level, **(options.sampling_params or {})}

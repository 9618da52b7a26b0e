"""What a Gemini request carries besides the conversation: limits, thinking and how tools are called."""

import re
from typing import Any

from pi.llm.formats.google_contents import Sent, to_contents, to_tools
from pi.llm.messages import Context, ThinkingLevel
from pi.llm.models import Model, clamp_level
from pi.llm.options import StreamOptions
from pi.llm.tokens import output_cap
from pi.platform.errors import ConfigError

DYNAMIC_BUDGET = -1  # the model decides how much it thinks

# Tokens of thinking a level, by what a model's id contains; the first that fits.
_BUDGETS: tuple[tuple[str, dict[str, int]], ...] = (
    ("2.5-pro", {"minimal": 128, "low": 2_048, "medium": 8_192, "high": 32_768}),
    ("2.5-flash-lite", {"minimal": 512, "low": 2_048, "medium": 8_192, "high": 24_576}),
    ("2.5-flash", {"minimal": 128, "low": 2_048, "medium": 8_192, "high": 24_576}),
)
_API_LEVELS = {"minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH"}
_BY_LEVEL = re.compile(r"gemini-3(?:\.\d+)?-(?:pro|flash)|gemini-(?:[4-9]|[1-9]\d)|gemma-?4")
_ALIASES_BY_LEVEL = frozenset(("gemini-flash-latest", "gemini-flash-lite-latest"))


def build_payload(model: Model, context: Context, options: StreamOptions) -> dict[str, Any]:
    """The body of a request, for a context that `transcript.prepare` has made fit for the model.

    Raises ConfigError for a thinking level that is mapped to none of Google's, and for a tool that must be
    held to its schema but can't be.
    """
    payload: dict[str, Any] = {
        "contents": to_contents(model, context.messages),
        "generationConfig": _generation(model, context, options),
    }
    if context.system:
        payload["systemInstruction"] = {"parts": [{"text": context.system}], "role": "user"}
    if context.tools:
        declarations, strict = to_tools(model, context.tools)
        payload["tools"] = [{"functionDeclarations": declarations}]
        if mode := _calling_mode(options, strict):
            payload["toolConfig"] = {"functionCallingConfig": {"mode": mode}}
    return payload


def _generation(model: Model, context: Context, options: StreamOptions) -> Sent:
    config: Sent = {"maxOutputTokens": output_cap(model, context, options.max_tokens)}
    if options.temperature is not None:
        config["temperature"] = options.temperature
    if model.reasoning:
        config["thinkingConfig"] = _thinking(model, options)
    return config


def _calling_mode(options: StreamOptions, strict: bool) -> str | None:
    if options.tool_choice == "none":
        return "NONE"
    if strict:
        return "VALIDATED"
    return "AUTO" if options.tool_choice else None


def _thinking(model: Model, options: StreamOptions) -> Sent:
    level = options.thinking if options.thinking == "off" else clamp_level(model, options.thinking)
    by_level = _thinks_by_level(model)
    if level == "off":
        # A model that can't but think gets its lowest level, and its thoughts stay hidden.
        lowest = clamp_level(model, "off") if by_level else "off"
        return (
            {"thinkingBudget": 0}
            if lowest == "off"
            else {"thinkingLevel": _API_LEVELS[_named(model, lowest)]}
        )
    name = _named(model, level)
    if by_level:
        return {"includeThoughts": True, "thinkingLevel": _API_LEVELS[name]}
    budget = (options.thinking_budgets or {}).get(name)
    return {"includeThoughts": True, "thinkingBudget": _budget(model, name) if budget is None else budget}


def _thinks_by_level(model: Model) -> bool:
    id = model.id.lower()
    return id in _ALIASES_BY_LEVEL or _BY_LEVEL.search(id) is not None


def _named(model: Model, level: ThinkingLevel) -> str:
    """Google's name for a level, in lower case: the one it is mapped to, or its own."""
    name = ((model.thinking_level_map or {}).get(level) or level).lower()
    if name not in _API_LEVELS:
        raise ConfigError(
            f"Unsupported Google thinking level mapping for {model.ref}: {level} -> {name}. "
            f"Map it to one of {', '.join(_API_LEVELS)} in models.json."
        )
    return name


def _budget(model: Model, name: str) -> int:
    return next((budgets[name] for part, budgets in _BUDGETS if part in model.id), DYNAMIC_BUDGET)

"""Reasoning over Chat Completions: asking for it in each host's dialect, keeping its details for replay."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from pi.llm.formats.completions_compat import CompletionsCompat
from pi.llm.messages import ThinkingLevel
from pi.llm.models import Model

Fields = dict[str, Any]
Detail = dict[str, Any]


class Wish(Struct, frozen=True):
    """What is wanted of a reasoning model: `level` None is off, `budget` in tokens."""

    model: Model
    compat: CompletionsCompat
    level: ThinkingLevel | None
    budget: int | None

    @property
    def effort(self) -> str | None:
        """The host's word for the level; while off, what the model maps `off` to."""
        mapped = (self.model.thinking_level_map or {}).get(self.level or "off")
        return self.level if mapped is None else mapped

    @property
    def can_be_off(self) -> bool:
        mapped = self.model.thinking_level_map or {}
        return mapped.get("off", "") is not None

    def also_effort(self) -> Fields:
        """`reasoning_effort` beside a host's own switch, where it takes both."""
        wanted = self.level is not None and self.compat.supports_reasoning_effort
        return {"reasoning_effort": self.effort} if wanted else {}


def _openai(wish: Wish) -> Fields:
    if not wish.compat.supports_reasoning_effort or wish.effort is None:
        return {}
    return {"reasoning_effort": wish.effort}


def _openrouter(wish: Wish) -> Fields:
    if wish.level is None and not wish.can_be_off:
        return {}
    return {"reasoning": {"effort": "none" if wish.effort is None else wish.effort}}


def _deepseek(wish: Wish) -> Fields:
    if wish.level is None:
        return {"thinking": {"type": "disabled"}} if wish.can_be_off else {}
    return {"thinking": {"type": "enabled"}, **wish.also_effort()}


def _zai(wish: Wish) -> Fields:
    if wish.level is None:
        return {"thinking": {"type": "disabled"}}
    return {"thinking": {"type": "enabled", "clear_thinking": False}, **wish.also_effort()}


def _qwen(wish: Wish) -> Fields:
    return {"enable_thinking": wish.level is not None, **wish.also_effort()}


def _qwen_chat_template(wish: Wish) -> Fields:
    return {"chat_template_kwargs": {"enable_thinking": wish.level is not None, "preserve_thinking": True}}


def _chat_template(wish: Wish) -> Fields:
    values = _template_values(wish, wish.compat.chat_template_kwargs)
    return {"chat_template_kwargs": values} if values else {}


def _baseten(wish: Wish) -> Fields:
    values = _template_values(wish, wish.compat.chat_template_args)
    return ({"chat_template_args": values} if values else {}) | _openai(wish)


def _together(wish: Wish) -> Fields:
    return {"reasoning": {"enabled": wish.level is not None}, **wish.also_effort()}


def _string_thinking(wish: Wish) -> Fields:
    if wish.level is None and not wish.can_be_off:
        return {}
    return {"thinking": "none" if wish.effort is None else wish.effort}


def _ant_ling(wish: Wish) -> Fields:
    if wish.level is None:
        return _openai(wish)
    # this host knows only the efforts that the model's map spells out
    mapped = (wish.model.thinking_level_map or {}).get(wish.level)
    return {} if mapped is None else {"reasoning": {"effort": mapped}}


FORMATS: dict[str, Callable[[Wish], Fields]] = {
    "openai": _openai,
    "openrouter": _openrouter,
    "deepseek": _deepseek,
    "zai": _zai,
    "qwen": _qwen,
    "qwen-chat-template": _qwen_chat_template,
    "chat-template": _chat_template,
    "baseten": _baseten,
    "together": _together,
    "string-thinking": _string_thinking,
    "ant-ling": _ant_ling,
}


def thinking_fields(model: Model, compat: CompletionsCompat, level: ThinkingLevel, budget: int) -> Fields:
    """The fields that set reasoning to a supported `level`; `budget` is its cap in tokens, 0 for none."""
    if not model.reasoning:
        return {}
    wish = Wish(
        model, compat, None if level == "off" else level, budget if level != "off" and budget > 0 else None
    )
    fields = FORMATS.get(compat.thinking_format, _openai)(wish)
    # Whatever the format: reasoning and answer share one limit, so reasoning alone could use it up.
    cap = compat.thinking_token_budget_field
    if cap is None and compat.supports_thinking_token_budget:
        cap = "thinking_token_budget"
    if cap and wish.budget is not None:
        fields[cap] = wish.budget
    return fields


def _template_values(wish: Wish, values: Fields) -> Fields:
    """The values of a chat template, those that say `{"$var": ...}` filled in."""
    filled = {name: _template_value(wish, value) for name, value in values.items()}
    return {name: value for name, value in filled.items() if value is not msgspec.UNSET}


def _template_value(wish: Wish, value: Any) -> Any:
    match value:
        case {"omitWhenOff": omit} if omit and wish.level is None:
            return msgspec.UNSET
        case {"$var": "thinking.enabled"}:
            return wish.level is not None
        case {"$var": "thinking.budget"}:
            return msgspec.UNSET if wish.budget is None else wish.budget
        case {"$var": _}:
            return msgspec.UNSET if wish.effort is None else wish.effort
        case _:
            return value


_DETAIL_TEXT = {"reasoning.text": "text", "reasoning.summary": "summary", "reasoning.encrypted": "data"}


def is_detail(value: Any) -> bool:
    """Whether an entry of `reasoning_details` is one that its host will take back."""
    match value:
        case {"type": str(kind)} if kind in _DETAIL_TEXT:
            return isinstance(value.get(_DETAIL_TEXT[kind]), str) and _well_formed(value)
        case _:
            return False


def _well_formed(detail: Detail) -> bool:
    return (
        isinstance(detail.get("id"), str | None)
        and isinstance(detail.get("format", ""), str)
        and isinstance(detail.get("index", 0), int | float)
        and (detail["type"] != "reasoning.text" or isinstance(detail.get("signature"), str | None))
    )


def add_detail(details: list[Detail], detail: Detail) -> None:
    """Append a streamed entry; a text or summary that goes on from the last one is joined to it."""
    kind = detail["type"]
    last = details[-1] if details else None
    if last is None or last["type"] != kind or kind == "reasoning.encrypted":
        details.append(dict(detail))
        return
    last[_DETAIL_TEXT[kind]] += detail[_DETAIL_TEXT[kind]]
    for name in ("signature", "id", "format", "index"):
        if last.get(name) in (None, "") and detail.get(name) is not None:
            last[name] = detail[name]


def kept_details(signature: str | None) -> list[Detail] | None:
    """The `reasoning_details` that a thinking block's signature keeps, None when it is something else."""
    details: list[Detail] = _json(signature) if signature and signature.startswith("[") else []
    return details if details and all(map(is_detail, details)) else None


def legacy_detail(signature: str | None) -> Detail | None:
    """An encrypted detail as older sessions keep it, in the signature of a tool call."""
    detail: Detail = _json(signature) if signature and signature.startswith("{") else {}
    whole = (
        is_detail(detail) and detail["type"] == "reasoning.encrypted" and detail.get("id") and detail["data"]
    )
    return detail if whole else None


def _json(text: str) -> Any:
    """The value, None for what isn't JSON: a signature is opaque, most are something else."""
    try:
        return msgspec.json.decode(text)
    except ValueError:
        return None

"""What a model is: its metadata, its prices and the thinking levels it has."""

from typing import Any, Literal, get_args

from msgspec import Struct

from pi.llm.messages import ThinkingLevel

LEVELS: tuple[ThinkingLevel, ...] = get_args(ThinkingLevel)


class CostRates(Struct, frozen=True, rename="camel"):
    """USD per million tokens."""

    input: float = 0
    output: float = 0
    cache_read: float = 0
    cache_write: float = 0


class CostTier(CostRates, frozen=True, rename="camel", kw_only=True):
    """Rates for requests with more input tokens than `input_tokens_above`."""

    input_tokens_above: int


class ModelCost(CostRates, frozen=True, rename="camel", omit_defaults=True):
    """USD per million tokens; the highest tier below a request's input tokens replaces the base rates."""

    tiers: tuple[CostTier, ...] = ()


class Model(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A model at a provider, reached by the protocol `api`; window and limits in tokens."""

    id: str
    provider: str
    api: str
    base_url: str
    name: str = ""
    reasoning: bool = False
    thinking_level_map: dict[ThinkingLevel, str | None] | None = None
    input: tuple[Literal["text", "image"], ...] = ("text",)
    input_limits: dict[str, Any] | None = None
    cost: ModelCost = ModelCost()
    prompt_cache: dict[str, int] | None = None
    context_window: int = 128_000
    max_tokens: int = 16_384
    headers: dict[str, str] | None = None
    compat: dict[str, Any] | None = None
    sampling_params: dict[str, Any] | None = None
    sampling_params_by_thinking_level: dict[ThinkingLevel, dict[str, Any]] | None = None

    @property
    def ref(self) -> str:
        """`provider/id`, as flags and settings name a model."""
        return f"{self.provider}/{self.id}"


def supported_levels(model: Model) -> tuple[ThinkingLevel, ...]:
    """The thinking levels a model has; `xhigh` and `max` only where its map names them."""
    if not model.reasoning:
        return ("off",)
    mapped = model.thinking_level_map or {}

    def has(level: ThinkingLevel) -> bool:
        if level in mapped:
            return mapped[level] is not None
        return level not in ("xhigh", "max")

    return tuple(level for level in LEVELS if has(level))


def clamp_level(model: Model, level: ThinkingLevel) -> ThinkingLevel:
    """The nearest supported level: the next one up, otherwise the next one down."""
    supported = supported_levels(model)
    if level in supported:
        return level
    at = LEVELS.index(level)
    for other in (*LEVELS[at + 1 :], *reversed(LEVELS[:at])):
        if other in supported:
            return other
    return "off"

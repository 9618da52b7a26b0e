"""How endpoints of Anthropic Messages differ: the flags of `compat`, and what is known without them."""

from msgspec import Struct

from pi.llm.formats.hosts import flags_of
from pi.llm.models import Model, ModelCost


class FallbackModel(Struct, frozen=True, rename="camel"):
    """A model that the server may answer with instead, and its prices."""

    model: str
    provider: str = ""
    cost: ModelCost = ModelCost()


class Compat(Struct, frozen=True, rename="camel"):
    """What an endpoint of this protocol can do (`compat` in models.json); unknown flags are passed over."""

    supports_eager_tool_input_streaming: bool = True
    supports_long_cache_retention: bool = True
    supports_cache_control_on_tools: bool = True
    supports_temperature: bool = True
    supports_strict_tools: bool = False
    supports_mid_convo_system_messages: bool = False  # what it means is seen to in `transcript.prepare`
    supports_mid_convo_tool_changes: bool = False
    supports_mid_convo_effort: bool = False
    supports_message_threads: bool | None = None  # None: only at Anthropic's own API
    force_adaptive_thinking: bool = False
    allow_empty_signature: bool = False
    send_session_affinity_headers: bool | None = None  # None: only to OpenRouter
    session_affinity_format: str | None = None
    allowed_fallback_models: tuple[FallbackModel, ...] = ()


def compat_of(model: Model) -> Compat:
    """The model's flags; raises ConfigError for a value of the wrong type."""
    return flags_of(model, Compat)


def takes_threads(model: Model, compat: Compat) -> bool:
    """Whether the endpoint keeps a conversation, so that only what is new has to be sent."""
    if compat.supports_message_threads is None:
        return model.provider == "anthropic" and "api.anthropic.com" in model.base_url
    return compat.supports_message_threads

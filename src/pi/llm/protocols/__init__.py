"""The wire protocols: one file of one shape each, in a table by the `api` of the models that speak them.

A protocol is one async generator, `stream(draft, context, options)`: it feeds the draft, yields the draft's
events, and returns when the message is complete. A failure is a raised `ProviderError`.
"""

from collections.abc import AsyncGenerator, Callable
from importlib import import_module

from pi.llm.draft import Draft
from pi.llm.events import BlockEvent, StreamStart
from pi.llm.messages import Context
from pi.llm.options import StreamOptions
from pi.platform.errors import ConfigError

Protocol = Callable[[Draft, Context, StreamOptions], AsyncGenerator[StreamStart | BlockEvent]]

PROTOCOLS = {
    "anthropic-messages": "pi.llm.protocols.anthropic_messages",
    "azure-openai-responses": "pi.llm.protocols.azure_openai_responses",
    "bedrock-converse-stream": "pi.llm.protocols.bedrock_converse_stream",
    "faux": "pi.llm.protocols.faux",
    "google-generative-ai": "pi.llm.protocols.google_generative_ai",
    "google-vertex": "pi.llm.protocols.google_vertex",
    "mistral-conversations": "pi.llm.protocols.mistral_conversations",
    "openai-codex-responses": "pi.llm.protocols.openai_codex_responses",
    "openai-completions": "pi.llm.protocols.openai_completions",
    "openai-responses": "pi.llm.protocols.openai_responses",
    "pi-messages": "pi.llm.protocols.pi_messages",
}
OWN_PREFIX = "own:"  # before the api of a provider that code of the user's answers for
_own: dict[str, Protocol] = {}


def set_own(api: str, protocol: Protocol | None) -> None:
    """Answer requests of an api (OWN_PREFIX and a name) with this protocol; None takes it away."""
    if protocol is None:
        _own.pop(api, None)
    else:
        _own[api] = protocol


def protocol_of(api: str) -> Protocol:
    """The protocol for a model's `api`; raises ConfigError for one that we don't speak."""
    if api in _own:
        return _own[api]
    if api not in PROTOCOLS:
        raise ConfigError(f'No protocol for api "{api}". Known: {", ".join(PROTOCOLS)}.')
    return import_module(PROTOCOLS[api]).stream

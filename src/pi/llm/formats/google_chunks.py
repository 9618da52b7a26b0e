"""The pieces of a Gemini stream, decoded fast when well formed, forgivingly when not."""

from typing import Any

from msgspec import Struct

from pi.llm.formats.lenient import Reader

Number = int | float | None


class FunctionCall(Struct, gc=False):
    """A call, whole; Gemini often leaves out the id."""

    id: str | None = None
    name: str | None = None
    args: dict[str, Any] | None = None


class Part(Struct, rename="camel", gc=False):
    """A piece of text, of a thought, or a call; `thought_signature` belongs to the part, whatever it is."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None


class Content(Struct, gc=False):
    """What the model says."""

    parts: list[Part] | None = None


class Candidate(Struct, rename="camel", gc=False):
    """The one answer that is asked for."""

    content: Content | None = None
    finish_reason: str | None = None


class UsageMetadata(Struct, rename="camel", gc=False):
    """Tokens: what the cache gave is inside the prompt's, thoughts are beside the candidates'."""

    prompt_token_count: Number = None
    cached_content_token_count: Number = None
    candidates_token_count: Number = None
    thoughts_token_count: Number = None
    total_token_count: Number = None


class PromptFeedback(Struct, rename="camel", gc=False):
    """Why a prompt got no answer."""

    block_reason: str | None = None


class Chunk(Struct, rename="camel", gc=False):
    """One event of the stream."""

    response_id: str | None = None
    candidates: list[Candidate] | None = None
    usage_metadata: UsageMetadata | None = None
    prompt_feedback: PromptFeedback | None = None


_reader = Reader(Chunk)


def read_chunk(data: bytes) -> Chunk:
    """The chunk in an event's data; raises ProtocolError for what is none."""
    return _reader.read(data)

"""Tool-call ids as each protocol accepts them: one rule per `api`, for calls that another model made."""

import re
from collections.abc import Callable

from pi.llm.messages import AssistantMessage
from pi.llm.models import Model

IdRule = Callable[[str, AssistantMessage], str]

# as text: compiling them takes 0.3 ms, and few requests hold calls of another model
_UNSAFE = r"[^a-zA-Z0-9_-]"
_NOT_ALPHANUMERIC = r"[^a-zA-Z0-9]"
_GEMINI = r"gemini(?:-live)?-(\d+)"
_MISTRAL_LENGTH = 9
_COMPLETIONS_LENGTH = 40
_RESPONSES_PROVIDERS = frozenset(("openai", "openai-codex", "opencode", "azure", "azure-openai-responses"))


def id_rule(model: Model) -> IdRule | None:
    """The rule for calls on their way to `model`, None where its protocol takes any id.

    A rule may remember what it gave out: ask for one per request.
    """
    make = _RULES.get(model.api)
    return make(model) if make else None


def short_hash(text: str) -> str:
    """A short stable hash in base 36; the original names foreign items by it, so it must agree with it."""
    h1, h2 = 0xDEADBEEF, 0x41C6CE57
    units = text.encode("utf-16-le", "surrogatepass")
    for at in range(0, len(units), 2):
        unit = units[at] | units[at + 1] << 8
        h1 = (h1 ^ unit) * 2654435761 & 0xFFFFFFFF
        h2 = (h2 ^ unit) * 1597334677 & 0xFFFFFFFF
    h1 = (h1 ^ h1 >> 16) * 2246822507 & 0xFFFFFFFF ^ (h2 ^ h2 >> 13) * 3266489909 & 0xFFFFFFFF
    h2 = (h2 ^ h2 >> 16) * 2246822507 & 0xFFFFFFFF ^ (h1 ^ h1 >> 13) * 3266489909 & 0xFFFFFFFF
    return _base36(h2) + _base36(h1)


def _base36(value: int) -> str:
    digits = ""
    while True:
        value, rest = divmod(value, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
        if not value:
            return digits


def _safe(id: str, limit: int = 64) -> str:
    return re.sub(_UNSAFE, "_", id)[:limit]


def _plain(_model: Model) -> IdRule:
    """Letters, digits, `_` and `-`, at most 64."""
    return lambda id, _source: _safe(id)


def _google(model: Model) -> IdRule | None:
    """Only models that want ids at all care how they look."""
    gemini = re.match(_GEMINI, model.id.lower())
    wants_ids = model.id.startswith(("claude-", "gpt-oss-")) or (gemini and int(gemini[1]) >= 3)
    return _plain(model) if wants_ids else None


def _completions(model: Model) -> IdRule:
    """At most 40 characters; of a Responses id (call and item, joined by a pipe) both parts stay."""

    def rule(id: str, _source: AssistantMessage) -> str:
        call, pipe, item = id.partition("|")
        if not pipe:
            return id[:_COMPLETIONS_LENGTH] if model.provider == "openai" else id
        call, item = re.sub(_UNSAFE, "_", call), re.sub(_UNSAFE, "_", item)
        both = f"{call}_{item}" if item else call
        if len(both) <= _COMPLETIONS_LENGTH:
            return both
        digest = short_hash(id)[:8]
        return f"{call[: _COMPLETIONS_LENGTH - len(digest) - 1]}_{digest}"

    return rule


def _responses(model: Model) -> IdRule:
    """`call|item`, both at most 64 characters; an item starts with `fc_`, a foreign one is hashed."""

    def part(text: str) -> str:
        return _safe(text).rstrip("_")

    def rule(id: str, source: AssistantMessage) -> str:
        if model.provider not in _RESPONSES_PROVIDERS or "|" not in id:
            return part(id)
        call, item = id.split("|")[:2]
        foreign = source.provider != model.provider or source.api != model.api
        item = f"fc_{short_hash(item)}" if foreign else part(item)
        return f"{part(call)}|{item if item.startswith('fc_') else part(f'fc_{item}')}"

    return rule


def mistral_id(id: str, attempt: int = 0) -> str:
    """Nine letters and digits for an id; others at each `attempt`, for when two ids come out alike."""
    plain = re.sub(_NOT_ALPHANUMERIC, "", id)
    if attempt == 0 and len(plain) == _MISTRAL_LENGTH:
        return plain
    seed = plain or id
    return short_hash(f"{seed}:{attempt}" if attempt else seed)[:_MISTRAL_LENGTH]


def _mistral(_model: Model) -> IdRule:
    """Exactly nine letters and digits, different for different ids."""
    given: dict[str, str] = {}
    taken: set[str] = set()

    def rule(id: str, _source: AssistantMessage) -> str:
        attempt = 0
        while id not in given:
            short = mistral_id(id, attempt)
            if short not in taken:
                taken.add(short)
                given[id] = short
            attempt += 1
        return given[id]

    return rule


_RULES: dict[str, Callable[[Model], IdRule | None]] = {
    "anthropic-messages": _plain,
    "bedrock-converse-stream": _plain,
    "openai-completions": _completions,
    "openai-responses": _responses,
    "azure-openai-responses": _responses,
    "openai-codex-responses": _responses,
    "google-generative-ai": _google,
    "google-vertex": _google,
    "mistral-conversations": _mistral,
}

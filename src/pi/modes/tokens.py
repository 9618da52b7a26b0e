"""`pi tokens`: where each token of a session's first request goes; the request is built but never sent."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pi.harness.resources import find_context_files
from pi.harness.session import Session
from pi.harness.storage.files import agent_dir as find_agent_dir
from pi.llm.events import StreamEnd
from pi.llm.messages import Context, Image, SystemMessage, Text, UserMessage
from pi.llm.models import Model
from pi.llm.options import StreamOptions
from pi.llm.protocols.faux import Script
from pi.llm.stream import ask
from pi.llm.tokens import estimate_message, estimate_text
from pi.llm.unicode import utf16_len
from pi.platform.errors import PiError

HELP = """Usage: pi tokens [--json] [options] [@files...] [message]

Where each token of the first request goes: sections of the system prompt, context files, skills, tools and
the message. All options of pi that shape the request work (--model, --tools, -nc, --system-prompt …); piped
text counts as with pi -p. Nothing is sent, no key is needed, and no `!command` is run. Tokens are estimated.

  --json   the same as JSON"""
CacheKind = Literal["marked", "keyed", "automatic", "none"]
CACHES: dict[CacheKind, str] = {
    "marked": "the request marks it with cache_control",
    "keyed": "the request names its cache with prompt_cache_key",
    "automatic": "nothing marks it: the server finds equal beginnings by itself, if it caches",
    "none": "the request asks for no cache",
}
_SKILL = re.compile(
    r"^  <skill>\n    <name>(.*)</name>$", re.MULTILINE
)  # its values are escaped, so it is exact


class Part(Struct, frozen=True, omit_defaults=True):
    """A piece of the request and what it is made of; characters as JavaScript counts them (UTF-16)."""

    name: str
    characters: int
    tokens: int
    parts: tuple["Part", ...] = ()


class Count(Struct, frozen=True, rename="camel"):
    """A first request, counted; `prefix_tokens` come again, equal, with each later request."""

    model: str
    api: str
    context_window: int
    system: Part
    tools: Part
    message: Part
    total: Part
    cache: CacheKind
    prefix_tokens: int


class _Built(PiError):
    """No failure: the request is built, and this keeps it from being sent."""


async def count(session: Session, text: str, images: Sequence[Image] = ()) -> Count:
    """Count what `session` would send for its first prompt; it is used up by that.

    Raises PiError when the request can't be built, as for a protocol that Pi doesn't speak.
    """
    model = session.model
    context, options = await _rehearse(session, text, images)
    payload = await _payload(model, context, options)
    system = _system(session)
    tools = _tools(payload)
    message = _message(context)
    kinds = (system, tools, message)
    total = Part("Total", sum(part.characters for part in kinds), sum(part.tokens for part in kinds))
    cache = _cache(payload, model.api)
    prefix = 0 if cache == "none" else system.tokens + tools.tokens
    return Count(model.ref, model.api, model.context_window, system, tools, message, total, cache, prefix)


def as_json(counted: Count) -> str:
    """The count as one JSON object."""
    return json.dumps(msgspec.to_builtins(counted), indent=2, ensure_ascii=False)


def as_table(counted: Count) -> str:
    """The count for people."""
    whole = counted.total.tokens or 1
    rows = [
        (
            f"{'  ' * depth}{part.name}",
            f"{part.characters:,}",
            f"{part.tokens:,}",
            _percent(part.tokens, whole),
        )
        for top in (counted.system, counted.tools, counted.message, counted.total)
        for depth, part in _flat(top)
    ]
    head = ("", "characters", "tokens", "share")
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(4)]
    lines = [_line(row, widths) for row in (head, *rows)]
    lines.insert(-1, "-" * len(lines[-1]))
    window = counted.context_window
    room = f" of {window:,} tokens ({_percent(counted.total.tokens, window)})" if window > 0 else ": unknown"
    return "\n".join(
        (
            f"The first request to {counted.model} ({counted.api}). Nothing was sent.",
            "",
            *lines,
            "",
            f"Stable prefix    {counted.prefix_tokens:,} tokens ({_percent(counted.prefix_tokens, whole)}): "
            f"{CACHES[counted.cache]}",
            f"Context window   {counted.total.tokens:,}{room}",
            "Tokens are estimated: four characters each, rounded up in each line.",
        )
    )


async def _rehearse(session: Session, text: str, images: Sequence[Image]) -> tuple[Context, StreamOptions]:
    """What the session would ask: it is prompted for real, and a script answers in the model's place."""
    script = Script("Counted.")
    await session.models.use(replace(session.model, api="faux", compat={"script": script}))
    await session.prompt(text, images=images)
    if not script.asked:
        raise PiError("No request was made: a hook has handled the prompt.")
    return script.asked[0].context, script.asked[0].options


async def _payload(model: Model, context: Context, options: StreamOptions) -> dict[str, Any]:
    """The body that the model's protocol makes of it."""
    bodies: list[dict[str, Any]] = []

    async def keep(payload: dict[str, Any]) -> None:
        replaced = await options.on_payload(payload) if options.on_payload else None
        bodies.append(payload if replaced is None else replaced)
        raise _Built

    fault: str | None = None
    async for event in ask(model, context, replace(options, api_key="unsent", on_payload=keep)):
        if isinstance(event, StreamEnd):
            fault = event.message.error_message
    if not bodies:
        raise PiError(fault or "The protocol of this model sends no request.")
    return bodies[0]


def _system(session: Session) -> Part:
    """The prompt by section, each with the blank line that parts it from the one before."""
    told = next((message for message in session.messages if isinstance(message, SystemMessage)), None)
    parts: list[Part] = []
    for name, text in ((told and told.sections) or {}).items():
        if text:
            parts.append(_text_part(name, f"\n\n{text}" if parts else text, _pieces(name, text, session)))
    return _group("System prompt", parts)


def _pieces(section: str, text: str, session: Session) -> list[tuple[str, int]]:
    """What a section is made of: the name of each piece and where it begins."""
    match section:
        case "project_context":
            return list(_context_files(text, session))
        case "skills":
            return [(unescape(found[1]), found.start()) for found in _SKILL.finditer(text)]
        case _:
            return []


def _context_files(text: str, session: Session) -> Iterator[tuple[str, int]]:
    """By their whole contents, because one may quote the opening line of another."""
    at = 0
    for file in find_context_files(session.store.cwd, find_agent_dir(os.environ), []):
        opening = f'<project_instructions path="{file.path}">\n'
        found = text.find(opening + file.text, at)
        if found >= 0:
            yield str(file.path), found
            at = found + len(opening) + len(file.text)


def _text_part(name: str, text: str, pieces: Sequence[tuple[str, int]] = ()) -> Part:
    """A part and its pieces; what stands before the first piece is its heading."""
    size = utf16_len(text)
    if not pieces:
        return Part(name, size, estimate_text(text))
    shift = len(text) - len(text.lstrip("\n"))
    starts = [("(heading)", 0), *((piece, at + shift) for piece, at in pieces)]
    ends = [at for _, at in starts[1:]] + [len(text)]
    inner = (_text_part(piece, text[at:end]) for (piece, at), end in zip(starts, ends, strict=True))
    return Part(name, size, estimate_text(text), tuple(inner))


def _tools(payload: dict[str, Any]) -> Part:
    """The declarations as the protocol writes them, each as compact JSON."""
    parts: list[Part] = []
    for entry in payload.get("tools", ()):
        for tool in entry.get("functionDeclarations", (entry,)):
            name = tool.get("name") or tool.get("function", {}).get("name", "?")
            parts.append(_text_part(name, msgspec.json.encode(tool).decode()))
    return _group("Tools", parts)


def _message(context: Context) -> Part:
    said = next((message for message in reversed(context.messages) if isinstance(message, UserMessage)), None)
    if said is None or isinstance(said.content, str):
        return _text_part("Message", said.content if said and isinstance(said.content, str) else "")
    parts = [_text_part("text", "".join(block.text for block in said.content if isinstance(block, Text)))]
    for block in said.content:
        if isinstance(block, Image):
            parts.append(Part(block.mime_type, len(block.data), estimate_message(UserMessage((block,), 0))))
    return _group("Message", parts if len(parts) > 1 else [], parts)


def _group(name: str, shown: Sequence[Part], counted: Sequence[Part] | None = None) -> Part:
    counted = shown if counted is None else counted
    characters, tokens = sum(part.characters for part in counted), sum(part.tokens for part in counted)
    return Part(name, characters, tokens, tuple(shown))


def _cache(payload: dict[str, Any], api: str) -> CacheKind:
    if b'"cache_control":{' in msgspec.json.encode(payload):  # inside a text the quotes would be escaped
        return "marked"
    if "prompt_cache_key" in payload:
        return "keyed"
    return "none" if api == "anthropic-messages" else "automatic"


def _flat(part: Part, depth: int = 0) -> Iterator[tuple[int, Part]]:
    yield depth, part
    for inner in part.parts:
        yield from _flat(inner, depth + 1)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, *numbers = row
    cells = (number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True))
    return "  ".join((name.ljust(widths[0]), *cells))

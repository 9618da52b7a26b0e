"""What a line of a session file is: the header, the entries, the messages that only the harness has."""

from datetime import datetime
from functools import cache
from typing import Any, cast, get_args

import msgspec
from msgspec import UNSET, Struct

from pi.llm.messages import (
    AssistantMessage,
    Image,
    StopReason,
    SystemMessage,
    Text,
    Thinking,
    ToolCall,
    ToolResultMessage,
    Usage,
    UserMessage,
)

VERSION = 3  # of the file format

Blocks = tuple[Text | Image, ...]


class _Role(Struct, frozen=True, tag_field="role", rename="camel", omit_defaults=True):
    pass


class BashExecutionMessage(_Role, frozen=True, tag="bashExecution"):
    """A command that the user ran; `exclude_from_context` keeps it from the model."""

    command: str
    output: str
    cancelled: bool
    truncated: bool
    timestamp: int
    exit_code: int | None = None  # none when it was killed
    full_output_path: str | None = None
    exclude_from_context: bool | None = None


class CustomMessage(_Role, frozen=True, tag="custom"):
    """What an extension tells the model; `display` says whether people see it, `details` is never sent."""

    custom_type: str
    content: str | Blocks
    display: bool
    timestamp: int
    details: Any = UNSET


class BranchSummaryMessage(_Role, frozen=True, tag="branchSummary"):
    """What happened on a branch that was left; `from_id` was its last entry."""

    summary: str
    from_id: str | None
    timestamp: int


class CompactionSummaryMessage(_Role, frozen=True, tag="compactionSummary"):
    """The summary that stands for everything before it."""

    summary: str
    tokens_before: int
    timestamp: int


AgentMessage = (
    SystemMessage
    | UserMessage
    | AssistantMessage
    | ToolResultMessage
    | BashExecutionMessage
    | CustomMessage
    | BranchSummaryMessage
    | CompactionSummaryMessage
)


class SessionHeader(Struct, frozen=True, tag_field="type", tag="session", rename="camel", omit_defaults=True):
    """The first line of a file; `cwd` is empty when the file doesn't say."""

    version: int
    id: str
    timestamp: str
    cwd: str
    parent_session: str | None = None  # the file that this session was forked from


class EntryBase(Struct, frozen=True, tag_field="type", rename="camel", omit_defaults=True):
    """What all entries have: a place in the tree and the time when they were written (ISO 8601)."""

    id: str
    parent_id: str | None
    timestamp: str


class MessageEntry(EntryBase, frozen=True, tag="message"):
    """A message of the conversation."""

    message: AgentMessage


class ModelChange(EntryBase, frozen=True, tag="model_change"):
    """The user chose a model."""

    provider: str
    model_id: str


class ThinkingLevelChange(EntryBase, frozen=True, tag="thinking_level_change"):
    """The user chose a thinking level; files may hold levels that we don't know."""

    thinking_level: str


class UsageEntry(EntryBase, frozen=True, tag="usage"):
    """Tokens spent outside of the conversation; `kind` names the operation."""

    kind: str
    provider: str
    model: str
    usage: Usage
    note: Any = None


class CompactionEntry(EntryBase, frozen=True, tag="compaction"):
    """A summary of all before `first_kept_entry_id` (its own id keeps nothing), and the system state then."""

    summary: str
    first_kept_entry_id: str
    tokens_before: int
    details: Any = None
    usage: Usage | None = None
    from_hook: bool | None = None
    system_message: SystemMessage | None = None


class Replacement(Struct, frozen=True):
    """The content that a context edit puts in the place of its target's."""

    content: str | tuple[Text | Thinking | Image | ToolCall, ...]


class ContextEdit(EntryBase, frozen=True, tag="context_edit"):
    """The model sees `replacement` instead of the target's content, or nothing where it is None."""

    target_id: str
    replacement: Replacement | None


class BranchSummary(EntryBase, frozen=True, tag="branch_summary"):
    """A summary of the branch that was left at `from_id`."""

    from_id: str | None
    summary: str
    details: Any = None
    usage: Usage | None = None
    from_hook: bool | None = None


class CustomEntry(EntryBase, frozen=True, tag="custom"):
    """An extension's own state; the model never sees it."""

    custom_type: str
    data: Any = UNSET


class CustomMessageEntry(EntryBase, frozen=True, tag="custom_message"):
    """An extension's message to the model."""

    custom_type: str
    content: str | Blocks
    display: bool
    details: Any = UNSET


class Label(EntryBase, frozen=True, tag="label"):
    """A name for an entry; without `label` it takes the name away."""

    target_id: str
    label: str | None = None


class SessionInfo(EntryBase, frozen=True, tag="session_info"):
    """The session's name; an empty one takes it away."""

    name: str | None = None


class UnknownEntry(Struct, frozen=True):
    """A line of a kind that we don't know, or can't read as what it says it is; `raw` is all of it."""

    type: str
    id: str  # empty where the line has none
    parent_id: str | None
    timestamp: str
    raw: bytes


KnownEntry = (
    MessageEntry
    | ModelChange
    | ThinkingLevelChange
    | UsageEntry
    | CompactionEntry
    | ContextEdit
    | BranchSummary
    | CustomEntry
    | CustomMessageEntry
    | Label
    | SessionInfo
)
Entry = KnownEntry | UnknownEntry


UNREADABLE = (
    msgspec.MsgspecError,
    ValueError,
    OverflowError,
    RecursionError,
)  # what bytes can make msgspec raise


@cache
def entry_decoder() -> msgspec.json.Decoder[KnownEntry]:
    """For lines that hold all that their type promises; what it raises is among UNREADABLE."""
    return msgspec.json.Decoder(KnownEntry)


@cache
def _encoder() -> msgspec.json.Encoder:
    # what an extension puts into `details` or `data` must never keep the rest of an entry from being saved
    return msgspec.json.Encoder(enc_hook=str)


def encode_entry(entry: Entry | SessionHeader) -> bytes:
    """One line of a session file, without the newline; lone surrogates are escaped, as JavaScript does."""
    if isinstance(entry, UnknownEntry):
        return entry.raw
    try:
        return _encoder().encode(entry)
    except UnicodeEncodeError:
        return dump_json(msgspec.to_builtins(entry, enc_hook=str, str_keys=True))


def decode_entry(raw: bytes) -> Entry | None:
    """The entry that a line holds, None for one that is no JSON object; never raises."""
    try:
        return entry_decoder().decode(raw)
    except UNREADABLE:
        value = load_json(raw)
    if value is None:
        return None
    try:
        return msgspec.convert(_mended_entry(value), KnownEntry, strict=False)
    except UNREADABLE:
        return UnknownEntry(
            type=_text(value.get("type")) or "",
            id=_text(value.get("id")) or "",
            parent_id=_text(value.get("parentId")),
            timestamp=_text(value.get("timestamp")) or "",
            raw=raw.strip(),
        )


def decode_header(raw: bytes) -> SessionHeader | None:
    """The header that a line holds; None when the line is none."""
    value = load_json(raw)
    if value is None or value.get("type") != "session" or not isinstance(value.get("id"), str):
        return None
    version = value.get("version")
    return SessionHeader(
        version=version if isinstance(version, int) else VERSION,
        id=value["id"],
        timestamp=_text(value.get("timestamp")) or "",
        cwd=_text(value.get("cwd")) or "",
        parent_session=_text(value.get("parentSession")),
    )


def load_json(raw: bytes) -> dict[str, Any] | None:
    """A JSON object, read as tolerantly as JavaScript reads a file; None for anything else."""
    if raw.isspace():
        return None
    import json

    try:  # int refuses NaN and Infinity, which JSON doesn't have
        return _object(json.loads(raw.decode("utf-8", "replace"), parse_constant=int))
    except (ValueError, RecursionError):
        return None


def dump_json(value: Any) -> bytes:
    """Compact JSON; only lone surrogates are escaped, because UTF-8 has no place for them."""
    import json

    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def iso_ms(timestamp: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 time; 0 for what is none."""
    try:
        return round(datetime.fromisoformat(timestamp).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        return 0


# What follows mends lines that hold less than their type promises: other versions and people wrote them.

_ROLES: dict[str, dict[str, Any]] = {
    "system": {"content": ""},
    "user": {"content": []},
    "assistant": {"content": [], "api": "", "provider": "", "model": "", "usage": {}, "stopReason": "stop"},
    "toolResult": {"toolCallId": "", "toolName": "", "content": [], "isError": False},
    "bashExecution": {"command": "", "output": "", "cancelled": False, "truncated": False},
    "custom": {"customType": "", "content": [], "display": True},
    "branchSummary": {"summary": "", "fromId": None},
    "compactionSummary": {"summary": "", "tokensBefore": 0},
}
_ENTRIES: dict[str, dict[str, Any]] = {
    "usage": {"kind": "", "provider": "", "model": "", "usage": {}},
    "compaction": {"summary": "", "firstKeptEntryId": "", "tokensBefore": 0},
    "branch_summary": {"summary": "", "fromId": None},
    "custom": {"customType": ""},
    "custom_message": {"customType": "", "content": [], "display": True},
}
_BLOCKS: dict[str, dict[str, Any]] = {
    "text": {"text": ""},
    "thinking": {"thinking": ""},
    "image": {"data": "", "mimeType": ""},
    "toolCall": {"id": "", "name": "", "arguments": {}},
}
_IN_ROLE = {"system": ("text",), "assistant": ("text", "thinking", "toolCall")}


def _mended_entry(value: dict[str, Any]) -> dict[str, Any]:
    kind = _text(value.get("type")) or ""
    mended = _filled({"parentId": None, "timestamp": "", **value}, _ENTRIES.get(kind, {}))
    if kind == "message" and (message := _object(value.get("message"))) is not None:
        mended["message"] = _mended_message(message, mended["timestamp"])
    if kind == "compaction" and (message := _object(value.get("systemMessage"))) is not None:
        mended["systemMessage"] = _mended_message(message, mended["timestamp"])
    if kind == "custom_message":
        mended["content"] = _mended_content(mended["content"], "custom")
    if (usage := _object(mended.get("usage"))) is not None:
        mended["usage"] = _mended_usage(usage)
    return mended


def _mended_message(message: dict[str, Any], written: Any) -> dict[str, Any]:
    role = _text(message.get("role")) or ""
    mended = _filled(message, _ROLES.get(role, {}))
    if "content" in mended:
        mended["content"] = _mended_content(mended["content"], role)
    if (usage := _object(mended.get("usage"))) is not None:
        mended["usage"] = _mended_usage(usage)
    if role == "assistant" and mended["stopReason"] not in get_args(StopReason):
        mended["stopReason"] = "stop"
    time = mended.get("timestamp")
    mended["timestamp"] = int(time) if isinstance(time, int | float) else iso_ms(_text(written) or "")
    return mended


def _mended_content(content: Any, role: str) -> Any:
    """Blocks that their role knows, filled up; a string where the role wants blocks becomes one."""
    if isinstance(content, str) and role in ("assistant", "toolResult"):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        return content
    known = _IN_ROLE.get(role, ("text", "image"))
    blocks = [_object(block) or {} for block in cast(list[Any], content)]
    return [_filled(block, _BLOCKS[block["type"]]) for block in blocks if block.get("type") in known]


def _mended_usage(usage: dict[str, Any]) -> dict[str, Any]:
    """Only numbers, and whole ones for tokens; what is missing counts as zero."""
    tokens = {name: int(count) for name, count in usage.items() if isinstance(count, int | float)}
    prices = _object(usage.get("cost")) or {}
    return {
        **tokens,
        "cost": {name: price for name, price in prices.items() if isinstance(price, int | float)},
    }


def _filled(value: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    return {**value, **{name: default for name, default in defaults.items() if value.get(name) is None}}


def _object(value: Any) -> dict[str, Any] | None:
    return cast(dict[str, Any], value) if isinstance(value, dict) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None

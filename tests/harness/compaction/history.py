"""Entries and messages for tests of compaction: short to write, one token for four characters."""

from typing import Any

from pi.harness.storage.entries import CompactionEntry, ContextEdit, Entry, Label, MessageEntry, Replacement
from pi.llm.messages import (
    AssistantMessage,
    StopReason,
    Text,
    ToolCall,
    ToolResultMessage,
    Usage,
    UserMessage,
)

T = "2026-01-01T10:00:00.000Z"


def user(text: str = "ask", at: int = 1) -> UserMessage:
    return UserMessage((Text(text),), at)


def answer(
    text: str = "",
    *calls: ToolCall,
    used: int = 0,
    stop: StopReason = "stop",
    error: str | None = None,
) -> AssistantMessage:
    content = (*([Text(text)] if text else []), *calls)
    usage = Usage(input=used, total_tokens=used)
    return AssistantMessage(content, "faux", "faux", "scripted", usage, stop, 1, error_message=error)


def result(text: str = "done", of: str = "c") -> ToolResultMessage:
    return ToolResultMessage(of, "read", (Text(text),), is_error=False, timestamp=1)


def call_of(name: str, **arguments: Any) -> ToolCall:
    return ToolCall("c", name, arguments)


def message(id: str, said: Any) -> MessageEntry:
    return MessageEntry(id, None, T, said)


def hide(id: str, target: str) -> ContextEdit:
    return ContextEdit(id, None, T, target, None)


def change(id: str, target: str, text: str) -> ContextEdit:
    return ContextEdit(id, None, T, target, Replacement(text))


def label(id: str) -> Label:
    return Label(id, None, T, "x", "a label")


def compaction(id: str, first_kept: str, **fields: Any) -> CompactionEntry:
    return CompactionEntry(id, None, T, "old summary", first_kept, 100, **fields)


def ids(entries: list[Entry]) -> list[str]:
    return [entry.id for entry in entries]

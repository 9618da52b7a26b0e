"""What an entry is at a glance: its kind and the few words by which it is found again in the tree."""

import re
from typing import NamedTuple

from pi.harness.export.markup import one_line
from pi.harness.export.page import CardKind
from pi.harness.export.tools import about
from pi.harness.storage.entries import (
    BashExecutionMessage,
    BranchSummary,
    BranchSummaryMessage,
    CompactionEntry,
    CompactionSummaryMessage,
    ContextEdit,
    CustomMessage,
    CustomMessageEntry,
    Entry,
    MessageEntry,
    ModelChange,
    SessionInfo,
    ThinkingLevelChange,
)
from pi.llm.messages import (
    AssistantMessage,
    Image,
    SystemMessage,
    Text,
    ToolResultMessage,
    UserMessage,
    content_text,
)

_MOST = 90  # characters
_MARKS = re.compile(r"(?m)\*\*|`+|^#+ ")


class Glance(NamedTuple):
    """`minor` entries are left out of the tree until everything is asked for."""

    kind: CardKind
    text: str
    minor: bool = False


def glance(entry: Entry) -> Glance | None:
    """None for what no page shows."""
    match entry:
        case MessageEntry(message=message):
            return _message(message)
        case CustomMessageEntry(custom_type=kind, content=content, display=True):
            return _custom(kind, content)
        case CompactionEntry():
            return Glance("summary", "Compaction")
        case BranchSummary(summary=summary) if summary:
            return Glance("summary", "Summary of a branch")
        case _:
            note = note_of(entry)
            return Glance("note", one_line(note, _MOST), minor=True) if note else None


def note_of(entry: Entry) -> str:
    """What a small entry says in one line; empty for all others."""
    match entry:
        case ModelChange(provider=provider, model_id=model):
            return f"Model: {provider}/{model}"
        case ThinkingLevelChange(thinking_level=level):
            return f"Thinking: {level}"
        case SessionInfo(name=str() as name) if name.strip():
            return f"Named: {name}"
        case ContextEdit(replacement=None):
            return "Hid an earlier message from the model"
        case ContextEdit():
            return "Changed what the model sees of an earlier message"
        case _:
            return ""


def _message(message: object) -> Glance | None:
    match message:
        case UserMessage(content=content):
            return Glance("user", _said(content))
        case AssistantMessage():
            return _answer(message)
        case ToolResultMessage(tool_name=name):
            return Glance("tool", one_line(name, _MOST), minor=True)
        case BashExecutionMessage(command=command):
            return Glance("bash", one_line(f"! {command}", _MOST))
        case SystemMessage():
            return Glance("system", "System prompt", minor=True)
        case CustomMessage(custom_type=kind, content=content, display=True):
            return _custom(kind, content)
        case BranchSummaryMessage():
            return Glance("summary", "Summary of a branch")
        case CompactionSummaryMessage():
            return Glance("summary", "Compaction")
        case _:
            return None


def _answer(message: AssistantMessage) -> Glance:
    text = _plain(message.text)
    if text:
        return Glance("assistant", text)
    if message.error_message:
        return Glance("assistant", one_line(message.error_message, _MOST))
    calls = [f"{call.name} {about(call.name, call.arguments)}" for call in message.tool_calls]
    return Glance("assistant", one_line(", ".join(calls), _MOST) or "(nothing)", minor=True)


def _custom(kind: str, content: str | tuple[Text | Image, ...]) -> Glance:
    return Glance("custom", _plain(f"{kind}: {content_text(content)}"))


def _said(content: str | tuple[Text | Image, ...]) -> str:
    return _plain(content_text(content)) or "(an image)"


def _plain(text: str) -> str:
    """The beginning of a text without the marks of Markdown that would only be noise."""
    return one_line(_MARKS.sub("", text[: 8 * _MOST]), _MOST)

"""What a session's tree says of an entry: one line, the text that is searched, the one that is copied."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from pi.harness.storage.entries import (
    BashExecutionMessage,
    BranchSummary,
    BranchSummaryMessage,
    CompactionEntry,
    CompactionSummaryMessage,
    ContextEdit,
    CustomEntry,
    CustomMessage,
    CustomMessageEntry,
    Entry,
    Label,
    MessageEntry,
    ModelChange,
    SessionInfo,
    ThinkingLevelChange,
    UsageEntry,
)
from pi.llm.messages import (
    AssistantMessage,
    SystemMessage,
    ToolCall,
    ToolResultMessage,
    UserMessage,
    content_text,
)
from pi.modes.tui.lines import clean

_SHOWN = 400  # characters of a row's text
_SEARCHED = 4000
_ARGUMENTS = (
    "command",
    "path",
    "file_path",
    "pattern",
    "query",
    "url",
)  # what tells most about a call, by name


class Described(msgspec.Struct, frozen=True):
    """A role and what was said, each with a style; `searched` is folded."""

    role: str
    role_style: str
    text: str
    text_style: str
    searched: str


def is_user(entry: Entry) -> bool:
    """Whether the user said it."""
    return isinstance(entry, MessageEntry) and isinstance(entry.message, UserMessage)


def is_tool_result(entry: Entry) -> bool:
    """Whether a tool said it."""
    return isinstance(entry, MessageEntry) and isinstance(entry.message, ToolResultMessage)


def is_bookkeeping(entry: Entry) -> bool:
    """Whether it only keeps a setting or a state."""
    return isinstance(
        entry, Label | ContextEdit | CustomEntry | ModelChange | ThinkingLevelChange | SessionInfo
    ) or (isinstance(entry, MessageEntry) and isinstance(entry.message, SystemMessage))


def is_always_hidden(entry: Entry) -> bool:
    """Whether nobody wants to go there: what was spent, and answers that only call tools."""
    match entry:
        case UsageEntry():
            return True
        case MessageEntry(message=AssistantMessage(stop_reason="stop" | "toolUse") as message):
            return not message.text.strip()
        case _:
            return False


class Texts:
    """Describes entries; results of tools are described by the calls that they answer."""

    def __init__(self, entries: Iterable[Entry]):
        self._calls: dict[str, ToolCall] = {}
        for entry in entries:
            if isinstance(entry, MessageEntry) and isinstance(entry.message, AssistantMessage):
                for call in entry.message.tool_calls:
                    self._calls[call.id] = call

    def describe(self, entry: Entry) -> Described:
        """One line of an entry."""
        role, role_style, text, style = self._parts(entry)
        searched = f"{role} {text[:_SEARCHED]}".casefold()
        return Described(role, role_style, _row(text), style, searched)

    def _parts(self, entry: Entry) -> tuple[str, str, str, str]:
        match entry:
            case MessageEntry(message=message):
                return self._message(message)
            case CustomMessageEntry(custom_type=name, content=content):
                return name, "customMessageLabel", content_text(content), ""
            case CompactionEntry(tokens_before=tokens):
                return "", "", f"[compaction: {round(tokens / 1000)}k tokens]", "borderAccent"
            case BranchSummary(summary=summary):
                return "branch summary", "warning", summary, ""
            case _:
                return "", "", f"[{_other(entry)}]", "dim"

    def _message(self, message: Any) -> tuple[str, str, str, str]:
        match message:
            case UserMessage(content=content):
                return "user", "accent", content_text(content) or "(image)", ""
            case AssistantMessage():
                return _assistant(message)
            case ToolResultMessage(tool_call_id=id, tool_name=name, is_error=failed):
                call = self._calls.get(id)
                text = f"[{name}{f': {about}' if call and (about := _about(call.arguments)) else ''}]"
                return "", "", text, "error" if failed else "muted"
            case BashExecutionMessage(command=command):
                return "", "", f"[! {command}]", "bashMode"
            case CustomMessage(custom_type=name, content=content):
                return name, "customMessageLabel", content_text(content), ""
            case BranchSummaryMessage(summary=summary) | CompactionSummaryMessage(summary=summary):
                return "summary", "warning", summary, ""
            case SystemMessage(content=content):
                return "system", "dim", content_text(content), "dim"
            case _:
                return "", "", f"[{type(message).__name__}]", "dim"


def full_text(entry: Entry) -> str:
    """All that an entry says, for the clipboard."""
    match entry:
        case MessageEntry(message=BashExecutionMessage(command=command, output=output)):
            return f"$ {command}\n{output}"
        case MessageEntry(message=BranchSummaryMessage() | CompactionSummaryMessage() as message):
            return message.summary
        case MessageEntry(message=AssistantMessage() as message):
            return message.text.strip() or message.error_message or "\n".join(map(_call, message.tool_calls))
        case MessageEntry(message=message) if hasattr(message, "content"):
            return content_text(cast(Any, message).content)
        case CustomMessageEntry(content=content):
            return content_text(content)
        case CompactionEntry(summary=summary) | BranchSummary(summary=summary):
            return summary
        case _:
            return _other(entry)


def _assistant(message: AssistantMessage) -> tuple[str, str, str, str]:
    text = message.text.strip()
    if text:
        return "assistant", "success", text, ""
    if message.stop_reason == "aborted":
        return "assistant", "success", "(aborted)", "muted"
    if message.error_message:
        return "assistant", "success", message.error_message, "error"
    calls = ", ".join(map(_call, message.tool_calls))
    return "assistant", "success", calls or "(no content)", "muted"


def _call(call: ToolCall) -> str:
    about = _about(call.arguments)
    return f"{call.name} {about}" if about else call.name


def _about(arguments: Mapping[str, Any]) -> str:
    """The argument that tells most of a call."""
    for name in _ARGUMENTS:
        value = arguments.get(name)
        if isinstance(value, str) and value:
            return value[:_SHOWN]
    return next((value[:_SHOWN] for value in arguments.values() if isinstance(value, str)), "")


def _other(entry: Entry) -> str:
    match entry:
        case Label(label=label):
            return f"label: {label}" if label else "label taken away"
        case ModelChange(provider=provider, model_id=model):
            return f"model: {provider}/{model}"
        case ThinkingLevelChange(thinking_level=level):
            return f"thinking: {level}"
        case SessionInfo(name=name):
            return f"name: {name}" if name else "name taken away"
        case CustomEntry(custom_type=kind):
            return f"custom: {kind}"
        case ContextEdit(replacement=None):
            return "left out of the context"
        case ContextEdit():
            return "changed in the context"
        case UsageEntry(kind=kind):
            return f"usage: {kind}"
        case _:
            return getattr(entry, "type", type(entry).__name__)


def _row(text: str) -> str:
    """The beginning of a text, on one line."""
    return clean(" ".join(text[: 2 * _SHOWN].split()))[:_SHOWN]

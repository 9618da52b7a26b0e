"""What the model sees of a session: the entries of a branch as messages, and those in roles it knows."""

from collections.abc import Iterable, Sequence
from typing import cast

import msgspec

from pi.harness.storage.entries import (
    AgentMessage,
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
    Replacement,
    ThinkingLevelChange,
    iso_ms,
)
from pi.llm.messages import (
    AssistantMessage,
    Image,
    Message,
    SystemMessage,
    Text,
    ThinkingLevel,
    ToolResultMessage,
    UserMessage,
)
from pi.llm.models import LEVELS

_COMMON = {SystemMessage, UserMessage, AssistantMessage, ToolResultMessage}
_COMPACTED = """\
The conversation history before this point was compacted into the following summary:

<summary>
{}
</summary>"""
_CAME_BACK = """\
The following is a summary of a branch that this conversation came back from:

<summary>
{}</summary>"""


# An entry with the messages that the model sees of it.
Projected = tuple[Entry, list[AgentMessage]]


def context_entries(branch: Sequence[Entry]) -> list[Entry]:
    """The entries that are still active: the latest compaction first, what it kept, and what came after.

    System messages from before the compaction are left out: the compaction carries their sum.
    """
    at = next((i for i in reversed(range(len(branch))) if isinstance(branch[i], CompactionEntry)), None)
    if at is None:
        return list(branch)
    compaction = branch[at]
    assert isinstance(compaction, CompactionEntry)
    first = next((i for i in range(at) if branch[i].id == compaction.first_kept_entry_id), at)
    kept = [entry for entry in branch[first:at] if not _is_system(entry)]
    return [compaction, *kept, *branch[at + 1 :]]


def project(branch: Sequence[Entry]) -> list[Projected]:
    """Each active entry with the messages that the model sees of it, the branch's context edits applied."""
    projected = edited(context_entries(branch))
    # an older compaction inside the kept range is silent: the latest one speaks for it
    return [
        (entry, [] if index and isinstance(entry, CompactionEntry) else messages)
        for index, (entry, messages) in enumerate(projected)
    ]


def edited(entries: Sequence[Entry]) -> list[Projected]:
    """Each entry with what the model would see of it: the latest context edit of each among them applied."""
    edits = {entry.target_id: entry.replacement for entry in entries if isinstance(entry, ContextEdit)}
    projected: list[Projected] = []
    for entry in entries:
        messages = entry_messages(entry)
        if entry.id in edits:
            replacement = edits[entry.id]
            messages = [] if replacement is None else [_edited(message, replacement) for message in messages]
        projected.append((entry, messages))
    return projected


def entry_messages(entry: Entry) -> list[AgentMessage]:
    """The messages that an entry stands for, before any edit of it; most kinds stand for none."""
    match entry:
        case MessageEntry(message=message):
            return [message]
        case CustomMessageEntry(custom_type=kind, content=content, display=display, details=details):
            return [CustomMessage(kind, content, display, iso_ms(entry.timestamp), details)]
        case BranchSummary(summary=summary) if summary:
            return [BranchSummaryMessage(summary, entry.from_id, iso_ms(entry.timestamp))]
        case CompactionEntry():
            summary = CompactionSummaryMessage(entry.summary, entry.tokens_before, iso_ms(entry.timestamp))
            return [entry.system_message, summary] if entry.system_message else [summary]
        case _:
            return []


def build_context(branch: Sequence[Entry]) -> list[AgentMessage]:
    """The transcript of a branch, root first; system messages stand where they were said."""
    if not {ContextEdit, CompactionEntry}.isdisjoint(map(type, branch)):
        return [message for _, messages in project(branch) for message in messages]
    messages: list[AgentMessage] = []
    for entry in branch:  # the plain case, of thousands of messages: nothing is hidden, replaced or summed up
        if type(entry) is MessageEntry:
            messages.append(entry.message)
        else:
            messages += entry_messages(entry)
    return messages


def to_llm(messages: Iterable[AgentMessage]) -> list[Message]:
    """The same transcript in roles that models know: what only the harness has becomes the user's text."""
    messages = list(messages)
    if _COMMON.issuperset(map(type, messages)):  # mostly, in thousands of them
        return cast(list[Message], messages)
    return [plain for message in messages if (plain := _plain(message)) is not None]


def without_images(messages: Iterable[Message]) -> list[Message]:
    """The same messages with a note in the place of each run of images: the user doesn't let them out."""
    return [_blocked(message) for message in messages]


def bash_text(message: BashExecutionMessage) -> str:
    """What the model reads of a command that the user ran."""
    text = f"Ran `{message.command}`\n"
    text += f"```\n{message.output}\n```" if message.output else "(no output)"
    if message.cancelled:
        text += "\n\n(command cancelled)"
    elif message.exit_code:
        text += f"\n\nCommand exited with code {message.exit_code}"
    if message.truncated and message.full_output_path:
        text += f"\n\n[Output truncated. Full output: {message.full_output_path}]"
    return text


def restore_model(newest_first: Iterable[Entry]) -> tuple[str, str] | None:
    """Provider and id of the model used last: the one chosen or the one that answered, whichever is later."""
    for entry in newest_first:
        match entry:
            case ModelChange(provider=provider, model_id=model):
                return provider, model
            case MessageEntry(message=AssistantMessage(provider=provider, model=model)):
                return provider, model
            case _:
                pass
    return None


def restore_thinking_level(newest_first: Iterable[Entry]) -> ThinkingLevel | None:
    """The level chosen last; None where none was."""
    for entry in newest_first:
        if isinstance(entry, ThinkingLevelChange):
            return next((level for level in LEVELS if level == entry.thinking_level), None)
    return None


def normal_content(message: AgentMessage, replacement: Replacement) -> Replacement:
    """A replacement as its target holds content: assistants and tool results have blocks, never a string."""
    if isinstance(replacement.content, str) and isinstance(message, AssistantMessage | ToolResultMessage):
        return Replacement((Text(replacement.content),))
    return replacement


def _is_system(entry: Entry) -> bool:
    return isinstance(entry, MessageEntry) and isinstance(entry.message, SystemMessage)


def _edited(message: AgentMessage, replacement: Replacement) -> AgentMessage:
    match message:
        case UserMessage() | AssistantMessage() | ToolResultMessage() | CustomMessage():
            return msgspec.structs.replace(message, content=normal_content(message, replacement).content)
        case _:
            return message


def _plain(message: AgentMessage) -> Message | None:
    match message:
        case BashExecutionMessage(exclude_from_context=excluded):
            return None if excluded else _user((Text(bash_text(message)),), message.timestamp)
        case CustomMessage(content=content):
            blocks = (Text(content),) if isinstance(content, str) else content
            return _user(blocks, message.timestamp)
        case BranchSummaryMessage(summary=summary):
            return _user((Text(_CAME_BACK.format(summary)),), message.timestamp)
        case CompactionSummaryMessage(summary=summary):
            return _user((Text(_COMPACTED.format(summary)),), message.timestamp)
        case _:
            return message


def _blocked(message: Message) -> Message:
    if not isinstance(message, UserMessage | ToolResultMessage) or isinstance(message.content, str):
        return message
    if not any(isinstance(block, Image) for block in message.content):
        return message
    note = Text("Image reading is disabled.")
    kept: list[Text | Image] = []
    for block in message.content:
        shown = note if isinstance(block, Image) else block
        if shown != note or kept[-1:] != [note]:
            kept.append(shown)
    return msgspec.structs.replace(message, content=tuple(kept))


def _user(content: tuple[Text | Image, ...], timestamp: int) -> UserMessage:
    return UserMessage(content, timestamp)

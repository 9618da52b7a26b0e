"""How many tokens the session's next request will carry: what the last answer reported, or an estimate."""

from collections.abc import Iterable

from pi.harness.context import build_context, entry_messages
from pi.harness.storage.entries import (
    AgentMessage,
    BashExecutionMessage,
    BranchSummaryMessage,
    CompactionEntry,
    CompactionSummaryMessage,
    ContextEdit,
    CustomMessage,
    MessageEntry,
)
from pi.harness.storage.store import Store
from pi.llm.messages import AssistantMessage, SystemMessage, UserMessage
from pi.llm.tokens import context_tokens, estimate_message, estimate_text
from pi.llm.transcript import system_state


def estimate(message: AgentMessage) -> int:
    """Tokens of one message, also of those that only the harness has."""
    match message:
        case BashExecutionMessage(command=command, output=output, exclude_from_context=excluded):
            return 0 if excluded else estimate_text(command + output)
        case CustomMessage(content=content):
            return estimate_message(UserMessage(content, 0))
        case BranchSummaryMessage(summary=summary) | CompactionSummaryMessage(summary=summary):
            return estimate_text(summary)
        case _:
            return estimate_message(message)


def estimate_all(messages: Iterable[AgentMessage]) -> int:
    """Tokens of all of them together."""
    return sum(map(estimate, messages))


def context_size(store: Store) -> int:
    """Tokens of what the model would see now.

    An answer's usage counts only if no compaction and no context edit came after it: they changed what it
    describes. Without one, everything is estimated.
    """
    newer = 0
    for entry in store.newest_first():  # nearly always the first answer it meets tells
        match entry:
            case ContextEdit() | CompactionEntry():
                break
            case MessageEntry(message=AssistantMessage() as message) if (used := _reported(message)) > 0:
                return used + newer
            case _:
                newer += estimate_all(entry_messages(entry))
    messages = build_context(store.context_branch())
    system = system_state(messages, 0)
    spoken = [message for message in messages if not isinstance(message, SystemMessage)]
    return estimate_all([system, *spoken] if system else spoken)


def _reported(message: AssistantMessage) -> int:
    failed = message.stop_reason in ("aborted", "error")
    return 0 if failed else context_tokens(message.usage)

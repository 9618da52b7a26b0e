"""What one entry of a session tells of money: the one list of entries that cost something."""

from pi.harness.storage.entries import BranchSummary, CompactionEntry, Entry, MessageEntry, UsageEntry
from pi.llm.messages import AssistantMessage, ToolResultMessage, Usage


def spent(entry: Entry) -> tuple[str, Usage] | None:
    """Which model got it, or "tools" or "summaries", and how much; None where an entry costs nothing."""
    match entry:
        case MessageEntry(message=AssistantMessage(provider=provider, model=model, usage=usage)):
            return f"{provider}/{model}", usage
        case UsageEntry(provider=provider, model=model, usage=usage):
            return f"{provider}/{model}", usage
        case MessageEntry(message=ToolResultMessage(usage=usage)) if usage is not None:
            return "tools", usage
        case CompactionEntry(usage=usage) | BranchSummary(usage=usage) if usage is not None:
            return "summaries", usage
        case _:
            return None

"""What a session has cost and how full its context is, counted from its file."""

from msgspec import Struct

from pi.harness.context import to_llm
from pi.harness.entries import BranchSummary, CompactionEntry, MessageEntry, UsageEntry
from pi.harness.session import Session
from pi.llm.messages import AssistantMessage, ToolResultMessage, Usage, UserMessage
from pi.llm.tokens import context_tokens, estimate_context
from pi.llm.transcript import fold_system


class ContextUsage(Struct, frozen=True, rename="camel"):
    """Tokens that the next request would take, of the model's window; the share in percent."""

    tokens: int | None  # not known from a compaction on until the next answer
    context_window: int
    percent: float | None


class Stats(Struct, frozen=True):
    """Counts over all branches; tokens and USD, also of requests beside the conversation."""

    messages: int
    user_messages: int
    assistant_messages: int
    tool_calls: int
    tool_results: int
    usage: Usage
    cost: float
    cost_by_model: dict[str, float]
    context: ContextUsage


def stats_of(session: Session) -> Stats:
    """Count it; the work grows with the session, so not for every event."""
    messages = users = assistants = calls = results = 0
    total = Usage()
    by_model: dict[str, float] = {}

    def add(usage: Usage | None, model: str) -> None:
        nonlocal total
        if usage is None:
            return
        total = Usage(
            input=total.input + usage.input,
            output=total.output + usage.output,
            cache_read=total.cache_read + usage.cache_read,
            cache_write=total.cache_write + usage.cache_write,
            total_tokens=total.total_tokens + usage.total_tokens,
        )
        by_model[model] = by_model.get(model, 0) + usage.cost.total

    for entry in session.store.entries():
        messages += isinstance(entry, MessageEntry)
        match entry:
            case MessageEntry(message=UserMessage()):
                users += 1
            case MessageEntry(message=AssistantMessage() as message):
                assistants += 1
                calls += len(message.tool_calls)
                add(message.usage, f"{message.provider}/{message.model}")
            case MessageEntry(message=ToolResultMessage(usage=usage)):
                results += 1
                add(usage, "tools")
            case UsageEntry(provider=provider, model=model, usage=usage):
                add(usage, f"{provider}/{model}")
            case CompactionEntry(usage=usage) | BranchSummary(usage=usage):
                add(usage, "summaries")
            case _:
                pass
    cost = sum(by_model.values())
    context = context_usage(session)
    return Stats(messages, users, assistants, calls, results, total, cost, by_model, context)


def context_usage(session: Session) -> ContextUsage:
    """How full the context is."""
    window = session.model.context_window
    if _just_compacted(session):
        return ContextUsage(None, window, None)
    tokens = estimate_context(fold_system(to_llm(session.messages)))
    return ContextUsage(tokens, window, 100 * tokens / window if window else 0.0)


def _just_compacted(session: Session) -> bool:
    """Whether the last count of tokens is from before the compaction."""
    for entry in session.store.newest_first():
        match entry:
            case CompactionEntry():
                return True
            case MessageEntry(message=AssistantMessage(stop_reason=stop, usage=usage)) if (
                stop not in ("error", "aborted") and context_tokens(usage)
            ):
                return False
            case _:
                pass
    return False

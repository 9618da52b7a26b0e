"""What a session has cost and how full its context is, counted from its file."""

from msgspec import Struct

from pi.harness.context import to_llm
from pi.harness.entries import BranchSummary, CompactionEntry, MessageEntry, UsageEntry
from pi.harness.session import Session
from pi.llm.messages import AssistantMessage, ToolResultMessage, Usage, UserMessage
from pi.llm.tokens import estimate_context
from pi.llm.transcript import fold_system


class ContextUsage(Struct, frozen=True, rename="camel"):
    """Tokens that the next request would take, of the model's window; the share in percent."""

    tokens: int
    context_window: int
    percent: float


class Stats(Struct, frozen=True):
    """Counts over all branches; tokens and USD, also of requests beside the conversation."""

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
    users = assistants = calls = results = 0
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
    return Stats(
        users, assistants, calls, results, total, sum(by_model.values()), by_model, context_usage(session)
    )


def context_usage(session: Session) -> ContextUsage:
    """How full the context is."""
    tokens = estimate_context(fold_system(to_llm(session.messages)))
    window = session.model.context_window
    return ContextUsage(tokens, window, 100 * tokens / window if window else 0.0)

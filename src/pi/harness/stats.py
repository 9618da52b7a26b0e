"""What a session has cost and how full its context is, counted from its file."""

from msgspec import Struct

from pi.harness.context import to_llm
from pi.harness.session import Session
from pi.harness.spending.spent import spent
from pi.harness.storage.entries import CompactionEntry, Entry, MessageEntry
from pi.harness.storage.store import Store
from pi.llm.cost import total_usage
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


class Totals:
    """Running sums over a session's entries; only what was added since the last time is looked at."""

    def __init__(self, store: Store):
        self.store = store
        self._seen = 0
        self._messages = self._users = self._assistants = self._calls = self._results = 0
        self._usage = Usage()
        self._by_model: dict[str, float] = {}

    def stats(self, context: ContextUsage) -> Stats:
        """The sums as they are now."""
        added = self.store.entries(start=self._seen)
        self._seen += len(added)
        for entry in added:
            self._count(entry)
        by_model = dict(self._by_model)
        cost = sum(by_model.values())
        counts = (self._messages, self._users, self._assistants, self._calls, self._results)
        return Stats(*counts, self._usage, cost, by_model, context)

    def _count(self, entry: Entry) -> None:
        self._messages += isinstance(entry, MessageEntry)
        match entry:
            case MessageEntry(message=UserMessage()):
                self._users += 1
            case MessageEntry(message=AssistantMessage() as message):
                self._assistants += 1
                self._calls += len(message.tool_calls)
            case MessageEntry(message=ToolResultMessage()):
                self._results += 1
            case _:
                pass
        if (found := spent(entry)) is not None:
            model, usage = found
            self._usage = total_usage(self._usage, usage)
            self._by_model[model] = self._by_model.get(model, 0) + usage.cost.total


def stats_of(session: Session) -> Stats:
    """Count what is new since the last time."""
    totals = session.state.totals
    if not isinstance(totals, Totals):
        totals = session.state.totals = Totals(session.store)
    return totals.stats(context_usage(session))


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
            case MessageEntry(message=AssistantMessage(stop_reason=stop, usage=usage)) if stop not in (
                "error",
                "aborted",
            ) and context_tokens(usage):
                return False
            case _:
                pass
    return False

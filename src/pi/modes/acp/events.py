"""A session's events as updates for the editor: chunks of text and thought, cards of calls, notices."""

from collections.abc import Callable
from typing import Any

from acp.schema import Cost, SessionInfoUpdate, UsageUpdate

from pi.agent.events import (
    MessageEnd,
    MessageStart,
    MessageUpdate,
    ToolExecutionEnd,
    ToolExecutionStart,
    ToolExecutionUpdate,
    TurnEnd,
)
from pi.harness.events import (
    AgentSettled,
    AutoRetryStart,
    CacheMiss,
    CompactionEnd,
    CompactionStart,
    ExtensionFailed,
    ModelFailover,
    SessionInfoChanged,
    ThinkingLevelChanged,
)
from pi.harness.session import Session
from pi.harness.stats import stats_of
from pi.harness.storage.entries import CustomMessage
from pi.llm.events import BlockDelta, BlockEnd, BlockEvent, BlockStart
from pi.llm.messages import AssistantMessage, ToolCall, UserMessage, content_text
from pi.modes.acp.cards import Cards
from pi.modes.acp.clean import shown
from pi.modes.acp.feed import Feed


class Events:
    """One session's subscriber. `changed` is called when what can be chosen may have changed."""

    def __init__(self, session: Session, feed: Feed, cards: Cards, changed: Callable[[], None]):
        self._session = session
        self._feed = feed
        self._cards = cards
        self._changed = changed
        self._messages = 0
        self.known = 0  # of the user's messages to come, those that the editor shows already

    def heard(self, event: Any) -> None:
        """Tell the editor of an event, if it has a place for it."""
        match event:
            case MessageStart(message):
                self._begin(message)
            case MessageUpdate(assistant_message_event=part):
                self._grow(part)
            case MessageEnd(AssistantMessage(stop_reason="error" | "aborted")):
                self._cards.give_up()
            case ToolExecutionStart(id, name, arguments):
                self._cards.run(id, name, arguments)
            case ToolExecutionUpdate(id, name, _, result):
                self._cards.update(id, name, result)
            case ToolExecutionEnd(id, name, result, is_error):
                self._cards.end(id, name, result, is_error=is_error)
            case TurnEnd():
                self._tell_usage()
            case SessionInfoChanged(name):
                self._feed.send(SessionInfoUpdate(session_update="session_info_update", title=name or ""))
            case ThinkingLevelChanged() | AgentSettled():
                self._changed()
            case _:
                self._notice(event)

    def _begin(self, message: Any) -> None:
        self._messages += 1
        match message:
            case UserMessage() if self.known:
                self.known -= 1
            case UserMessage(content):  # an extension speaks for the user
                self._feed.user(content_text(content), self._id)
            case CustomMessage(content=content, display=True):
                self._feed.notice(content_text(content))
            case _:
                pass

    @property
    def _id(self) -> str:
        return f"message-{self._messages}"

    def _grow(self, part: BlockEvent) -> None:
        match part:
            case BlockDelta("text_delta", _, delta):
                self._feed.agent(delta, self._id)
            case BlockDelta("thinking_delta", _, delta):
                self._feed.thought(delta, self._id)
            case BlockStart("toolcall_start", _, str(id), str(name)):
                self._cards.begin(id, name)
            case BlockEnd(tool_call=ToolCall() as call):
                self._cards.write(call.id, call.name, call.arguments)
            case _:
                pass

    def _tell_usage(self) -> None:
        stats = stats_of(self._session)
        window, used = stats.context.context_window, stats.context.tokens
        if window and used is not None:
            cost = Cost(amount=stats.cost, currency="USD")
            self._feed.send(UsageUpdate(session_update="usage_update", used=used, size=window, cost=cost))

    def _notice(self, event: Any) -> None:
        if text := notice_of(event):
            self._feed.notice(text)


def notice_of(event: Any) -> str | None:
    """What people are told of an event that has no place of its own in the protocol."""
    match event:
        case AutoRetryStart(attempt, most, delay_ms, error):
            wait = f"again in {delay_ms / 1000:g} s ({attempt} of {most})"
            return f"*The request failed: {shown(error)} It is made {wait}.*"
        case CompactionStart():
            return "*Summing up the conversation to make room …*"
        case CompactionEnd(aborted=True):
            return "*The summary was stopped. Nothing has changed.*"
        case CompactionEnd(error_message=str(error)):
            return f"*The conversation couldn't be summed up: {shown(error)}*"
        case CompactionEnd(result=result) if result:
            return (
                f"*The conversation was summed up: {result.tokens_before:,} tokens became about "
                f"{result.estimated_tokens_after:,}.*"
            )
        case ModelFailover(before=before, to=to, reason=reason):
            return f"*{to} answers instead of {before}: {shown(reason)}*"
        case CacheMiss(missed_tokens=tokens, missed_cost=cost):
            return f"*{tokens:,} tokens of the prompt were paid for again (${cost:.3f} more).*"
        case ExtensionFailed(extension, event_name, error):
            return f"*The extension {shown(extension)} failed ({event_name}): {shown(error)}*"
        case _:
            return None

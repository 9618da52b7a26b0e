"""What was said in a session that is loaded: its branch as the updates that an editor draws it from."""

from pi.agent.tool import ToolResult
from pi.harness.storage.entries import (
    BashExecutionMessage,
    BranchSummary,
    CompactionEntry,
    CustomMessageEntry,
    Entry,
    MessageEntry,
)
from pi.harness.storage.store import Store
from pi.llm.messages import (
    AssistantMessage,
    Image,
    Text,
    Thinking,
    ToolCall,
    ToolResultMessage,
    UserMessage,
    content_text,
)
from pi.modes.acp.cards import Cards
from pi.modes.acp.feed import Feed


def replay(store: Store, feed: Feed, cards: Cards) -> None:
    """Tell of every entry of the current branch, also of those that a summary stands for."""
    for entry in store.branch():
        _tell(entry, feed, cards)
    cards.give_up()  # calls that nobody has answered


def _tell(entry: Entry, feed: Feed, cards: Cards) -> None:
    match entry:
        case MessageEntry(id=id, message=UserMessage() as message):
            _tell_user(message, id, feed)
        case MessageEntry(id=id, message=AssistantMessage() as message):
            _tell_assistant(message, id, feed, cards)
        case MessageEntry(message=ToolResultMessage() as message):
            result = ToolResult(message.content, message.details)
            cards.end(message.tool_call_id, message.tool_name, result, is_error=message.is_error)
        case MessageEntry(id=id, message=BashExecutionMessage() as message):
            cards.write(id, "bash", {"command": message.command}, past=True)
            failed = message.exit_code not in (0, None)
            cards.end(id, "bash", ToolResult((Text(message.output),)), is_error=failed)
        case CustomMessageEntry(content=content, display=True):
            feed.notice(content_text(content))
        case CompactionEntry(tokens_before=tokens):
            feed.notice(f"*The conversation was summed up here, at {tokens:,} tokens.*")
        case BranchSummary(summary=summary):
            feed.notice(f"*Another branch was left:* {summary}")
        case _:
            pass


def _tell_user(message: UserMessage, id: str, feed: Feed) -> None:
    if isinstance(message.content, str):
        feed.user(message.content, id)
        return
    for block in message.content:
        match block:
            case Text(text):
                feed.user(text, id)
            case Image():
                feed.image(block, id)


def _tell_assistant(message: AssistantMessage, id: str, feed: Feed, cards: Cards) -> None:
    for block in message.content:
        match block:
            case Text(text) if text:
                feed.agent(text, id)
            case Thinking(thinking) if thinking:
                feed.thought(thinking, id)
            case ToolCall():
                cards.write(block.id, block.name, block.arguments, past=True)
            case _:
                pass
    if message.stop_reason == "error" and message.error_message:
        feed.notice(f"*The request failed: {message.error_message}*")

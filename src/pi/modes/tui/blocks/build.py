"""The blocks of a session: what its entries look like in the transcript."""

from collections.abc import Callable, Iterable

from pi.harness.storage.entries import (
    BashExecutionMessage,
    BranchSummary,
    BranchSummaryMessage,
    CompactionEntry,
    CompactionSummaryMessage,
    CustomEntry,
    CustomMessage,
    CustomMessageEntry,
    Entry,
    MessageEntry,
)
from pi.llm.messages import (
    AssistantMessage,
    Image,
    Text,
    ToolCall,
    ToolResultMessage,
    UserMessage,
    content_text,
)
from pi.modes.tui.blocks.assistant import AssistantBlock
from pi.modes.tui.blocks.bash import BashBlock
from pi.modes.tui.blocks.block import Block
from pi.modes.tui.blocks.custom import CustomBlock
from pi.modes.tui.blocks.notice import NoticeBlock
from pi.modes.tui.blocks.summary import BranchSummaryBlock, CompactionBlock
from pi.modes.tui.blocks.tool import ToolBlock
from pi.modes.tui.blocks.user import UserBlock

# An extension's block instead of the one that is given, or just that.
Dress = Callable[[Block, object], Block]
NOTHING: Block = NoticeBlock("")
_FAILED = ("error", "aborted", "length")


def blocks_of(entries: Iterable[Entry], dress: Dress | None = None, *, running: bool = False) -> list[Block]:
    """What these entries look like, in their order; nothing is drawn yet.

    `dress` may put a block of an extension's in the place of one, by the message, call or entry that it
    shows, and in the place of NOTHING for an entry that nobody else shows. Calls without results count as
    never run, unless it is `running`.
    """
    builder = _Builder(dress)
    for entry in entries:
        builder.add(entry)
    if not running:
        builder.settle()
    return builder.blocks


def block_of(message: object, entry_id: str | None = None) -> Block | None:
    """The block of one message that is no tool's result; None for what isn't shown."""
    match message:
        case UserMessage(content=content):
            return user_block(content, entry_id)
        case AssistantMessage():
            block = AssistantBlock(message)
            return None if block.empty else block
        case BashExecutionMessage():
            return BashBlock.of(message)
        case CustomMessage(custom_type=kind, content=content, display=True):
            return CustomBlock(kind, content)
        case CompactionSummaryMessage(summary=summary, tokens_before=tokens):
            return CompactionBlock(summary, tokens)
        case BranchSummaryMessage(summary=summary):
            return BranchSummaryBlock(summary)
        case _:
            return None


def user_block(content: str | tuple[Text | Image, ...], entry_id: str | None = None) -> UserBlock:
    """The block of what the user said."""
    images = () if isinstance(content, str) else [block for block in content if isinstance(block, Image)]
    return UserBlock(content_text(content), images, entry_id)


class _Builder:
    def __init__(self, dress: Dress | None) -> None:
        self.blocks: list[Block] = []
        self._dress = dress
        self._calls: dict[str, ToolBlock] = {}  # those without a result

    def add(self, entry: Entry) -> None:
        match entry:
            case MessageEntry(message=ToolResultMessage() as result):
                self._result(result)
            case MessageEntry(message=message):
                block = block_of(message, entry.id)
                if block is not None:
                    self._put(block, message)
                if isinstance(message, AssistantMessage):
                    self._called(message)
            case CustomMessageEntry(custom_type=kind, content=content, display=True):
                self._put(CustomBlock(kind, content), entry)
            case CompactionEntry(summary=summary, tokens_before=tokens):
                self._put(CompactionBlock(summary, tokens), entry)
            case BranchSummary(summary=summary) if summary:
                self._put(BranchSummaryBlock(summary), entry)
            case CustomEntry() if self._dress is not None:
                block = self._dress(NOTHING, entry)
                if block is not NOTHING:
                    self.blocks.append(block)
            case _:
                pass

    def settle(self) -> None:
        """No more results come."""
        for block in self._calls.values():
            block.cancel()

    def _called(self, message: AssistantMessage) -> None:
        for call in message.content:
            if isinstance(call, ToolCall):
                block = ToolBlock.of(call)
                self._calls[call.id] = block
                self._put(block, call)
        if message.stop_reason in _FAILED:
            self.settle_of(message)

    def settle_of(self, message: AssistantMessage) -> None:
        """The calls of a message that has failed never run."""
        for call in message.content:
            if isinstance(call, ToolCall) and (block := self._calls.get(call.id)) is not None:
                block.cancel()

    def _result(self, result: ToolResultMessage) -> None:
        block = self._calls.pop(result.tool_call_id, None)
        if block is None:  # its call was left out of the branch, or never written
            block = ToolBlock(result.tool_name, result.tool_call_id)
            self.blocks.append(block)
        block.end(result, result.is_error)

    def _put(self, block: Block, shown: object) -> None:
        if self._dress is not None:
            block = self._dress(block, shown)
        self.blocks.append(block)

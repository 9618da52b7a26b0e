"""From a session's entries to blocks: in their order, calls with their results, nothing drawn."""

from pi.harness.storage.entries import (
    BashExecutionMessage,
    BranchSummary,
    CompactionEntry,
    CustomEntry,
    CustomMessageEntry,
    Entry,
    MessageEntry,
    ModelChange,
    UnknownEntry,
)
from pi.llm.messages import (
    AssistantMessage,
    Message,
    StopReason,
    SystemMessage,
    Text,
    ToolCall,
    ToolResultMessage,
    Usage,
    UserMessage,
)
from pi.modes.tui.blocks.block import Block
from pi.modes.tui.blocks.build import blocks_of
from pi.modes.tui.blocks.custom import RenderedBlock
from pi.modes.tui.blocks.tool import ToolBlock
from tests.modes.tui.blocks.looks import texts


def _said(*content: Text | ToolCall, stop: StopReason = "toolUse") -> AssistantMessage:
    return AssistantMessage(content, "api", "provider", "model", Usage(), stop, 0)


def _entry(message: Message | BashExecutionMessage, name: str = "e") -> MessageEntry:
    return MessageEntry(name, None, "", message)


def _result(call: str, text: str, *, error: bool = False) -> ToolResultMessage:
    return ToolResultMessage(call, "bash", (Text(text),), error, 0)


def test_entries_become_blocks_in_their_order() -> None:
    entries: list[Entry] = [
        ModelChange("m", None, "", "provider", "model"),
        _entry(SystemMessage("system", 0)),
        _entry(UserMessage("hello", 0), "u1"),
        _entry(_said(Text("hi"), ToolCall("c1", "bash", {"command": "ls"}))),
        _entry(_result("c1", "a")),
        _entry(BashExecutionMessage("pwd", "/", False, False, 0)),
        CompactionEntry("c", None, "", "short", "u1", 1234),
        BranchSummary("b", None, "", "u1", "left"),
        CustomMessageEntry("x", None, "", "ext", "told", True),
        CustomMessageEntry("y", None, "", "ext", "hidden", False),
        CustomEntry("z", None, "", "ext", {}),
        UnknownEntry("new", "n", None, "", b"{}"),
    ]
    assert [(block.kind, block.entry_id, block.text()) for block in blocks_of(entries)] == [
        ("user", "u1", "hello"),
        ("assistant", None, "hi"),
        ("tool", None, "bash\nls\na"),
        ("bash", None, "pwd\n/"),
        ("summary", None, "[compaction] Compacted from 1,234 tokens\nshort"),
        ("summary", None, "[branch] Summary of the branch that was left\nleft"),
        ("custom", None, "[ext]\ntold"),
    ]


def test_results_go_to_their_calls_whatever_their_order() -> None:
    calls = [ToolCall(name, "bash", {"command": name}) for name in ("c1", "c2")]
    entries = [_entry(_said(*calls)), _entry(_result("c2", "two", error=True)), _entry(_result("c1", "one"))]
    blocks = blocks_of(entries)
    assert [(block.text(), block.state) for block in blocks if isinstance(block, ToolBlock)] == [
        ("bash\nc1\none", "success"),
        ("bash\nc2\ntwo", "error"),
    ]


def test_a_result_without_its_call_is_shown_too() -> None:
    assert [block.text() for block in blocks_of([_entry(_result("gone", "found"))])] == ["bash\nfound"]


def test_calls_without_results_never_ran_unless_the_session_runs() -> None:
    entries = [_entry(_said(ToolCall("c1", "bash", {"command": "x"})))]
    states = [
        [b.state for b in blocks_of(entries, running=r) if isinstance(b, ToolBlock)] for r in (False, True)
    ]
    assert states == [["error"], ["pending"]]


def test_an_aborted_message_says_so_once() -> None:
    entries = [_entry(_said(ToolCall("c1", "bash", {"command": "x"}), stop="aborted"))]
    assert [texts(block) for block in blocks_of(entries, running=True)] == [
        [" Operation aborted"],
        ["", " $ x", "", " Not run.", ""],
    ]


def test_extensions_may_dress_what_is_theirs() -> None:
    def dress(block: Block, shown: object) -> Block:
        name = shown.name if isinstance(shown, ToolCall) else shown.__class__.__name__
        return RenderedBlock(lambda width, look: [f"dressed {name}"], block)

    entries: list[Entry] = [
        _entry(UserMessage("hello", 0)),
        _entry(_said(ToolCall("c1", "bash", {"command": "x"}))),
        _entry(_result("c1", "a")),
        CustomMessageEntry("x", None, "", "ext", "told", True),
    ]
    _, tool, custom = blocks_of(entries, dress)
    assert [texts(tool), texts(custom)] == [[" dressed bash"], [" dressed CustomMessageEntry"]]
    assert isinstance(tool, RenderedBlock) and tool.fallback.text() == "bash\nx\na"


def test_building_keeps_references_and_makes_nothing() -> None:
    spoken, printed = "**answer** " * 100, "out\n" * 100
    entries = [
        _entry(_said(Text(spoken), ToolCall("c", "bash", {"command": "ls"}))),
        _entry(_result("c", printed)),
    ]
    assistant, tool = blocks_of(entries)
    assert assistant.text() == spoken.strip()
    assert isinstance(tool, ToolBlock) and tool.output is printed
    assert [assistant.estimate(80) > 20, tool.estimate(80)] == [True, 6]

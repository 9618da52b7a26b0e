"""The model's messages: as they come and when they are whole, with thinking or without, and how they end."""

from msgspec.structs import replace

from pi.llm.messages import AssistantMessage, StopReason, Text, Thinking, ToolCall, Usage
from pi.modes.tui.blocks.assistant import AssistantBlock
from pi.modes.tui.lines import Line
from tests.modes.tui.blocks.looks import LOOK, texts

_HIDDEN = replace(LOOK, thinking=False)


def _message(
    *content: Text | Thinking | ToolCall, stop: StopReason = "stop", error: str | None = None
) -> AssistantMessage:
    return AssistantMessage(content, "api", "provider", "model", Usage(), stop, 0, error_message=error)


def _coming() -> AssistantBlock:
    block = AssistantBlock()
    block.begin(_message(stop="pending"))
    return block


def test_blocks_of_content_follow_each_other() -> None:
    block = AssistantBlock(
        _message(Thinking("hm"), Text("one\n\ntwo"), ToolCall("c", "bash", {}), Text("three"))
    )
    assert texts(block) == [" hm", "", " one", "", " two", "", " three"]


def test_thinking_is_italic_in_its_own_colour() -> None:
    styles = {style for _, style in AssistantBlock(_message(Thinking("hm"))).lines(40, LOOK)[0] if style}
    assert styles == {"italic thinkingText"}


def test_hidden_thinking_is_one_line_that_opens() -> None:
    block = AssistantBlock(_message(Thinking("hm " * 40), Thinking("and so on"), Text("said")))
    hidden = texts(block, _HIDDEN)
    block.toggle()
    shown = texts(block, _HIDDEN)
    assert hidden == [" Thinking… (~29 tokens)", "", " said"]
    assert shown == texts(AssistantBlock(_message(Thinking("hm " * 40), Thinking("and so on"), Text("said"))))


def test_a_message_that_comes_looks_like_the_whole_one_in_the_end() -> None:
    thought, said = (
        "I *think*\n\nso",
        "# Title\n\nSome **words** that go on for a while, longer than a line.\n\n- a\n- b",
    )
    block = _coming()
    for at in range(0, len(thought), 3):
        block.add_thinking(0, thought[at : at + 3])
        block.lines(40, LOOK)
    for at in range(0, len(said), 5):
        block.add_text(1, said[at : at + 5])
        block.lines(40, LOOK)
    whole = _message(Thinking(thought), Text(said))
    coming = list(block.lines(40, LOOK))
    block.end(whole)
    assert coming == block.lines(40, LOOK) == AssistantBlock(whole).lines(40, LOOK)


def test_a_frame_gives_the_same_list_grown() -> None:
    block = _coming()
    block.add_text(0, "one\n\ntwo\n\n")
    first = block.lines(60, LOOK)
    kept: Line = first[0]
    block.add_text(0, "three\n\n")
    second = block.lines(60, LOOK)
    assert second is first and second[0] is kept
    assert texts(block) == [" one", "", " two", "", " three"]


def test_another_width_or_look_breaks_what_has_come_anew() -> None:
    block = _coming()
    block.add_thinking(0, "hm")
    block.add_text(1, "one two three four five six seven")
    assert texts(block, width=20) == [" hm", "", " one two three four", " five six seven"]
    assert texts(block, _HIDDEN, width=60) == [
        " Thinking…",
        "",
        " one two three four five six seven",
    ]


def test_the_whole_message_counts_over_what_has_come() -> None:
    block = _coming()
    block.add_text(0, "draft")
    block.lines(40, LOOK)
    block.end(_message(Text("final")))
    assert (texts(block), block.text(), block.answer()) == ([" final"], "final", "final")


def test_empty_lines_at_the_beginning_are_left_out() -> None:
    block = _coming()
    block.add_text(0, "\n")
    assert (block.empty, texts(block)) == (True, [])
    block.add_text(0, "\nhi")
    assert (block.empty, texts(block)) == (False, [" hi"])


def test_how_a_message_ended_stands_below_it() -> None:
    ends = [
        _message(Text("a"), stop="aborted"),
        _message(stop="aborted", error="Request was aborted"),
        _message(stop="aborted", error="Aborted after 3 retries"),
        _message(stop="aborted", error="by you"),
        _message(stop="error", error="429 slow down"),
        _message(stop="error"),
        _message(Text("a"), stop="length"),
    ]
    assert [(texts(block), block.lines(60, LOOK)[-1][-1][1]) for block in map(AssistantBlock, ends)] == [
        ([" a", "", " Operation aborted"], "error"),
        ([" Operation aborted"], "error"),
        ([" Aborted after 3 retries"], "error"),
        ([" Operation aborted: by you"], "error"),
        ([" Error: 429 slow down"], "error"),
        ([" Error: the model gave no reason."], "error"),
        ([" a", "", " The response was cut off: it reached the model's output", " limit."], "warning"),
    ]


def test_a_message_of_calls_alone_shows_nothing() -> None:
    block = AssistantBlock(_message(Thinking(""), Text("  \n"), ToolCall("c", "bash", {}), stop="toolUse"))
    assert (block.empty, texts(block)) == (True, [])

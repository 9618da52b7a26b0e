"""Whatever text comes from models, tools and files: no line is too wide, nothing steers the terminal."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pi.agent.tool import text_result
from pi.harness.storage.entries import BashExecutionMessage
from pi.llm.messages import AssistantMessage, Image, Text, Thinking, Usage
from pi.modes.tui.blocks.assistant import AssistantBlock
from pi.modes.tui.blocks.bash import BashBlock
from pi.modes.tui.blocks.block import Block
from pi.modes.tui.blocks.custom import CustomBlock, RenderedBlock
from pi.modes.tui.blocks.notice import MarkdownBlock, NoticeBlock
from pi.modes.tui.blocks.summary import CompactionBlock
from pi.modes.tui.blocks.tool import ToolBlock
from pi.modes.tui.blocks.user import UserBlock
from pi.modes.tui.lines import text_of, width_of
from tests.modes.tui.blocks.looks import LOOK, OPEN

_TOOLS = ("bash", "edit", "find", "grep", "ls", "read", "write", "other")
_ARGUMENTS = ("command", "path", "pattern", "content", "glob", "query")
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

_STEER = [
    "\x1b[2J",
    "\x1b]52;c;eA==\x07",
    "\x1b]8;;http://x\x1b\\",
    "\x9b1m",
    "\u202e",
    "\r",
    "\t",
    "\n",
    "\0",
]
_WIDE = ["漢字", "👩\u200d👩\u200d👧", "e\u0301", "\U0001f1e9\U0001f1ea", "\u200b", "a\ufe0f"]
_MARKUP = ["word", " ", "    ", "-1 x", "+1 x y z", "\n\n[", "]", "```", "| a | b |", "**", "\n- ", "\n# "]
_PIECES = st.sampled_from([*_STEER, *_WIDE, *_MARKUP])
_TEXTS = st.lists(st.one_of(_PIECES, st.text(max_size=30)), max_size=25).map("".join)


def _blocks(text: str) -> Iterator[Block]:
    for name in _TOOLS:
        for error in (False, True):
            tool = ToolBlock(name, "call")
            edits = [{"oldText": text, "newText": text[1:]}]
            tool.arguments({each: text for each in _ARGUMENTS} | {"edits": edits, "offset": text, "limit": 3})
            yield tool
            tool.end(text_result(text, {"diff": text, "fullOutputPath": text}), error, 5000)
            yield tool
    yield BashBlock.of(BashExecutionMessage(text, text, False, True, 0, 1, text))
    yield NoticeBlock(text, "error")
    yield RenderedBlock(lambda width, look: [text, ((text, text),)], NoticeBlock(text))
    yield MarkdownBlock(text, text)
    yield CompactionBlock(text, 5)
    yield CustomBlock(text, text)
    yield UserBlock(text, [Image("", text)])
    yield UserBlock(f'<skill name="{text}" location="x">\n{text}\n</skill>\n\n{text}')
    said = (Thinking(text), Text(text), Thinking(text))
    yield AssistantBlock(AssistantMessage(said, "", "", "", Usage(), "error", 0, error_message=text))
    coming = AssistantBlock()
    coming.begin(AssistantMessage((), "", "", "", Usage(), "pending", 0))
    for start in range(0, len(text), 7):
        coming.add_text(0, text[start : start + 7])
    yield coming


@settings(max_examples=25, deadline=None)
@given(_TEXTS, st.integers(20, 120))
def test_no_line_is_wider_than_the_screen_and_none_steers_it(text: str, width: int) -> None:
    for block in _blocks(text):
        for look in (LOOK, OPEN):
            for line in block.lines(width, look):
                assert width_of(line) <= width, (block, line)
                assert not _STEERING.search(text_of(line)), (block, line)


@pytest.mark.parametrize("text", ["a" * 1_000_000, "漢" * 1_000_000, "a b " * 250_000, "\x1b]52;" * 200_000])
def test_a_line_of_a_megabyte_is_cut_before_it_is_broken(text: str) -> None:
    for block in _blocks_shown_alone(text):
        for look in (LOOK, OPEN):
            assert len(block.lines(80, look)) < 2600


def _blocks_shown_alone(text: str) -> Iterator[Block]:
    for name in _TOOLS:
        tool = ToolBlock(name, "call")
        tool.arguments({each: text for each in _ARGUMENTS})
        tool.end(text_result(text, {"diff": f"+1 {text}"}), False)
        yield tool
    yield BashBlock.of(BashExecutionMessage(text, text, False, False, 0))
    yield NoticeBlock(text)

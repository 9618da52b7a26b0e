"""What users, extensions and Pi itself say: with skills and summaries closed until they are opened."""

from pi.llm.messages import Image, Text
from pi.modes.tui.blocks.custom import CustomBlock
from pi.modes.tui.blocks.notice import MarkdownBlock, NoticeBlock
from pi.modes.tui.blocks.summary import BranchSummaryBlock, CompactionBlock
from pi.modes.tui.blocks.user import UserBlock
from tests.modes.tui.blocks.looks import LOOK, OPEN, texts

_SKILL = '<skill name="pdf" location="/s/SKILL.md">\nReferences are relative to /s.\n\nDo it.\n</skill>'


def test_what_the_user_said_has_room_around_it() -> None:
    block = UserBlock("Fix *this*", entry_id="e1")
    assert (texts(block), block.fill, block.entry_id) == (["", " Fix this", ""], "on:userMessageBg", "e1")


def test_a_skill_is_one_line_that_opens() -> None:
    assert texts(UserBlock(_SKILL)) == ["", " [skill] pdf (ctrl+o to expand)", ""]
    block = UserBlock(f"{_SKILL}\n\nmake it short")
    assert texts(block) == ["", " [skill] pdf (ctrl+o to expand)", "", " make it short", ""]
    assert texts(block, OPEN) == [
        "",
        " [skill] pdf",
        "",
        " References are relative to /s.",
        "",
        " Do it.",
        "",
        " make it short",
        "",
    ]


def test_images_of_the_user_are_named() -> None:
    assert texts(UserBlock("look", [Image("AAAA", "image/png")])) == ["", " look", "", " [image/png]", ""]


def test_summaries_are_one_line_that_opens() -> None:
    block = CompactionBlock("First.\n\nThen.", 12345)
    head = " [compaction] Compacted from 12,345 tokens"
    assert texts(block, width=70) == [f"{head} (ctrl+o to expand)"]
    assert texts(block, OPEN) == ["", head, "", " First.", "", " Then.", ""]
    block = BranchSummaryBlock("Left.")
    block.toggle()
    assert texts(block) == ["", " [branch] Summary of the branch that was left", "", " Left.", ""]


def test_messages_of_extensions_stand_under_their_names() -> None:
    block = CustomBlock("todo", (Text("one"), Image("AAAA", "image/png")))
    assert texts(block) == ["", " [todo]", "", " one", " [image/png]", ""]
    assert block.lines(60, LOOK)[1][-1] == ("[todo]", "bold customMessageLabel")


def test_notices_say_what_kind_they_are_once() -> None:
    blocks = [
        NoticeBlock("Saved"),
        NoticeBlock("low on space", "warning"),
        NoticeBlock("broken", "error"),
        NoticeBlock("Error: broken", "error"),
    ]
    assert [(texts(block), block.lines(60, LOOK)[0][-1][1]) for block in blocks] == [
        ([" Saved"], "dim"),
        ([" Warning: low on space"], "warning"),
        ([" Error: broken"], "error"),
        ([" Error: broken"], "error"),
    ]


def test_long_notices_are_broken_between_words() -> None:
    assert texts(NoticeBlock("one two three\nfour"), width=12) == [" one two", " three", " four"]


def test_longer_texts_stand_between_rules_under_their_title() -> None:
    rule = "─" * 60
    assert texts(MarkdownBlock("Press **it**.", "Hotkeys")) == [rule, " Hotkeys", "", " Press it.", rule]

"""What extensions show: their lines, cleaned, or what there was without them."""

from collections.abc import Sequence

from pi.modes.tui.blocks.block import Look
from pi.modes.tui.blocks.custom import RenderedBlock
from pi.modes.tui.blocks.notice import NoticeBlock
from pi.modes.tui.blocks.tool import ToolBlock
from pi.modes.tui.lines import Line
from tests.modes.tui.blocks.looks import LOOK, OPEN, texts


def test_lines_may_be_texts_or_styled_and_are_cleaned_and_clipped() -> None:
    lines: list[str | Line] = [
        "\x1b[31mred\x1b[0m\x1b]52;c;eA==\x07",
        (("a", "accent"), ("\x1b[2J", "bold")),
        "x" * 90,
    ]
    block = RenderedBlock(lambda width, look: lines, NoticeBlock("old"))
    assert block.lines(20, LOOK) == [
        ((" ", ""), ("red", "")),
        ((" ", ""), ("a", "accent"), ("", "bold")),
        ((" ", ""), (f"{'x' * 17}…", "")),
    ]


def test_what_makes_nothing_or_fails_leaves_the_place_to_the_other_block() -> None:
    def fails(width: int, look: Look) -> Sequence[str]:
        raise RuntimeError("no")

    blocks = [
        RenderedBlock(fails, NoticeBlock("old")),
        RenderedBlock(lambda w, look: None, NoticeBlock("old")),
    ]
    assert [texts(block) for block in blocks] == [[" old"], [" old"]]


def test_it_changes_with_the_other_block() -> None:
    tool = ToolBlock("bash", "call")
    block = RenderedBlock(lambda width, look: None, tool)
    versions = [block.version]
    tool.start()
    versions.append(block.version)
    block.touch()
    versions.append(block.version)
    tool.cancel()
    versions.append(block.version)
    block.lines(60, LOOK)
    assert (versions, block.fill) == ([0, 1, 2, 3], "on:toolErrorBg")


def test_the_extension_learns_whether_it_is_open() -> None:
    block = RenderedBlock(lambda width, look: ["open" if look.expanded else "closed"], NoticeBlock(""))
    seen = [texts(block)]
    block.toggle()
    seen.append(texts(block))
    seen.append(texts(block, OPEN))
    assert seen == [[" closed"], [" open"], [" open"]]


def test_its_lines_are_found_by_a_search() -> None:
    block = RenderedBlock(lambda width, look: ["shown"], NoticeBlock("old"))
    block.lines(60, LOOK)
    assert block.text() == "old\nshown"

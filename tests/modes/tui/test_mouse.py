"""What the mouse does: it selects and copies, opens and closes, scrolls, and chooses in panels."""

import pytest

from pi.modes.tui.blocks.notice import MarkdownBlock, NoticeBlock
from pi.modes.tui.panels.asking import Choice
from pi.testing import Reply, call
from tests.modes.tui.world import World, run, settings

pytestmark = pytest.mark.usefixtures("terminal_clipboard")


def test_what_is_dragged_over_is_copied() -> None:
    async def act(there: World) -> None:
        there.interface.show(NoticeBlock("one two three"))
        y = there.row_of("one")
        there.mouse.down(5, y, 1)
        there.mouse.drag(7, y)
        there.mouse.up(7, y)
        await there.until(lambda: there.copied)
        assert there.copied == ["two"]
        assert there.above() == ["copied"]
        there.later(3)
        assert there.above() == []

    run(act, **settings(fullscreenCopyOnSelect=True))


def test_without_the_setting_ctrl_c_and_ctrl_x_copy() -> None:
    async def act(there: World) -> None:
        there.interface.show(NoticeBlock("one two three"))
        y = there.row_of("one")
        there.click(y, 5, times=2)
        assert there.copied == []
        there.press("ctrl+c")
        await there.until(lambda: there.copied)
        there.press("ctrl+x")
        await there.until(lambda: len(there.copied) == 2)
        assert there.copied == ["two", "two"]

    run(act, **settings(fullscreenCopyOnSelect=False))


def test_three_clicks_select_the_line_and_slow_ones_nothing() -> None:
    async def act(there: World) -> None:
        there.interface.show(NoticeBlock("one two three"))
        y = there.row_of("one")
        for _ in range(3):
            there.click(y, 5)
        assert there.interface.selection.text() == "one two three"
        there.later(1)
        there.click(y, 5)
        there.later(1)
        there.click(y, 5)
        assert not there.interface.selection

    run(act, **settings(fullscreenCopyOnSelect=False))


def test_a_click_opens_and_closes_a_tool_alone() -> None:
    async def act(there: World) -> None:
        there.size = (80, 40)
        await there.ask("go")
        hidden = "… (4 earlier lines, ctrl+o to expand)"
        assert there.transcript().count(hidden) == 2
        there.click(there.row_of("$ seq 9"), 3)
        assert there.transcript().count(hidden) == 1
        there.later(1)
        there.click(there.row_of("$ seq 9"), 3)
        assert there.transcript().count(hidden) == 2

    one = call("bash", command="seq 9")
    run(act, Reply(calls=(*one.calls, *call("bash", command="seq 11 19").calls)), "done")


def test_a_click_in_the_editor_moves_the_cursor_and_one_in_a_panel_chooses() -> None:
    async def act(there: World) -> None:
        there.editor.text = "hello"
        there.click(there.frame().slot + 1, 2)
        assert there.marked == "he|llo"
        panel = Choice(there.interface.keymap, "Which?", ("a", "b"))
        there.interface.spawn(there.interface.ask(panel))
        await there.until(lambda: there.interface.panel is panel)
        there.click(there.row_of("  b"), 3)
        assert panel.answer.result() == "b"

    run(act)


def test_the_wheel_goes_farther_the_faster_it_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")

    async def act(there: World) -> None:
        there.interface.show(MarkdownBlock("\n".join(f"- {number}" for number in range(200))))
        there.press("ctrl+home")
        tops: list[int] = []
        for pause in (1, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 1):
            there.later(pause)
            there.mouse.wheel(0, 1, fast=False)
            place = there.frame().places[0]
            assert place is not None
            tops.append(place.line)
        steps = [after - before for before, after in zip([0, *tops], tops, strict=False)]
        assert steps == [1, 2, 3, 4, 5, 6, 6, 1]
        there.later(1)
        there.mouse.wheel(0, -1, fast=True)
        place = there.frame().places[0]
        assert place is not None
        assert place.line == tops[-1] - 5

    run(act)


def test_the_wheel_over_a_panel_moves_in_it_and_a_number_of_lines_can_be_set() -> None:
    async def act(there: World) -> None:
        there.interface.show(MarkdownBlock("\n".join(f"- {number}" for number in range(200))))
        there.press("ctrl+home")
        panel = Choice(there.interface.keymap, "Which?", ("a", "b"))
        there.interface.spawn(there.interface.ask(panel))
        await there.until(lambda: there.interface.panel is panel)
        there.mouse.wheel(there.frame().slot + 1, 1, fast=False)
        there.mouse.wheel(0, 1, fast=False)
        place = there.frame().places[0]
        assert place is not None
        assert place.line == 7
        there.press("enter")
        assert panel.answer.result() == "b"

    run(act, **settings(fullscreenWheelScrollLines=7))


def test_a_drag_over_the_edge_scrolls() -> None:
    async def act(there: World) -> None:
        there.interface.show(MarkdownBlock("\n".join(f"- {number}" for number in range(200))))
        there.mouse.down(5, 4, 1)
        for _ in range(3):
            there.mouse.drag(5, 0)
        assert not there.interface.transcript.following
        assert len(there.interface.selection.text().splitlines()) == 7

    run(act, **settings(fullscreenCopyOnSelect=False))

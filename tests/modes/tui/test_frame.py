"""A frame fills the screen of every size, and keeps what matters most where there is little room."""

from collections.abc import Awaitable, Callable

import pytest

from pi.agent import events as agent
from pi.modes.tui.frame import compose
from pi.modes.tui.lines import width_of
from pi.modes.tui.panels.asking import Choice, LongText, TextInput
from pi.modes.tui.panels.panel import Panel
from tests.modes.tui.screens.choices import talk
from tests.modes.tui.screens.talk import tell
from tests.modes.tui.screens.talks import prose, tools
from tests.modes.tui.world import World, run

SIZES = [(width, height) for width in (1, 2, 3, 8, 20, 40, 80, 200) for height in (1, 2, 3, 5, 8, 12, 24, 60)]


def check(there: World) -> None:
    """Every size has all its rows, and none is wider than the screen; a sliver is cut when it is painted."""
    for width, height in SIZES:
        frame = compose(there.interface, width, height)
        assert len(frame.rows) == height, (width, height)
        assert width < 8 or max(width_of(row.line) for row in frame.rows) <= width, (width, height)
        if frame.cursor is not None:
            assert frame.cursor[0] < height, (width, height)
            assert 0 <= frame.cursor[1] < width, (width, height)


async def _editor(there: World) -> None:
    there.editor.text = "words and 漢字 " * 30 + "\n" * 20


async def _completions(there: World) -> None:
    there.press("'/")
    await there.until(lambda: there.editor.completing)


async def _everything(there: World) -> None:
    await tools(there)
    tell(there, agent.AgentStart())
    there.interface.held.append(("later\nand more", True))
    there.interface.show_waiting()
    there.interface.set_widget("a", ["漢字 " * 40] * 20, "above_editor")
    there.interface.set_widget("b", ["b"] * 20, "below_editor")
    there.interface.set_status("s", "status " * 30)
    there.interface.flash("copied")
    there.session.store.append_session_info("a name " * 30)
    there.interface.footer.update()
    there.press("ctrl+shift+f", "'cache")


async def _scrolled(there: World) -> None:
    await prose(there)
    there.interface.transcript.to_top()


@pytest.mark.parametrize("act", [talk, prose, tools, _editor, _completions, _everything, _scrolled])
def test_a_frame_fills_a_screen_of_any_size(act: Callable[[World], Awaitable[None]]) -> None:
    async def main(there: World) -> None:
        await act(there)
        check(there)

    run(main)


def test_a_panel_fits_into_a_screen_of_any_size() -> None:
    async def main(there: World) -> None:
        keymap = there.interface.keymap
        panels: list[Panel[object]] = [
            Choice(keymap, "Which of these?", ("漢字 " * 30, "b", "c")),
            TextInput(keymap, "A long title " * 20, "placeholder " * 20),
            LongText(keymap, "Text", "line\n" * 40),
        ]
        for panel in panels:
            there.interface.spawn(there.interface.ask(panel))
            await there.until(lambda panel=panel: there.interface.panel is panel)
            check(there)

    run(main)


def test_a_small_screen_says_what_goes_on_before_what_waits() -> None:
    async def main(there: World) -> None:
        there.size = (40, 10)
        tell(there, agent.AgentStart())
        there.interface.held += [("one", True), ("two", True)]
        there.interface.show_waiting()
        assert there.rows()[3:] == [
            " ⠋ Working  escape to interrupt",
            " ↳ alt+up to edit what waits",
            "─" * 40,
            "",
            "─" * 40,
            " ~/shop",
            " 0.0%/128k (auto)       (faux) scripted",
        ]

    run(main)

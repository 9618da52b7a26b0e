"""The app in a terminal of Textual's: keys reach the screen, overlays get them, faults end it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scripts.screenshots.still import wired_of
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from pi.modes.tui.app import Canvas, PiApp
from pi.modes.tui.blocks.notice import NoticeBlock
from pi.modes.tui.frame import Frame
from pi.modes.tui.interface import Interface
from pi.modes.tui.lines import text_of
from pi.modes.tui.paint import Painter
from pi.modes.tui.panels.asking import Confirm
from pi.modes.tui.scene import Alone, Whole
from pi.modes.tui.theme.themes import Themes
from pi.testing import ScriptedModel


class Opened:
    """The running app, and the interface that it shows."""

    def __init__(self, app: PiApp, interface: Interface, pilot: Pilot[Any]):
        self.app = app
        self.interface = interface
        self.pilot = pilot

    @property
    def canvas(self) -> Canvas:
        return self.app.query_one(Canvas)

    def rows(self) -> list[str]:
        return [text_of(line).rstrip() for line in self.app.rows()]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await self.pilot.pause()


def _painter(themes: Themes) -> Painter:
    return Painter(themes.current, "truecolor")


@asynccontextmanager
async def opened(size: tuple[int, int] = (80, 24), *replies: str) -> AsyncGenerator[Opened]:
    app = PiApp()
    with TemporaryDirectory(prefix="pi-test-") as home:
        settings = {"quietStartup": True}
        async with wired_of(ScriptedModel(*replies), Path(home), display=app, settings=settings) as wired:
            interface = wired.interface
            painter = partial(_painter, interface.themes)
            app.show(Whole(interface, wired.mouse), painter, lambda: None)
            async with app.run_test(size=size) as pilot:
                await pilot.pause()
                yield Opened(app, interface, pilot)


def run(act: Callable[[Opened], Awaitable[None]], *replies: str) -> None:
    async def main() -> None:
        async with opened((80, 24), *replies) as there:
            await act(there)
        if there.app.fault is not None:
            raise there.app.fault

    asyncio.run(main())


def test_a_key_is_on_the_screen_when_it_was_handled() -> None:
    async def act(there: Opened) -> None:
        await there.pilot.press("h", "i", "space", "exclamation_mark")
        assert there.interface.editor.text == "hi !"
        assert there.rows()[-4] == "hi !"
        assert there.app.cursor_position == (4, 20)
        await there.pilot.press("ctrl+a", "delete")
        assert there.rows()[-4] == "i !"

    run(act)


def test_what_is_said_is_answered_on_the_screen() -> None:
    async def act(there: Opened) -> None:
        await there.pilot.press("h", "i", "enter")
        await there.until(lambda: " Hello!" in there.rows())
        assert there.rows()[:5] == ["", " hi", "", "", " Hello!"]

    run(act, "Hello!")


def test_pasted_text_goes_to_the_editor() -> None:
    async def act(there: Opened) -> None:
        there.app.post_message(events.Paste("one\ntwo"))
        await there.until(lambda: there.interface.editor.text)
        assert there.interface.editor.text == "one\ntwo"
        assert there.rows()[-5:-3] == ["one", "two"]

    run(act)


def test_another_size_is_composed_anew() -> None:
    async def act(there: Opened) -> None:
        await there.pilot.resize_terminal(40, 10)
        await there.until(lambda: len(there.rows()) == 10)
        assert there.rows()[-5] == "─" * 40
        strips = [there.app.screen.render_line(y) for y in range(10)]
        assert [strip.cell_length for strip in strips] == [40] * 10

    run(act)


def test_a_theme_repaints_what_is_on_the_screen() -> None:
    async def act(there: Opened) -> None:
        there.interface.show(NoticeBlock("careful", "warning"))
        there.app.draw()

        def colours() -> set[str]:
            strip = there.canvas.painter.strip(there.app.rows()[0], "", 80)
            return {str(style.color) for _, style, _ in strip if style}

        before = colours()
        there.interface.use_theme("light")
        assert before != colours()
        assert there.interface.themes.current.name == "light"

    run(act)


def test_a_widget_of_an_extension_has_keys_and_focus_until_it_is_done() -> None:
    class Asked(Input):
        def __init__(self, done: Callable[[str], None]):
            super().__init__()
            self._done = done

        def on_input_submitted(self, event: Input.Submitted) -> None:
            self._done(event.value)

    async def act(there: Opened) -> None:
        await there.pilot.press("a")
        asked = asyncio.ensure_future(
            there.interface.overlay(Asked, {"width": 20, "height": 3, "anchor": "right top"})
        )
        await there.until(lambda: isinstance(there.app.focused, Asked))
        await there.pilot.press("o", "k")
        assert there.app.query_one(Asked).value == "ok"
        assert there.app.query_one(Asked).region.right == 80
        there.interface.notify("meanwhile")  # what is below goes on
        await there.pilot.press("enter")
        assert await asked == "ok"
        await there.until(lambda: there.app.focused is there.canvas)
        await there.pilot.press("b")
        assert there.interface.editor.text == "ab"
        assert there.rows()[0] == " meanwhile"
        assert len(there.app.query(Asked)) == 0

    run(act)


def test_an_overlay_that_is_cancelled_goes() -> None:
    async def act(there: Opened) -> None:
        asked = asyncio.ensure_future(there.interface.overlay(lambda done: Input(), {}))
        await there.until(lambda: isinstance(there.app.focused, Input))
        asked.cancel()
        await there.until(lambda: asked.done() and not there.app.query(Input))
        await there.pilot.press("x")
        assert there.interface.editor.text == "x"

    run(act)


def test_the_mouse_scrolls_and_clicks() -> None:
    async def act(there: Opened) -> None:
        for number in range(40):
            there.interface.show(NoticeBlock(str(number)))
        there.app.draw()
        end = there.rows()
        there.app.post_message(events.MouseScrollUp(there.canvas, 5, 5, 0, -1, 0, False, False, False, 5, 5))
        await there.until(lambda: there.rows() != end)
        assert not there.interface.transcript.following
        there.interface.editor.text = "hello"
        there.app.draw()
        await there.pilot.mouse_down(Canvas, (2, 20))
        await there.pilot.press("X")
        assert there.interface.editor.text == "heXllo"

    run(act)


def test_a_fault_while_drawing_ends_the_app() -> None:
    for by_key in (True, False):

        async def main(by_key: bool = by_key) -> Exception | None:
            async with opened() as there:

                def broken(width: int, height: int) -> Frame:
                    raise ZeroDivisionError("no rows")

                there.canvas.composed = broken
                if by_key:
                    there.app.post_message(events.Key("a", "a"))
                else:
                    there.interface.notify("draw")
                async with asyncio.timeout(5):
                    while there.app.is_running:
                        await asyncio.sleep(0)
            assert there.app.return_code == 1
            return there.app.fault

        assert isinstance(asyncio.run(main()), ZeroDivisionError)


def test_a_panel_alone_is_answered_before_there_is_a_session(tmp_path: Path) -> None:
    async def main() -> None:
        from pi.harness.settings import load_settings
        from pi.modes.tui.keys.keymap import Keymap
        from pi.modes.tui.theme.sources import Sources
        from pi.modes.tui.theme.themes import Themes

        panel = Confirm(Keymap.load(tmp_path, []), "Really?", "This can't be undone.")
        themes = Themes(Sources(tmp_path, load_settings(tmp_path, None)), env={})
        app = PiApp()
        panel.changed = app.wake
        app.show(Alone(panel), lambda: Painter(themes.current, "256"), lambda: None)
        async with app.run_test(size=(60, 12)) as pilot:
            await pilot.pause()
            rows = [text_of(line).rstrip() for line in app.rows()]
            assert rows[-8] == "── Really? " + "─" * 49
            await pilot.press("n")
            assert await panel.answer is False

    asyncio.run(main())

"""Extensions may speak before there is a screen, and a question that nobody waits for is gone from it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from pi.harness.ui import Field, NoticeKind, Placement
from pi.modes.tui.panels.panel import Panel
from pi.modes.tui.ui import TuiUI
from tests.modes.tui.panels.support import KEYMAP, press, see, type_in

T = TypeVar("T")


class PlainScreen:
    """A screen that remembers what it was told, and shows one panel."""

    def __init__(self) -> None:
        self.session: Any = None
        self.keymap = KEYMAP
        self.told: list[Any] = []
        self.editor_text = ""
        self.panel: Panel[Any] | None = None
        self.shown = asyncio.Event()

    async def ask(self, panel: Panel[T]) -> T | None:
        self.panel = panel
        self.shown.set()
        try:
            return await panel.answer
        finally:
            self.panel = None
            self.shown.clear()

    def notify(self, text: str, kind: NoticeKind = "info") -> None:
        self.told.append((kind, text))

    def set_status(self, key: str, text: str | None) -> None:
        self.told.append((key, text))

    def set_widget(self, key: str, lines: Sequence[str] | None, placement: Placement) -> None:
        self.told.append((key, lines, placement))

    def set_title(self, title: str) -> None:
        self.told.append(title)

    def set_working(self, text: str | None) -> None:
        self.told.append(text)

    async def run_program(self, argv: Sequence[str]) -> int:
        return 0

    async def overlay(self, factory: Any, options: dict[str, Any]) -> Any:
        answers: list[Any] = []
        factory(answers.append)
        return answers[0], options


async def answered(ui: TuiUI, asking: Awaitable[T], screen: PlainScreen, act: Callable[[Any], None]) -> T:
    """The answer to a question after something was done with its panel."""
    task = asyncio.ensure_future(asking)
    await screen.shown.wait()
    act(screen.panel)
    return await task


def test_what_was_said_before_the_screen_is_said_in_its_order() -> None:
    async def run() -> None:
        ui = TuiUI()
        ui.notify("early", "warning")
        ui.set_status("ext", "ready")
        ui.set_editor_text("draft")
        assert ui.editor_text() == "draft"
        screen = PlainScreen()
        ui.attach(screen)
        ui.set_widget("ext", ["line"], "below_editor")
        ui.open_url("https://example.com", "AB-CD")
        assert screen.told == [
            ("warning", "early"),
            ("ext", "ready"),
            ("ext", ["line"], "below_editor"),
            ("info", "Open https://example.com and type in AB-CD"),
        ]
        screen.editor_text = "typed"
        assert (ui.editor_text(), ui.mode, ui.available) == ("typed", "tui", True)

    asyncio.run(run())


def test_a_question_waits_for_the_screen() -> None:
    async def run() -> None:
        ui, screen = TuiUI(), PlainScreen()
        task = asyncio.ensure_future(ui.select("Which?", ["a", "b"], None))
        await asyncio.sleep(0)
        assert not task.done()
        ui.attach(screen)
        await screen.shown.wait()
        assert screen.panel is not None
        press(screen.panel, "down", "enter")
        assert await task == "b"

    asyncio.run(run())


def test_each_kind_of_question_has_its_panel() -> None:
    async def run() -> None:
        ui, screen = TuiUI(), PlainScreen()
        ui.attach(screen)

        def typed(panel: Panel[Any]) -> None:
            type_in(panel, "hi")
            press(panel, "enter")

        def secretly(panel: Panel[Any]) -> None:
            type_in(panel, "hi")
            assert see(panel)[1] == "> ••"
            press(panel, "enter")

        def enter(panel: Panel[Any]) -> None:
            press(panel, "enter")

        assert await answered(ui, ui.confirm("Sure?", "Really.", None), screen, enter) is True
        assert await answered(ui, ui.input("Name?", "", None), screen, typed) == "hi"
        assert await answered(ui, ui.secret("Key?", ""), screen, secretly) == "hi"
        assert await answered(ui, ui.form("Form", [Field("a", "A")], None), screen, typed) == {"a": "hi"}

    asyncio.run(run())


def test_a_question_with_a_time_limit_shows_it_and_goes_when_nobody_waits() -> None:
    async def run() -> None:
        ui, screen = TuiUI(), PlainScreen()
        ui.attach(screen)
        task = asyncio.ensure_future(ui.confirm("Sure?", "", 60))
        await screen.shown.wait()
        panel = screen.panel
        assert panel is not None
        assert "closes in" in see(panel)[0]
        task.cancel()
        await asyncio.wait([task])
        assert (task.cancelled(), screen.panel, panel.answer.done()) == (True, None, True)

    asyncio.run(run())


def test_a_screen_of_ones_own_ends_with_what_it_says() -> None:
    async def run() -> None:
        ui = TuiUI()
        ui.attach(PlainScreen())
        assert await ui.custom(lambda done: done(7), {"width": 40}) == (7, {"width": 40})

    asyncio.run(run())


def test_nobody_answers_once_the_screen_is_gone() -> None:
    async def run() -> None:
        ui = TuiUI()
        task = asyncio.ensure_future(ui.input("Name?", "", None))
        await asyncio.sleep(0)
        ui.close()
        assert await task is None
        assert (await ui.custom(lambda done: None, {}), ui.available) == (None, False)
        ui.notify("late", "info")

    asyncio.run(run())

"""The Textual app: one widget that shows the rows of a frame, and passes keys and the mouse on."""

import asyncio
import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from rich.console import Console
from textual import events
from textual._compositor import CompositorUpdate
from textual.app import App, ComposeResult
from textual.containers import Container
from textual.geometry import Offset, Region, Size
from textual.strip import Strip
from textual.widget import Widget

from pi.modes.tui.frame import Frame, Painted
from pi.modes.tui.keys.names import key_of
from pi.modes.tui.lines import Line
from pi.modes.tui.mouse import Mouse
from pi.modes.tui.paint import Painter
from pi.modes.tui.scene import Scene
from pi.modes.tui.status import STEP_S

FRAME_S = 0.05  # between two frames of something that goes on by itself; keys don't wait


class Rows(CompositorUpdate):
    """Some rows of the screen, each with its number: what is sent for a frame is no more than that."""

    def __init__(self, rows: Sequence[tuple[int, Strip]]):
        self._rows = rows

    def render_segments(self, console: Console) -> str:
        """The rows as the terminal takes them."""
        return "".join([f"\x1b[{number + 1};1H{strip.render(console)}" for number, strip in self._rows])


class Overlay(Container, can_focus=True):
    """Holds a widget of an extension over everything."""


class Canvas(Widget, can_focus=True):
    """All rows of the screen. Only those that differ from what is shown are drawn."""

    DEFAULT_CSS = "Canvas { width: 100%; height: 100%; }"
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self.composed: Callable[[int, int], Frame]
        self.painter: Painter
        self.frame: Frame | None = None
        self._shown: list[Painted] = []
        self._drawn_for = Size(0, 0)

    def draw(self, *, alone: bool) -> list[tuple[int, Strip]]:
        """Compose the rows anew; gives those that have changed, to be sent, if this widget is `alone`."""
        width, height = self._drawn_for = self.size
        if not width or not height:
            return []
        self.frame = self.composed(width, height)
        rows, shown = self.frame.rows, self._shown
        self._shown = rows
        same = len(rows) == len(shown)
        changed = [number for number, row in enumerate(rows) if not same or row != shown[number]]
        if not alone:
            self.refresh(*[Region(0, number, width, 1) for number in changed])
            return []
        return [(number, self.painter.strip(*rows[number], width)) for number in changed]

    def forget(self) -> None:
        """Nothing that is on the screen is to be relied on: all rows are drawn anew."""
        self._shown = []

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows of a region."""
        if self._drawn_for != self.size:
            self.draw(alone=True)  # all of it is painted now, as Textual asks for it
        width = self.size.width
        rows = self._shown[crop.y : crop.bottom]
        strips = [self.painter.strip(line, fill, width) for line, fill in rows]
        strips += [Strip.blank(width)] * (crop.height - len(strips))
        if crop.x or crop.right < width:
            return [strip.crop(crop.x, crop.right) for strip in strips]
        return strips


class PiApp(App[None]):
    """Pi in a terminal: the `Display` of an interface."""

    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    CSS = """
    Screen { layers: below above; overflow: hidden; background: ansi_default; align: center middle; }
    Overlay { layer: above; width: 100%; height: auto; max-height: 100%; background: transparent; }
    """

    def __init__(self, driver: Any = None, *, lent: Callable[[], AbstractContextManager[None]] = nullcontext):
        """`lent` makes stdout and stderr the terminal for as long as another program has it."""
        super().__init__(ansi_color=True, driver_class=driver)
        self._lent = lent
        self._away = False  # another program has the terminal
        self._overlays: list[asyncio.Future[Any]] = []  # what is awaited of those that are open
        self.animation_level = "none"
        self._scene: Scene | None = None
        self._canvas = Canvas()
        self._frame: asyncio.TimerHandle | None = None
        self._last = 0.0
        self.fault: Exception | None = None
        self._begin: Callable[[], None] = lambda: None

    def show(self, scene: Scene, painter: Callable[[], Painter], begin: Callable[[], None]) -> None:
        """Show this; `begin` is called when it is on the screen."""
        self._scene, self._make_painter, self._begin = scene, painter, begin
        self._canvas.composed = scene.frame
        self._canvas.painter = painter()

    def compose(self) -> ComposeResult:
        yield self._canvas

    def on_print(self, event: events.Print) -> None:
        """What is printed in Python goes where all that is printed goes."""
        os.write(2 if event.stderr else 1, event.text.encode("utf-8", "replace"))

    def on_mount(self) -> None:
        self.begin_capture_print(self)
        self.app_resume_signal.subscribe(self, self._resumed)  # pyright: ignore[reportUnknownMemberType]
        self.call_after_refresh(self._begin)

    def wake(self, *, now: bool = False) -> None:
        """Show what looks different, soon or `now`."""
        loop = asyncio.get_running_loop()
        due = loop.time() if now else max(loop.time(), self._last + FRAME_S)
        if self._frame is not None:
            if self._frame.when() <= due:
                return
            self._frame.cancel()
        self._frame = loop.call_at(due, self._draw_in_time)

    def draw(self) -> None:
        """Show it now."""
        if self._frame is not None:
            self._frame.cancel()
            self._frame = None
        self._last = asyncio.get_running_loop().time()
        if not self.is_running or self._away or self._scene is None:
            return
        rows = self._canvas.draw(alone=self._is_alone())
        if self._canvas.frame is not None and (cursor := self._canvas.frame.cursor) is not None:
            self.cursor_position = Offset(cursor[1], cursor[0])
        if rows:
            show: Callable[[object, object], None] = self._display  # pyright: ignore - see ADR 10
            show(self.screen, Rows(rows))
        if self._scene.moving:  # its spinner turns
            self._frame = asyncio.get_running_loop().call_later(STEP_S, self._draw_in_time)

    def _draw_in_time(self) -> None:
        try:
            self.draw()
        except Exception as error:  # a timer's fault would be heard by nobody
            self._handle_exception(error)

    def theme_changed(self) -> None:
        self._canvas.painter = self._make_painter()
        self._canvas.forget()
        self.draw()

    def write(self, text: str) -> None:
        if self._driver is not None and not self._away:
            self._driver.write(text)
            self._driver.flush()

    def rows(self) -> list[Line]:
        frame = self._canvas.frame
        return [row.line for row in frame.rows] if frame is not None else []

    @contextmanager
    def suspended(self) -> Generator[None]:
        fault: BaseException | None = None
        with self.suspend():  # it comes back from a body that doesn't raise, only
            self._away = True
            try:
                with self._lent():
                    yield
            except BaseException as error:  # whatever it is, the terminal comes back first
                fault = error
            self._away = False
        if fault is not None:
            raise fault

    def _resumed(self, app: App[Any]) -> None:
        """The terminal is ours again: nothing of what was on it is left."""
        self._canvas.forget()
        self.wake(now=True)

    def stop_process(self) -> None:
        self.action_suspend_process()

    def leave(self) -> None:
        self.exit()

    def stop(self, code: int) -> None:
        """End with an exit code, from wherever a signal finds us."""
        asyncio.get_running_loop().call_soon_threadsafe(self.exit, None, code)

    def _display(self, screen: Any, renderable: Any) -> None:
        """Nothing while another program has the terminal: nobody takes what is written then."""
        if not self._away:
            super()._display(screen, renderable)  # pyright: ignore[reportUnknownMemberType]

    def _handle_exception(self, error: Exception) -> None:
        """A fault of our own ends the app; it is told when the terminal is back.

        While a widget of an extension is open, the fault is taken for its own, and ends that.
        """
        overlay = next((each for each in reversed(self._overlays) if not each.done()), None)
        if overlay is not None:
            overlay.set_exception(error)
            return
        if self.fault is None:
            self.fault = error
        self._return_code = 1
        self._close_messages_no_wait()

    def panic(self, *renderables: Any) -> None:
        """Textual's word for some faults in widgets; others go to `_handle_exception`."""
        error = sys.exc_info()[1]
        if isinstance(error, Exception):
            self._handle_exception(error)
        else:
            super().panic(*renderables)

    async def overlay(self, factory: Any, options: dict[str, Any]) -> Any:
        """Mount what the factory makes over everything until it is done."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def done(value: Any = None) -> None:
            if not answer.done():
                answer.set_result(value)

        widget = factory(done)
        overlay = Overlay(widget)  # no larger than the widget: Textual shows nothing through it
        for name in ("width", "height"):  # cells, or a text such as "50%" of the screen
            if name in options:
                setattr(overlay.styles, name, options[name])
                setattr(widget.styles, name, "100%")
        horizontal, _, vertical = str(options.get("anchor", "center middle")).partition(" ")  # or "right top"
        setattr(self.screen.styles, "align", (horizontal, vertical or "middle"))  # noqa: B010 - checked there
        self._overlays.append(answer)
        try:
            await self.screen.mount(overlay)
            next((each for each in overlay.query("*").results() if each.focusable), overlay).focus()
            return await answer
        finally:
            await overlay.remove()
            self._overlays.remove(answer)
            self._canvas.focus()
            self._canvas.refresh()

    async def on_event(self, event: events.Event) -> None:
        """Keys and pasted text go to the interface at once, unless an overlay has the focus."""
        scene = self._scene
        if scene is None or not isinstance(event, events.Key | events.Paste) or not self._is_alone():
            await super().on_event(event)
            return
        if isinstance(event, events.Key):
            scene.press(key_of(event))
        else:
            scene.paste(event.text)
        self.wake(now=True)  # after what the key began, such as the end of a request

    def _is_alone(self) -> bool:
        """Whether nothing but the canvas is on the screen: then rows are sent as they change."""
        return bool(self.screen_stack) and self.focused in (None, self._canvas)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._mouse(lambda mouse: mouse.down(event.screen_x, event.screen_y, event.button))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if event.button:
            self._mouse(lambda mouse: mouse.drag(event.screen_x, event.screen_y))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        self._mouse(lambda mouse: mouse.up(event.screen_x, event.screen_y))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._mouse(lambda mouse: mouse.wheel(event.screen_y, -1, fast=event.meta))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._mouse(lambda mouse: mouse.wheel(event.screen_y, 1, fast=event.meta))

    def _mouse(self, act: Callable[[Mouse], None]) -> None:
        if self._scene is not None and self._canvas.frame is not None:
            self._scene.mouse(self._canvas.frame, act)
            self.draw()

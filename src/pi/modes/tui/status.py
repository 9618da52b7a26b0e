"""What stands above the editor: what is going on, what waits, and what extensions put there."""

from collections.abc import Callable, Sequence

from pi.harness.ui import Placement
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import EMPTY, Line, clean, clean_lines, clip

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PLAIN_SPINNER = "|/-\\"
STEP_S = 0.1  # of the spinner
FLASH_S = 2.0
_WIDGET_LINES = 10


class Activity:
    """Something that takes its time: `label`, since when, and until when where that is known (s)."""

    def __init__(self, label: str, since: float, until: float | None = None, hint: str = "to interrupt"):
        self.label = label
        self.since = since
        self.until = until
        self.hint = hint


class Status:
    """The activities by name: the one that began last is shown."""

    def __init__(self, keymap: Keymap, clock: Callable[[], float], *, unicode: bool = True):
        self.keymap = keymap
        self.unicode = unicode
        self.text: str | None = None  # instead of the usual one, by an extension
        self.steering: Sequence[str] = ()
        self.following: Sequence[str] = ()
        self._clock = clock
        self._activities: dict[str, Activity] = {}
        self._flash = ("", 0.0)
        self._widgets: dict[Placement, dict[str, Sequence[str]]] = {"above_editor": {}, "below_editor": {}}

    @property
    def active(self) -> bool:
        """Whether something moves here."""
        return bool(self._activities) or self._clock() < self._flash[1]

    def begin(
        self, name: str, label: str, *, seconds: float | None = None, hint: str = "to interrupt"
    ) -> None:
        """Something begins; `seconds` is how long it will take, where that is known."""
        now = self._clock()
        self._activities.pop(name, None)
        self._activities[name] = Activity(label, now, None if seconds is None else now + seconds, hint)

    def end(self, *names: str) -> None:
        """It is over; without names, everything is."""
        for name in names or tuple(self._activities):
            self._activities.pop(name, None)

    def flash(self, text: str) -> None:
        """A few words that go away by themselves."""
        self._flash = (text, self._clock() + FLASH_S)

    def set_widget(self, key: str, lines: Sequence[str] | None, placement: Placement) -> None:
        """Lines of an extension; None takes them away."""
        for widgets in self._widgets.values():
            widgets.pop(key, None)
        if lines is not None:
            shown = [clean(line) for text in lines for line in clean_lines(text)]
            if len(shown) > _WIDGET_LINES:
                shown = [*shown[: _WIDGET_LINES - 1], f"… {len(shown) - _WIDGET_LINES + 1} more lines"]
            self._widgets[placement][key] = shown

    def above(self, width: int) -> list[Line]:
        """The lines above the editor."""
        lines: list[Line] = []
        if self._activities:
            lines += [EMPTY, clip(self._working(tuple(self._activities.values())[-1]), width)]
        if self._clock() < self._flash[1]:
            lines += [*([] if lines else [EMPTY]), clip(((f" {self._flash[0]}", "dim"),), width)]
        lines += self._queue(width)
        widgets = self._widget_lines("above_editor", width)
        return [*(lines or [EMPTY]), *widgets]

    def below(self, width: int) -> list[Line]:
        """The lines between the editor and the footer."""
        return self._widget_lines("below_editor", width)

    def _working(self, activity: Activity) -> Line:
        now = self._clock()
        frames = _SPINNER if self.unicode else _PLAIN_SPINNER
        frame = frames[int((now - activity.since) / STEP_S) % len(frames)]
        label = self.text or activity.label
        if activity.until is not None:
            time = f" in {_elapsed(max(0, round(activity.until - now)))}"
        else:
            time = f" {_elapsed(now - activity.since)}" if now - activity.since >= 1 else ""
        key = self.keymap.label("app.interrupt")
        hint = f"  {key} {activity.hint}" if key and activity.hint else ""
        return ((f" {frame} ", "accent"), (clean(label), "muted"), (time, "dim"), (hint, "dim"))

    def _queue(self, width: int) -> list[Line]:
        waiting = [("Steering", text) for text in self.steering] + [
            ("Follow-up", text) for text in self.following
        ]
        if not waiting:
            return []
        lines: list[Line] = [EMPTY]
        for kind, text in waiting:
            first, *more = clean_lines(text.strip())
            lines.append(clip(((f" {kind}: ", "dim"), (first + (" …" if more else ""), "muted")), width))
        key = self.keymap.label("app.message.dequeue")
        if key:
            lines.append(
                clip(
                    ((f" ↳ {key} to edit what waits" if self.unicode else f" {key} edits it", "dim"),), width
                )
            )
        return lines

    def _widget_lines(self, placement: Placement, width: int) -> list[Line]:
        return [
            clip(((f" {line}", ""),), width) for lines in self._widgets[placement].values() for line in lines
        ]


def _elapsed(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, whole = divmod(whole, 60)
    return f"{minutes}m {whole:02d}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02d}m"

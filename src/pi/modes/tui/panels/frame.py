"""How panels look: a border with the title, what they show, the keys that do something, a border."""

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import EMPTY, Line, Span, clean, clean_lines, clip, width_of, wrap_text
from pi.modes.tui.panels.panel import Panel

T = TypeVar("T")
Hint = tuple[str, str]  # an action's id or a key, and what it does

GUTTER: Span = ("  ", "")  # everything in a frame stands behind it, or behind the arrow of what is selected
ARROW: Span = ("→ ", "accent")
_AIRY = 9  # lines from which on an empty one stands before the hints
_ROOMY = 14  # lines from which on hints may take two


class Frame:
    """The lines around a panel's own: `rows` is how many of those there may be, `top` where they begin."""

    def __init__(self, title: str, hints: Sequence[Span], width: int, height: int, *, aside: str = ""):
        self._width = width
        self._border = (("─" * width, "border"),)
        self._head = _head(title, width, max(1, height // 2 - 1), aside)
        if len(self._head) > 1 and height > _AIRY:
            self._head.append(EMPTY)
        self.top = len(self._head)
        keys = _hint_lines(hints, width, 2 if height >= _ROOMY else 1)
        self._foot: list[Line] = (
            [*keys, self._border] if height >= self.top + len(keys) + 2 else [self._border]
        )
        if height >= _AIRY and keys:
            self._foot.insert(0, EMPTY)
        self.rows = max(1, height - self.top - len(self._foot))

    def lines(self, body: Sequence[Line]) -> list[Line]:
        """All lines of the panel; what doesn't fit is cut off."""
        return [clip(line, self._width) for line in (*self._head, *body[: self.rows], *self._foot)]


class FramedPanel(Panel[T]):
    """A panel in a frame: its keys by their names, and the time it has when it isn't there for ever."""

    def __init__(self, keymap: Keymap, title: str):
        super().__init__()
        self.keymap = keymap
        self.title = title
        self.seconds_left: Callable[[], float] | None = None  # set by whoever closes it; `tick` then shows it
        self.top = 0  # where its own lines begin in what `lines` gave last

    def tick(self) -> None:
        """Some time has passed."""
        self.changed()

    def framed(
        self, width: int, height: int, hints: Sequence[Hint], *, aside: str = "", title: str | None = None
    ) -> Frame:
        """The frame for these sizes; at the right of the title is the time left, or `aside`."""
        left = None if self.seconds_left is None else max(0, math.ceil(self.seconds_left()))
        aside = aside if left is None else f"closes in {left} s"
        shown = self.title if title is None else title
        frame = Frame(shown, hint_spans(self.keymap, hints), width, height, aside=aside)
        self.top = frame.top
        return frame


def hint_spans(keymap: Keymap, hints: Sequence[Hint]) -> list[Span]:
    """For each hint that has a key: the key, and what it does."""
    out: list[Span] = []
    for key, what in hints:
        label = keymap.label(key) if key.startswith(("app.", "tui.")) else key
        if label:
            out += [(label, "muted"), (f" {clean(what)}", "dim")]
    return out


def paragraph(text: str, width: int, style: str, most: int) -> list[Line]:
    """Foreign text behind the gutter, in at most `most` lines."""
    if not text or most <= 0:
        return []
    wrapped = wrap_text("\n".join(clean_lines(text)), max(1, width - 2), style)
    if len(wrapped) > most:
        wrapped = [*wrapped[: most - 1], (*clip(wrapped[most - 1], max(1, width - 4), ""), (" …", style))]
    return [(GUTTER, *line) if line else EMPTY for line in wrapped]


def one_line(text: str) -> str:
    """Foreign text as one line."""
    return text if text.isprintable() else clean(" ".join(text.splitlines()))


def _head(title: str, width: int, most: int, aside: str) -> list[Line]:
    """The upper border with title and aside in it; a title that is too long for that stands below."""
    lines = [line for line in clean_lines(title) if line.strip()] or [""]
    behind: Line = ((f" {aside} ", "dim"), ("──", "border")) if aside else EMPTY
    first: Line = (("── ", "border"), (lines[0], "accent bold"), (" ", "border")) if lines[0] else EMPTY
    room = width - width_of(behind)
    if most < 2:
        first = clip(first, max(1, room - 1))
    if width_of(first) < room or most < 2:
        rule = "─" * (room - width_of(first))
        below = wrap_text("\n".join(lines[1:]), max(1, width - 2)) if len(lines) > 1 else []
        return [(*first, (rule, "border"), *behind), *_fitting(below, most - 1)]
    rule = "─" * max(0, room)
    wrapped = wrap_text(lines[0], max(1, width - 2), "accent bold")
    if len(lines) > 1:
        wrapped += wrap_text("\n".join(lines[1:]), max(1, width - 2))
    return [((rule, "border"), *behind), *_fitting(wrapped, most - 1)]


def _fitting(lines: list[Line], most: int) -> list[Line]:
    shown = [(GUTTER, *line) for line in lines[: max(0, most)]]
    return [*shown[:-1], (*shown[-1], (" …", ""))] if 0 < most < len(lines) else shown


def _hint_lines(hints: Sequence[Span], width: int, most: int) -> list[Line]:
    """Hints behind each other; what doesn't fit goes to the next line, or away."""
    out: list[Line] = []
    line: Line = EMPTY
    for key, what in zip(hints[::2], hints[1::2], strict=True):
        longer: Line = (*line, ("  ·  ", "dim"), key, what) if line else (GUTTER, key, what)
        if line and width_of(longer) > width:
            out.append(line)
            longer = (GUTTER, key, what)
        line = longer
    if line:
        out.append(line)
    if len(out) > most:
        out = [*out[: most - 1], (*out[most - 1], (" …", "dim"))]
    return out

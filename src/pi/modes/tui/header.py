"""The header: what this is, which keys to know, and what was loaded."""

from collections.abc import Sequence

from pi.modes.tui.blocks.block import Block, Look
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import EMPTY, Line, clean, clip, width_of, wrap

HINTS = (
    ("app.interrupt", "interrupt"),
    ("app.clear", "clear"),
    ("app.exit", "exit"),
    ("/", "commands"),
    ("!", "shell"),
    ("@", "files"),
    ("app.model.select", "model"),
    ("app.thinking.cycle", "thinking"),
    ("app.tools.expand", "tool output"),
    ("app.message.followUp", "follow up"),
)


class HeaderBlock(Block):
    """The first thing in the transcript; it scrolls away with it."""

    kind = "header"
    gap = False

    def __init__(self, keymap: Keymap, version: str, loaded: Sequence[tuple[str, Sequence[str]]]):
        super().__init__()
        self._keymap = keymap
        self._version = version
        self._loaded = loaded

    def lines(self, width: int, look: Look) -> list[Line]:
        mark = "π" if look.unicode else "pi"
        lines: list[Line] = [
            EMPTY,
            ((f" {mark} ", "accent bold"), ("Pi", "bold"), (f" {self._version}", "dim")),
        ]
        lines += self._hints(" · " if look.unicode else " | ", width - 1)
        names = [(name, items) for name, items in self._loaded if items]
        column = max((len(name) for name, _ in names), default=0) + 2
        if names:
            lines.append(EMPTY)
        for name, items in names:
            text = ", ".join(clean(item) for item in items)
            lines += wrap(((text, "muted"),), width - 1, first=((f" {name:<{column}}", "dim"),))
        return lines

    def estimate(self, width: int) -> int:
        return 3 + len(self._loaded)

    def text(self) -> str:
        return f"Pi {self._version}"

    def _hints(self, dot: str, width: int) -> list[Line]:
        """The keys, as many in a line as there is room for."""
        lines: list[Line] = []
        for action, what in HINTS:
            key = self._keymap.label(action) if "." in action else action
            hint: Line = ((key, "muted"), (f" {what}", "dim"))
            longer = (*lines[-1], (dot, "dim"), *hint) if lines else ()
            if not key:
                continue
            if lines and width_of(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(clip(((" ", ""), *hint), width))
        return lines

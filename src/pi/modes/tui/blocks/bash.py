"""A command that the user ran (`!cmd`, `!!cmd`) and what it printed."""

from pi.harness.storage.entries import BashExecutionMessage
from pi.modes.tui.blocks.block import Look
from pi.modes.tui.blocks.layout import Expandable, inner, inset, last_lines, more, shown, wrapped
from pi.modes.tui.lines import EMPTY, Line, clean, wrap

_SHOWN = 20
_KEPT = 100_000  # characters of the output
_MOST_COMMAND = 5000  # characters of one row
_STATUS = {"cancelled": ("Cancelled", "warning"), "running": ("Running…", "muted")}


class BashBlock(Expandable):
    """The command between two rules, the end of its output, how it ended."""

    kind = "bash"

    def __init__(self, command: str, excluded: bool = False) -> None:
        super().__init__()
        self._command = command
        self._style = "dim" if excluded else "bashMode"
        self._output: list[str] = []
        self._kept = 0
        self._message: BashExecutionMessage | None = None

    @classmethod
    def of(cls, message: BashExecutionMessage) -> "BashBlock":
        """A command that is over."""
        block = cls(message.command, message.exclude_from_context is True)
        block._message = message
        return block

    def output(self, delta: str) -> None:
        """The command prints."""
        self._output.append(delta)
        self._kept += len(delta)
        if self._kept > 2 * _KEPT:
            text = "".join(self._output)[-_KEPT:]
            self._output = [text.partition("\n")[2] or text]
            self._kept = len(self._output[0])
        self.touch()

    def end(self, message: BashExecutionMessage) -> None:
        """The command is over; the message holds what is kept of its output."""
        self._message = message
        self._output = []
        self._kept = 0
        self.touch()

    def lines(self, width: int, look: Look) -> list[Line]:
        room = inner(width, look)
        is_open = self.is_open(look.expanded)
        rule: Line = (("─" * width if look.unicode else "-" * width, self._style),)
        out: list[Line] = []
        for number, row in enumerate(self._command.strip().split("\n")):
            before: Line = (("  " if number else "$ ", f"bold {self._style}"),)
            out += wrap(
                ((shown(row, _MOST_COMMAND), f"bold {self._style}"),), room, first=before, rest=(("  ", ""),)
            )
        text = self._text().strip("\n")
        if text:
            out += [EMPTY, *self._printed(text, room, is_open)]
        status = self._status()
        if status:
            out += [EMPTY, *(line for each in status for line in wrap(each, room))]
        return [rule, *inset(out, look), rule]

    def estimate(self, width: int) -> int:
        return 8

    def text(self) -> str:
        return f"{self._command}\n{self._text()}"

    def _text(self) -> str:
        if self._message is not None:
            return self._message.output
        if len(self._output) > 1:
            self._output = ["".join(self._output)]
        return self._output[0] if self._output else ""

    def _printed(self, text: str, width: int, is_open: bool) -> list[Line]:
        if is_open:
            return wrapped(text, width, "muted")
        excerpt = last_lines(text, _SHOWN, width, "muted")
        return [more(excerpt.hidden, width, "earlier"), *excerpt.lines] if excerpt.hidden else excerpt.lines

    def _status(self) -> list[Line]:
        message = self._message
        if message is None:
            return [(_STATUS["running"],)]
        out: list[Line] = []
        if message.cancelled:
            out.append((_STATUS["cancelled"],))
        elif message.exit_code:
            out.append(((f"Exit code {message.exit_code}", "error"),))
        if message.truncated:
            saved = f" Full output: {clean(message.full_output_path)}" if message.full_output_path else ""
            out.append(((f"Output truncated.{saved}", "warning"),))
        return out

"""A tool call and what came of it."""

from collections.abc import Mapping
from typing import Any, cast

from pi.agent.tool import ToolResult
from pi.llm.messages import Image, Text, ToolCall, ToolResultMessage
from pi.modes.tui.blocks.block import Look
from pi.modes.tui.blocks.images import pictures
from pi.modes.tui.blocks.layout import Expandable, boxed, inner
from pi.modes.tui.blocks.tools import renderer_of
from pi.modes.tui.blocks.tools.shape import Call, State
from pi.modes.tui.lines import EMPTY, Line, wrap

_FILLS: dict[State, str] = {
    "pending": "on:toolPendingBg",
    "running": "on:toolPendingBg",
    "success": "on:toolSuccessBg",
    "error": "on:toolErrorBg",
}
_TOLD_MS = 1000  # nobody wonders about what was quicker
_MINUTE = 60


class ToolBlock(Expandable):
    """One call: its arguments as the model writes them, its output as it comes, how it ended."""

    kind = "tool"

    def __init__(self, name: str, call_id: str) -> None:
        super().__init__()
        self.name = name
        self.call_id = call_id
        self.state: State = "pending"
        self.fill = _FILLS["pending"]
        self._args: Mapping[str, Any] = {}
        self._partial = True
        self._content: tuple[Text | Image, ...] | None = None
        self._details: Any = None
        self._duration_ms: int | None = None

    @classmethod
    def of(cls, call: ToolCall) -> "ToolBlock":
        """A call whose arguments are complete."""
        block = cls(call.name, call.id)
        block._args = call.arguments
        block._partial = False
        return block

    def arguments(self, args: Mapping[str, Any], partial: bool = False) -> None:
        """What the model has written of the arguments, so far or in the end."""
        self._args = args
        self._partial = partial
        self.touch()

    def start(self) -> None:
        """The tool begins to run."""
        self._turn("running")

    def update(self, result: ToolResult) -> None:
        """What the tool has so far."""
        self._content = result.content
        self._details = result.details
        self.touch()

    def end(
        self, result: ToolResult | ToolResultMessage, is_error: bool, duration_ms: int | None = None
    ) -> None:
        """The call is over; `duration_ms` is None when nobody knows how long it took."""
        self._content = result.content
        self._details = result.details
        self._duration_ms = duration_ms
        self._partial = False
        self._turn("error" if is_error else "success")

    def cancel(self) -> None:
        """The call will never run; nothing if it is over already."""
        if self.state in ("pending", "running"):
            self._partial = False
            self._turn("error")

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("success", "error")

    def lines(self, width: int, look: Look) -> list[Line]:
        call = self._call(inner(width, look), look)
        renderer = renderer_of(self.name)
        out: list[Line] = []
        for number, row in enumerate(renderer.title(call)):
            hang = renderer.hang if number or call.width > 3 * renderer.hang else 0
            indent: Line = ((" " * hang, ""),) if hang else EMPTY
            out += wrap(row, call.width, first=indent if number else EMPTY, rest=indent)
        body = renderer.body(call)
        body += pictures(self._images(), call.width, look)
        if body:
            out += [EMPTY, *body]
        status = self._status(renderer.status(call))
        if status:
            out += [EMPTY, *wrap(status, call.width)]
        return boxed(out, look)

    def estimate(self, width: int) -> int:
        return 6

    def text(self) -> str:
        args = [value for value in self._args.values() if isinstance(value, str)]
        return "\n".join([self.name, *args, self._output() or ""])

    @property
    def result(self) -> ToolResult | None:
        """What the tool has given so far."""
        return None if self._content is None else ToolResult(self._content, details=self._details)

    @property
    def output(self) -> str:
        """The text of the result so far, to copy it."""
        return self._output() or ""

    def _turn(self, state: State) -> None:
        self.state = state
        self.fill = _FILLS[state]
        self.touch()

    def _call(self, width: int, look: Look) -> Call:
        details: Any = self._details
        return Call(
            name=self.name,
            args=self._args,
            partial=self._partial,
            state=self.state,
            output=self._output(),
            details=cast(dict[str, Any], details) if isinstance(details, dict) else {},
            width=width,
            look=look,
            open=self.is_open(look.expanded),
        )

    def _output(self) -> str | None:
        if self._content is None:
            return None
        return "\n".join(block.text for block in self._content if isinstance(block, Text))

    def _images(self) -> list[Image]:
        return [block for block in self._content or () if isinstance(block, Image)]

    def _status(self, said: Line) -> Line:
        took = self._duration_ms
        if took is not None and took >= _TOLD_MS and self.over:
            between: Line = (("  ", ""),) if said else EMPTY
            return (*said, *between, (f"Took {duration(took)}", "muted"))
        if self.state == "error" and self._content is None:
            return (("Not run.", "muted"),)
        return said


def duration(ms: int) -> str:
    """A time for people: 4.2s, 1m 30s, 2h 3m 4s."""
    if ms < _MINUTE * 1000:
        return f"{ms / 1000:.1f}s"
    minutes, seconds = divmod(ms // 1000, _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}h {minutes}m {seconds}s" if hours else f"{minutes}m {seconds}s"

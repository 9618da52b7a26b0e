"""What grep, find and ls give back: lines up to the byte limit, and notices of what is missing."""

from typing import Any

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from pi.agent.output import MAX_BYTES, format_size, truncate_head
from pi.agent.tool import ToolResult, text_result

_MAX_SAFE_INTEGER = 2**53 - 1  # JavaScript's, which the original names as the limit of lines


class Notice(Struct, frozen=True):
    """Something that the lines don't show: a sentence for the model, a detail for programs."""

    text: str
    key: str
    value: Any


class Listing:
    """The lines of a result; those past the byte limit are counted but not kept."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[str] = []
        self._bytes = -1  # of the lines joined by newlines

    def add(self, line: str) -> None:
        """Takes the next line."""
        if self._bytes <= MAX_BYTES:
            self._kept.append(line)
        self._bytes += len(line.encode()) + 1
        self.count += 1

    def result(self, reached: Notice | None, *further: Notice) -> ToolResult:
        """The lines and the notices; that of the byte limit stands behind `reached`."""
        cut = truncate_head("\n".join(self._kept), max_lines=_MAX_SAFE_INTEGER)
        notices = [reached] if reached else []
        if cut.truncated:
            cut = replace(cut, total_lines=self.count, total_bytes=self._bytes)
            notices.append(Notice(f"{format_size(MAX_BYTES)} limit reached", "truncation", to_builtins(cut)))
        notices += further
        if not notices:
            return text_result(cut.content)
        text = f"{cut.content}\n\n[{'. '.join(notice.text for notice in notices)}]"
        return text_result(text, {notice.key: notice.value for notice in notices})


def whole_number(value: float | None, default: int, *, least: int) -> int:
    """The number that a model has asked for, rounded down."""
    return default if value is None else max(least, int(min(value, _MAX_SAFE_INTEGER)))

"""How calls of write are shown: the path and the first lines of what is written, highlighted."""

from pi.modes.tui.blocks.tools.code import code_lines
from pi.modes.tui.blocks.tools.shape import Call, Renderer, called, failure, path_span
from pi.modes.tui.lines import EMPTY, Line

_SHOWN = 10


def _title(call: Call) -> list[Line]:
    content = call.raw("content")
    rows = content.count("\n") + (not content.endswith("\n")) if content else 0
    size = [(f"  {rows:,} line{'' if rows == 1 else 's'}", "muted")] if rows else []
    return called("write", path_span(call, call.text("path", "file_path")), *size)


def _body(call: Call) -> list[Line]:
    lines = code_lines(call.raw("content").rstrip("\n"), call.raw("path", "file_path"), call, _SHOWN)
    if call.failed and (said := failure(call)):
        return [*lines, EMPTY, *said] if lines else said
    return lines


RENDERER = Renderer(_title, _body, hang=6)

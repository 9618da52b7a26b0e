"""How calls of read are shown: the path, which lines, the first of them highlighted."""

from pi.modes.tui.blocks.tools.code import code_lines
from pi.modes.tui.blocks.tools.shape import Call, Renderer, called, failure, listing, path_span, split_notice
from pi.modes.tui.lines import EMPTY, Line, clean, wrap

_SHOWN = 10


def _title(call: Call) -> list[Line]:
    offset, limit = call.number("offset"), call.number("limit")
    lines = ""
    if offset is not None or limit is not None:
        first = max(offset or 1, 1)
        lines = f":{first}" if limit is None else f":{first}-{first + max(limit, 1) - 1}"
    return called("read", path_span(call, call.text("path", "file_path")), (lines, "muted"))


def _body(call: Call) -> list[Line]:
    if call.failed:
        return failure(call)
    text, notice = split_notice((call.output or "").rstrip("\n"))
    path = call.raw("path", "file_path")
    if text.startswith("Read image file ["):
        return listing(call)
    lines = code_lines(text, path, call, _SHOWN)
    if notice and call.open:
        lines += [EMPTY, *wrap(((clean(notice), "muted"),), call.width)]
    return lines


RENDERER = Renderer(_title, _body, hang=5)

"""How calls of ls are shown: the directory and its first entries."""

from pi.modes.tui.blocks.tools.shape import Call, Renderer, called, listing, path_span, truncated
from pi.modes.tui.lines import Line


def _title(call: Call) -> list[Line]:
    limit = call.number("limit")
    more = [(f" limit {limit}", "toolOutput")] if limit is not None else []
    return called("ls", path_span(call, call.text("path") or "."), *more)


RENDERER = Renderer(
    _title, listing, lambda call: truncated(call, {"entryLimitReached": "{} entries limit"}), hang=3
)

"""How calls of find are shown: the glob, where it is looked for, the first paths found."""

from pi.modes.tui.blocks.tools.shape import Call, Renderer, called, listing, path_span, truncated
from pi.modes.tui.lines import Line


def _title(call: Call) -> list[Line]:
    limit = call.number("limit")
    return called(
        "find",
        (call.text("pattern") or "…", "accent"),
        (" in ", "toolOutput"),
        path_span(call, call.text("path") or "."),
        *([(f" limit {limit}", "toolOutput")] if limit is not None else []),
    )


RENDERER = Renderer(
    _title, listing, lambda call: truncated(call, {"resultLimitReached": "{} results limit"}), hang=5
)

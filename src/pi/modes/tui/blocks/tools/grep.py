"""How calls of grep are shown: the pattern, where it is looked for, the first lines found."""

from pi.modes.tui.blocks.tools.shape import Call, Renderer, called, listing, path_span, truncated
from pi.modes.tui.lines import Line

_LIMITS = {"matchLimitReached": "{} matches limit", "linesTruncated": "long lines cut"}


def _title(call: Call) -> list[Line]:
    pattern = call.text("pattern")
    glob = call.text("glob")
    limit = call.number("limit")
    return called(
        "grep",
        (f"/{pattern}/", "accent"),
        (" in ", "toolOutput"),
        path_span(call, call.text("path") or "."),
        *([(f" ({glob})", "toolOutput")] if glob else []),
        *([(f" limit {limit}", "toolOutput")] if limit is not None else []),
    )


RENDERER = Renderer(_title, listing, lambda call: truncated(call, _LIMITS), hang=5)

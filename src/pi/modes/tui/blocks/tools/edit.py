"""How calls of edit are shown: the path and what changes in the file."""

from collections.abc import Iterator
from typing import Any, cast

from pi.modes.tui.blocks.diff import changes, diff_lines
from pi.modes.tui.blocks.layout import more
from pi.modes.tui.blocks.tools.shape import Call, Renderer, called, failure, path_span
from pi.modes.tui.lines import Line, Span

_SHOWN = 12  # rows of what is only intended


def _title(call: Call) -> list[Line]:
    counts: list[Span] = []
    if isinstance(diff := call.details.get("diff"), str) and not call.failed:
        added, removed = changes(diff)
        counts = [(f"  +{added}", "toolDiffAdded"), (f" -{removed}", "toolDiffRemoved")]
    return called("edit", path_span(call, call.text("path", "file_path")), *counts)


def _body(call: Call) -> list[Line]:
    if call.failed:
        return failure(call)
    if isinstance(diff := call.details.get("diff"), str):
        return diff_lines(diff, call.width)
    if call.output is not None:
        return []
    rows = list(_intended(call.args))
    if call.open or len(rows) <= _SHOWN:
        return diff_lines("\n".join(rows), call.width) if rows else []
    return [*diff_lines("\n".join(rows[:_SHOWN]), call.width), more(len(rows) - _SHOWN, call.width)]


def _intended(args: Any) -> Iterator[str]:
    """What the arguments say will change, without the lines that stay; they may be half written."""
    edits = args.get("edits")
    for edit in cast(list[Any], edits) if isinstance(edits, list) else [args]:
        match edit:
            case {"oldText": str(old), **rest}:
                new = rest.get("newText")
                yield from _changed(old.split("\n"), new.split("\n") if isinstance(new, str) else [])
            case _:
                pass


def _changed(old: list[str], new: list[str]) -> Iterator[str]:
    same = 0
    while same < min(len(old), len(new)) and old[same] == new[same]:
        same += 1
    end = 0
    while end < min(len(old), len(new)) - same and old[-1 - end] == new[-1 - end]:
        end += 1
    yield from (f"- {row}" for row in old[same : len(old) - end])
    yield from (f"+ {row}" for row in new[same : len(new) - end])


RENDERER = Renderer(_title, _body, hang=5)

"""How calls of bash are shown: the command, the end of what it printed, how it ended."""

import re
from typing import NamedTuple

from pi.modes.tui.blocks.layout import last_lines, more, shown, wrapped
from pi.modes.tui.blocks.tools.shape import Call, Renderer, split_notice
from pi.modes.tui.lines import EMPTY, Line, clean

_SHOWN = 5
_COMMAND_ROWS = 10
_ROW_LINES = 6  # lines that one row of a command may take while the call is closed
_MOST_COMMAND = 5_000  # characters
_MOST_ENDING = 200  # characters
_ENDED = re.compile(r"(?:^|\n\n)(Command (?:exited with code -?\d+|aborted|timed out after \S+ seconds))$")


class _Printed(NamedTuple):
    text: str
    notice: str  # what is left out of the text, and where all of it is
    ended: str  # how the command ended, if that isn't well


def _title(call: Call) -> list[Line]:
    rows = call.raw("command").strip()[:_MOST_COMMAND].split("\n")
    hidden = len(rows) - _COMMAND_ROWS
    if not call.open and hidden > 0:
        rows = rows[:_COMMAND_ROWS]
    most = _MOST_COMMAND if call.open else call.width * _ROW_LINES
    out: list[Line] = [((shown(row, most), "bold toolTitle"),) for row in rows]
    out[0] = (("$ ", "bold toolTitle"), (out[0][0][0] or "…", "bold toolTitle"))
    if timeout := call.number("timeout"):
        out[-1] = (*out[-1], (f" (timeout {timeout}s)", "muted"))
    if not call.open and hidden > 0:
        out.append(more(hidden, call.width - 2))
    return out


def _body(call: Call) -> list[Line]:
    text = _printed(call).text
    if not text:
        return []
    if call.open:
        return wrapped(text, call.width, "toolOutput")
    excerpt = last_lines(text, _SHOWN, call.width, "toolOutput")
    return [more(excerpt.hidden, call.width, "earlier"), *excerpt.lines] if excerpt.hidden else excerpt.lines


def _status(call: Call) -> Line:
    printed = _printed(call)
    out: Line = ((printed.ended, "error"),) if printed.ended else EMPTY
    notice = printed.notice
    if not notice and (path := call.details.get("fullOutputPath")):
        notice = f"[Full output: {path}]"
    if notice:
        out = (*out, *((("  ", ""),) if out else ()), (clean(notice), "warning"))
    return out


def _printed(call: Call) -> _Printed:
    output = call.output or ""
    ended = ""
    if call.failed and (match := _ENDED.search(output, max(len(output) - _MOST_ENDING, 0))):
        ended, output = match[1], output[: match.start()]
    text, notice = split_notice(output)
    if notice and "Full output: " not in notice:  # the command itself has printed this
        text, notice = output, ""
    return _Printed(text.strip("\n"), notice, ended)


RENDERER = Renderer(_title, _body, _status, hang=2)

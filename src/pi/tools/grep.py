"""grep: searches the contents of files with ripgrep."""

import math
import os
import stat
from typing import Any

from msgspec import Struct, field
from msgspec.json import Decoder

from pi.agent.tool import Tool, ToolContext, ToolError, ToolResult, text_result
from pi.llm.unicode import utf16_len
from pi.tools.effects import reads
from pi.tools.listing import Listing, Notice, whole_number
from pi.tools.paths import resolve_path
from pi.tools.ripgrep import complaint, posix_path, run_ripgrep

_LIMIT = 100
_MAX_LINE = 500  # UTF-16 units
_DESCRIPTION = (
    "Search the contents of files, hidden ones too but none that .gitignore names; gives path:line: text. "
    "Stops at 100 matches or 50KB; lines are cut at 500 characters."
)
_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "pattern": {"type": "string", "description": "Regular expression, as ripgrep takes it"},
        "path": {"type": "string", "description": "Directory or file; the working directory by default"},
        "glob": {"type": "string", "description": "Which files, relative to path: *.py, src/**/*.ts"},
        "ignoreCase": {"type": "boolean", "description": "Ignore case"},
        "literal": {"type": "boolean", "description": "The pattern is plain text"},
        "context": {"type": "number", "description": "Lines before and after each match"},
        "limit": {"type": "number", "description": "Most matches; 100 by default"},
    },
    "required": ["pattern"],
}


def grep_tool() -> Tool:
    """The grep tool."""
    return Tool(
        name="grep",
        description=_DESCRIPTION,
        parameters=_PARAMETERS,
        run=_grep,
        effects=reads,
        hints=("read_only", "idempotent"),
        snippet="Search the contents of files (respects .gitignore)",
    )


async def _grep(arguments: dict[str, Any], ctx: ToolContext) -> ToolResult:
    place = resolve_path(arguments.get("path") or ".", ctx.cwd)
    try:
        mode = place.stat().st_mode
    except OSError:
        raise ToolError(f"Path not found: {place}") from None
    in_folder = stat.S_ISDIR(mode)
    if not in_folder and not stat.S_ISREG(mode):
        raise ToolError(
            f"{place} is neither a file nor a directory, and may never end. Search something else."
        )
    # rg takes globs as relative to its own working directory; the target is `.` because the directory's name
    # may be that of a symbolic link, which rg would not find there.
    cwd, target = (place, ".") if in_folder else (place.parent, f".{os.sep}{place.name}")
    context = whole_number(arguments.get("context"), 0, least=0)
    found = _Matches(whole_number(arguments.get("limit"), _LIMIT, least=1), context)
    options = [*_options(arguments, context), "--", arguments["pattern"], target]
    code = await run_ripgrep(["--json", *options], cwd=cwd, end=b"\n", on_record=found.add)
    if not found.count and code > 1:
        raise ToolError(await complaint(options, cwd=cwd, code=code))
    return found.result()


def _options(arguments: dict[str, Any], context: int) -> list[str]:
    options = [f"--context={context}"] if context else []
    if arguments.get("ignoreCase"):
        options.append("--ignore-case")
    if arguments.get("literal"):
        options.append("--fixed-strings")
    if glob := arguments.get("glob"):
        options.append(f"--glob={_without_dot(glob)}")
    return options


def _without_dot(glob: str) -> str:
    """rg finds nothing by a glob that begins with `./`."""
    negation, rest = ("!", glob[1:]) if glob.startswith("!") else ("", glob)
    while rest.startswith("./"):
        rest = rest[2:]
    return negation + rest


class _Text(Struct, frozen=True):
    """Text in rg's JSON, or bytes that are no UTF-8."""

    text: str | None = None
    raw: bytes = field(name="bytes", default=b"")

    def __str__(self) -> str:
        return self.raw.decode(errors="replace") if self.text is None else self.text


class _Data(Struct, frozen=True):
    path: _Text = _Text()
    lines: _Text = _Text()
    line_number: int = 0


class _Record(Struct, frozen=True):
    """One line of rg's JSON; a `match` and a `context` are lines of a file, an `end` is a file's end."""

    type: str
    data: _Data


class _Matches:
    """The matches as they come, with the lines around them, up to the limit."""

    def __init__(self, limit: int, context: int) -> None:
        self.count = 0
        self._limit = limit
        self._context = context
        self._decode = Decoder(_Record).decode
        self._listing = Listing()
        self._more = False  # there is a match past the limit
        self._cut_lines = False
        self._path: str | None = None  # of the file that is shown at the moment
        self._last = 0  # the line that was shown last
        self._open = False  # it ended without a newline
        self._window_end: float = -math.inf  # where the context of the last match ends

    def add(self, record: bytes) -> bool:
        """Takes a record of rg's JSON; False when no further one can change the result."""
        entry = self._decode(record)
        data = entry.data
        if entry.type == "end":
            self._end_file()
        elif entry.type not in ("match", "context"):
            pass
        elif self.count < self._limit:
            self._add_line(data, is_match=entry.type == "match")
        else:
            return self._add_past_limit(data, is_match=entry.type == "match")
        return not self._more

    def result(self) -> ToolResult:
        """All of it with its notices."""
        if not self.count:
            return text_result("No matches found")
        limit = self._limit
        text = f"{limit} matches limit reached. Use limit={limit * 2} for more, or refine pattern"
        reached = Notice(text, "matchLimitReached", limit) if self._more else None
        text = f"Some lines truncated to {_MAX_LINE} chars. Use read tool to see full lines"
        long_lines = [Notice(text, "linesTruncated", True)] if self._cut_lines else []
        return self._listing.result(reached, *long_lines)

    def _add_line(self, data: _Data, *, is_match: bool) -> None:
        self._path = posix_path(str(data.path))
        if is_match:
            self.count += 1
            self._window_end = data.line_number + self._context
        self._show(data.line_number, str(data.lines), ":" if is_match else "-")

    def _add_past_limit(self, data: _Data, *, is_match: bool) -> bool:
        """Shows what is still context of the last match, also a match, which proves that there are more."""
        inside = posix_path(str(data.path)) == self._path and data.line_number <= self._window_end
        if inside:
            self._show(data.line_number, str(data.lines), "-")
        self._more = self._more or is_match
        return not self._more or (inside and data.line_number < self._window_end)

    def _show(self, number: int, line: str, mark: str) -> None:
        self._last = number
        self._open = not line.endswith("\n")
        line = line.removesuffix("\n").removesuffix("\r")
        text = _shortened(line)
        self._cut_lines = self._cut_lines or text != line
        self._listing.add(f"{self._path}{mark}{number}{mark} {text}")

    def _end_file(self) -> None:
        """A file's last newline opens an empty line, as in `read`: it may be context too."""
        if self._context and self._path and not self._open and self._last < self._window_end:
            self._show(self._last + 1, "", "-")
        self._path = None


def _shortened(line: str) -> str:
    if len(line) <= _MAX_LINE and utf16_len(line) <= _MAX_LINE:
        return line
    units = line[:_MAX_LINE].encode("utf-16-le")[: 2 * _MAX_LINE]
    return units.decode("utf-16-le", "ignore") + "... [truncated]"

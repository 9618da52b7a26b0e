"""What a renderer of a tool's calls is and gets to see, and what renderers have in common."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, cast

from msgspec import Struct

from pi.agent.output import format_size
from pi.modes.tui.blocks.block import Look
from pi.modes.tui.blocks.layout import MOST_LINES, Excerpt, first_lines, first_rows, more, wrapped
from pi.modes.tui.lines import EMPTY, Line, Span, clean

State = Literal["pending", "running", "success", "error"]
_MOST_TITLE = 500  # characters of one argument in a title


class Call(Struct, frozen=True):
    """A call and what has come of it so far; `width` is what its lines may take."""

    name: str
    args: Mapping[str, Any]
    partial: bool  # the model still writes the arguments
    state: State
    output: str | None  # the text of the result; None as long as there is none
    details: Mapping[str, Any]
    width: int
    look: Look
    open: bool  # shown in full

    @property
    def failed(self) -> bool:
        return self.state == "error"

    def text(self, *names: str) -> str:
        """The first of these arguments that is a text, as one line that can be shown."""
        return clean(self.raw(*names)[:_MOST_TITLE].replace("\n", "⏎"))

    def raw(self, *names: str) -> str:
        """The first of these arguments that is a text, as the model wrote it."""
        for name in names:
            value = self.args.get(name)
            if isinstance(value, str):
                return value
        return ""

    def number(self, name: str) -> int | None:
        """An argument that is a number, also one written as a text."""
        value = self.args.get(name)
        if isinstance(value, str):
            value = int(value) if value.isdecimal() and len(value) < 16 else None
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
            return int(value)
        return None


class Renderer(Struct, frozen=True):
    """How calls of one tool are shown: what it does, what has come of it, how it ended."""

    title: Callable[[Call], list[Line]]
    body: Callable[[Call], list[Line]]
    status: Callable[[Call], Line] = lambda call: EMPTY
    hang: int = 0  # cells that the further lines of a title stand in


def called(name: str, *spans: Span) -> list[Line]:
    """A title: the tool's name and what it works on."""
    return [((name, "bold toolTitle"), (" ", ""), *spans)]


def path_span(call: Call, path: str) -> Span:
    """A path as people know it: relative to where they work, or to their home."""
    if not path:
        return ("…", "toolOutput")
    return (short_path(path, call.look.cwd), f"accent{_link(path, call.look)}")


def short_path(path: str, cwd: Path) -> str:
    """A path relative to `cwd` if it lies in it, else with ~ for the home directory."""
    for root, instead in ((str(cwd), ""), (str(Path.home()), "~/")):
        if path == root:
            return "." if not instead else "~"
        if len(root) > 1 and path.startswith(root.rstrip("/\\")) and path[len(root.rstrip("/\\"))] in "/\\":
            return instead + path[len(root) + 1 :]
    return path


def listing(call: Call, rows: int = 10) -> list[Line]:
    """A result of which the first rows are shown while it is closed, each in one line."""
    return _excerpt(call, lambda text: first_rows(text, rows, call.width, "toolOutput"))


def prose(call: Call, rows: int = 10) -> list[Line]:
    """A result that is more text than list: its long rows are broken, not cut."""
    return _excerpt(call, lambda text: first_lines(text, rows, call.width, "toolOutput"))


def failure(call: Call, rows: int = 10) -> list[Line]:
    """What a tool says that has failed."""
    text = (call.output or "").strip("\n")
    if not text:
        return []
    if call.open:
        return wrapped(text, call.width, "error")
    return with_more(first_lines(text, rows, call.width, "error"), call.width)


def with_more(excerpt: Excerpt, width: int) -> list[Line]:
    """The excerpt and, below, how much of it isn't shown."""
    return [*excerpt.lines, more(excerpt.hidden, width)] if excerpt.hidden else excerpt.lines


def split_notice(text: str) -> tuple[str, str]:
    """A result's text, and the note in brackets that tools put below what they have cut."""
    if text.endswith("]"):
        body, between, note = text.rpartition("\n\n[")
        if between and "\n" not in note:
            return body, f"[{note}"
    return text, ""


def size_limit(call: Call) -> str:
    """The limit in bytes that has cut a result, such as "50.0KB"."""
    cut = call.details.get("truncation")
    if not isinstance(cut, dict):
        return ""
    cut = cast(dict[str, Any], cut)
    most = cut.get("maxBytes")
    return format_size(most) if cut.get("truncated") is True and isinstance(most, int) else ""


def truncated(call: Call, limits: Mapping[str, str]) -> Line:
    """Which limits have cut the result; `limits` are names of details, with how to say it."""
    reached = [
        say.format(value)
        for name, say in limits.items()
        if isinstance(value := call.details.get(name), int) and value
    ]
    if size := size_limit(call):
        reached.append(f"{size} limit")
    return ((f"Truncated: {', '.join(reached)}", "warning"),) if reached else EMPTY


def _excerpt(call: Call, first: Callable[[str], Excerpt]) -> list[Line]:
    if call.failed:
        return failure(call)
    text, _ = split_notice((call.output or "").strip("\n"))
    if not text:
        return []
    if not call.open:
        return with_more(first(text), call.width)
    lines = wrapped(text, call.width, "toolOutput")
    if (rows := text.count("\n") + 1) > MOST_LINES:
        lines.append(((f"… ({rows - MOST_LINES:,} more lines)", "muted"),))
    return lines


def _link(path: str, look: Look) -> str:
    if not look.links or "\0" in path:
        return ""
    target = Path(path).expanduser() if path.startswith("~") else look.cwd / path
    try:
        return f" link:{target.as_uri()}"
    except ValueError:  # the working directory is no absolute one
        return ""

"""A tool call as editors show it: its kind, a title, the places that it touches, diffs and output."""

from pathlib import Path
from typing import Any

from acp.schema import (
    ContentToolCallContent,
    FileEditToolCallContent,
    ImageContentBlock,
    TextContentBlock,
    ToolCallLocation,
    ToolKind,
)
from msgspec import UNSET, Struct

from pi.agent.tool import UNKNOWN_EFFECTS, Effects, Tool, ToolResult
from pi.llm.messages import Image, Text
from pi.modes.acp.clean import fenced, shown, value
from pi.tools.paths import well_formed

Content = ContentToolCallContent | FileEditToolCallContent
_KINDS: dict[str, ToolKind] = {
    "read": "read",
    "edit": "edit",
    "write": "edit",
    "bash": "execute",
    "grep": "search",
    "find": "search",
    "ls": "search",
}
_WORDS: tuple[tuple[ToolKind, tuple[str, ...]], ...] = (  # of tools that don't say what they touch
    ("delete", ("delete", "remove")),
    ("move", ("move", "rename")),
    ("search", ("search", "find", "grep", "query")),
    ("fetch", ("fetch", "http", "web", "download")),
    ("think", ("think", "plan", "todo")),
    ("read", ("read", "get", "list")),
)
_OLD_TEXT = 1 << 20  # bytes of a file whose diff is shown before it is written


class Shown(Struct, frozen=True):
    """One call: what is known before it runs."""

    title: str
    kind: ToolKind
    locations: list[ToolCallLocation]
    diffs: list[FileEditToolCallContent]
    raw: dict[str, Any]


def show_call(
    name: str, arguments: dict[str, Any], tool: Tool | None, cwd: Path, *, past: bool = False
) -> Shown:
    """A call with its arguments; `past` ones can't tell what a file was like before."""
    effects = tool.effects_of(arguments, cwd) if tool is not None else UNKNOWN_EFFECTS
    kind = kind_of(name, tool, effects)
    line = arguments.get("offset") if name == "read" else None
    at = max(int(line), 1) if isinstance(line, int | float) else None
    touched = dict.fromkeys((*effects.writes, *effects.reads))
    locations = [ToolCallLocation(path=well_formed(path), line=at) for path in touched]
    diffs = _diffs(name, _mended(arguments, tool), effects, past)
    return Shown(_title(name, arguments, tool, cwd), kind, locations, diffs, value(arguments))


def kind_of(name: str, tool: Tool | None, effects: Effects) -> ToolKind:
    """What a tool does, by its name if it is ours, else by its effects, its hints, and words in its name."""
    if name in _KINDS:
        return _KINDS[name]
    if effects.commands:
        return "execute"
    guess = _guess(name.lower())
    if effects.writes:
        return guess if guess in ("delete", "move") else "edit"
    if effects.hosts or (tool is not None and "open_world" in tool.hints and guess == "other"):
        return "fetch"
    return "read" if effects.reads and guess != "search" else guess


def output(name: str, result: ToolResult, *, is_error: bool) -> list[ContentToolCallContent]:
    """What a call has said so far, or in the end."""
    blocks: list[ContentToolCallContent] = []
    for block in result.content:
        match block:
            case Text(text) if text.strip():
                foreign = name not in _KINDS and not is_error  # others' tools may answer in Markdown
                language = "console" if name == "bash" else ""
                blocks.append(text_content(shown(text) if foreign else fenced(text, language)))
            case Image(data, mime_type):
                image = ImageContentBlock(type="image", data=data, mime_type=mime_type)
                blocks.append(ContentToolCallContent(type="content", content=image))
            case _:
                pass
    return blocks


def text_content(text: str) -> ContentToolCallContent:
    """Markdown in a call's card."""
    return ContentToolCallContent(type="content", content=TextContentBlock(type="text", text=text))


def raw_output(result: ToolResult) -> dict[str, Any]:
    """A result for programs: the text that the model reads, and the details."""
    text = "\n".join(block.text for block in result.content if isinstance(block, Text))
    raw: dict[str, Any] = {"output": text}
    if result.details is not UNSET:
        raw["details"] = result.details
    return value(raw)


def changed_line(result: ToolResult) -> int | None:
    """The first line that an edit has changed, from 1."""
    match result.details:
        case {"firstChangedLine": int(line)} if line > 0:
            return line
        case _:
            return None


def _mended(arguments: dict[str, Any], tool: Tool | None) -> dict[str, Any]:
    """The arguments as the tool takes them, where a model writes them in other ways."""
    try:
        return tool.prepare(arguments) if tool is not None and tool.prepare is not None else arguments
    except Exception:  # foreign code: then there is no diff to show
        return arguments


def _guess(name: str) -> ToolKind:
    for kind, words in _WORDS:
        if any(word in name for word in words):
            return kind
    return "other"


def _diffs(
    name: str, arguments: dict[str, Any], effects: Effects, past: bool
) -> list[FileEditToolCallContent]:
    path = effects.writes[0] if len(effects.writes) == 1 else None
    if path is None:
        return []
    match name, arguments:
        case "edit", {"edits": [*edits]}:
            return [_diff(path, old, new) for old, new in map(_texts, edits) if old != new]
        case "write", {"content": str(content)}:
            return [_diff(path, None if past else _old_text(Path(path)), content)]
        case _:
            return []


def _texts(edit: Any) -> tuple[str, str]:
    match edit:
        case {"oldText": str(old), "newText": str(new)}:
            return old, new
        case _:
            return "", ""


def _diff(path: str, old: str | None, new: str) -> FileEditToolCallContent:
    old = None if old is None else well_formed(old)
    return FileEditToolCallContent(
        type="diff", path=well_formed(path), old_text=old, new_text=well_formed(new)
    )


def _old_text(path: Path) -> str | None:
    try:
        if path.is_file() and path.stat().st_size <= _OLD_TEXT:
            return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        pass  # then there is no diff but the new text
    return None


def _title(name: str, arguments: dict[str, Any], tool: Tool | None, cwd: Path) -> str:
    path = _relative(arguments.get("path"), cwd)
    match name, arguments:
        case "bash", {"command": str(command)}:
            return _code(command)
        case "read", {"path": _}:
            return f"Read {path}{_lines(arguments)}"
        case "edit", {"path": _}:
            return f"Edit {path}"
        case "write", {"path": _}:
            return f"Write {path}"
        case "grep", {"pattern": str(pattern)}:
            return f"Search for {_code(pattern)} in {path}"
        case "find", {"pattern": str(pattern)}:
            return f"Find {_code(pattern)} in {path}"
        case "ls", _:
            return f"List {path}"
        case _:
            return shown((tool.label if tool is not None else "") or name)


def _lines(arguments: dict[str, Any]) -> str:
    offset, limit = arguments.get("offset"), arguments.get("limit")
    first = int(offset) if isinstance(offset, int | float) else 1
    if isinstance(limit, int | float):
        return f" ({first}–{first + int(limit) - 1})"
    return f" (from {first})" if offset else ""


def _relative(path: Any, cwd: Path) -> str:
    text = shown(path) if isinstance(path, str) and path else "."
    return text.removeprefix(f"{cwd}/") or "."


def _code(text: str) -> str:
    first, *more = shown(text).strip().splitlines() or [""]
    first = first + " …" if more else first
    tick = "``" if "`" in first else "`"
    pad = " " if "`" in first else ""
    return f"{tick}{pad}{first}{pad}{tick}"

"""Tool calls with their results, to be opened and closed; built-in tools have looks of their own."""

import json
from collections.abc import Mapping
from typing import Any, cast

from pi.harness.export import diffs, figures
from pi.harness.export.code import Painter, language_of
from pi.harness.export.markup import Html, escape, one_line, uncoloured
from pi.harness.export.page import Diff, Fold, Part, Picture, Pre
from pi.llm.messages import Image, Text, ToolCall, ToolResultMessage

_DETAIL = 160  # characters
_MIMES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
# What a call is about, by the name of its tool; other tools have the first of their arguments that is a text.
_ABOUT = {
    "bash": ("command",),
    "read": ("path", "file_path"),
    "write": ("path", "file_path"),
    "edit": ("path", "file_path"),
    "ls": ("path",),
    "find": ("pattern",),
    "grep": ("pattern",),
}


def about(name: str, arguments: Mapping[str, Any]) -> str:
    """What a call is about, on one line."""
    names = _ABOUT.get(name, tuple(arguments))
    text = next((value for key in names if isinstance(value := arguments.get(key), str)), "")
    if name == "read" and isinstance(first := arguments.get("offset"), int):
        limit = arguments.get("limit")
        text += f":{first}" + (f"-{first + limit - 1}" if isinstance(limit, int) else "")
    if name in ("grep", "find") and isinstance(where := arguments.get("path"), str):
        text += f" in {where}"
    return one_line(text, _DETAIL)


def picture(image: Image) -> Part:
    """An image of a kind that every browser shows; of others only what they are called."""
    data = "".join(image.data.split())
    if image.mime_type not in _MIMES or not _BASE64.issuperset(data.encode("utf-8", "replace")):
        return Pre(escape(f"[image: {one_line(image.mime_type, 40)}]"), output=True)
    return Picture(f"data:{image.mime_type};base64,{data}")


class ToolTeller:
    """Tells what a call did."""

    def __init__(self, painter: Painter):
        self._painter = painter

    def called(self, call: ToolCall) -> Fold:
        """A call that nothing has answered."""
        detail = about(call.name, call.arguments)
        return Fold("tool", _title(call.name), detail, "not run", self._given(call), "open")

    def answered(self, call: ToolCall | None, result: ToolResultMessage) -> Fold:
        """A call with its result; without the call where that is nowhere on the branch."""
        name = call.name if call else result.tool_name
        text = uncoloured("\n".join(block.text for block in result.content if isinstance(block, Text)))
        images = [picture(block) for block in result.content if isinstance(block, Image)]
        diff = _diff(result)
        parts: list[Part] = []
        if diff is not None and not result.is_error:
            parts.append(diffs.numbered_diff(diff))
        else:
            parts += self._given(call) if call else ()
            if text and not (name == "write" and not result.is_error):
                parts.append(Pre(self._output(name, call, result, text), output=True))
        hint = "failed" if result.is_error else _hint(name, call, text, diff)
        state = "bad" if result.is_error else "good"
        shown = isinstance(parts[0], Diff) if parts else False
        detail = about(name, call.arguments) if call else ""
        return Fold("tool", _title(name), detail, hint, (*parts, *images), state, shown or bool(images))

    def _given(self, call: ToolCall) -> tuple[Part, ...]:
        """The arguments, as far as the line above doesn't tell them."""
        arguments = call.arguments
        match call.name, arguments:
            case "bash", {"command": str(command)}:
                return (Pre(self._painter.paint(command, "bash")),)
            case "write", {"content": str(content)}:
                return (Pre(self._painter.paint(content, _language(arguments))),)
            case "edit", {"edits": list()}:
                pairs = [_pair(edit) for edit in cast(list[Any], arguments["edits"])]
                return (diffs.replaced(pair for pair in pairs if pair is not None),)
            case (("read" | "ls" | "find" | "grep"), _):
                return ()
            case _:
                return (Pre(self._painter.paint(_json(arguments), "json")),) if arguments else ()

    def _output(self, name: str, call: ToolCall | None, result: ToolResultMessage, text: str) -> Html:
        language = _language(call.arguments) if call and name == "read" and not result.is_error else ""
        return self._painter.paint(text, language)


def _json(arguments: Mapping[str, Any]) -> str:
    try:
        return json.dumps(arguments, indent=2, ensure_ascii=False, default=str)
    except RecursionError:
        return "…"


def _title(name: str) -> str:
    return one_line(name, 60) or "tool"


def _hint(name: str, call: ToolCall | None, text: str, diff: str | None) -> str:
    if diff is not None:
        return diffs.changes(diff)
    if name == "write" and call and isinstance(content := call.arguments.get("content"), str):
        return figures.count(_lines(content), "line")
    return figures.count(_lines(text), "line") if text else ""


def _lines(text: str) -> int:
    return text.rstrip("\n").count("\n") + 1


def _diff(result: ToolResultMessage) -> str | None:
    match result.tool_name, result.details:
        case "edit", {"diff": str(diff)} if diff:
            return diff
        case _:
            return None


def _language(arguments: Mapping[str, Any]) -> str:
    path = next((path for key in ("path", "file_path") if isinstance(path := arguments.get(key), str)), "")
    return language_of(path) if path else ""


def _pair(edit: Any) -> tuple[str, str] | None:
    match edit:
        case {"oldText": str(old), "newText": str(new)}:
            return old, new
        case _:
            return None

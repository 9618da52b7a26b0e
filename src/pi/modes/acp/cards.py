"""The cards of a session's tool calls: opened when the model begins to write one, closed with its result."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from acp.schema import ToolCallProgress, ToolCallStart, ToolCallStatus, ToolCallUpdate

from pi.agent.tool import UNKNOWN_EFFECTS, Tool, ToolResult
from pi.modes.acp.calls import (
    ContentToolCallContent,
    Shown,
    changed_line,
    kind_of,
    output,
    raw_output,
    show_call,
    text_content,
)
from pi.modes.acp.clean import shown
from pi.modes.acp.feed import Feed


class Cards:
    """Providers may use an id twice in a conversation; the editor gets each once."""

    def __init__(self, feed: Feed, cwd: Path, tools: Callable[[], Sequence[Tool]]):
        self._feed = feed
        self._cwd = cwd
        self._tools = tools
        self._ids: dict[str, str] = {}  # of calls that aren't answered yet
        self._used: dict[str, int] = {}
        self._shown: dict[str, Shown] = {}
        self._running: list[str] = []  # began, and aren't over
        self._asked = 0

    def begin(self, id: str, name: str) -> None:
        """The model begins to write a call."""
        card = self._open(id)
        tool = self._tool(name)
        title = shown((tool.label if tool is not None else "") or name)
        kind = kind_of(name, tool, UNKNOWN_EFFECTS)
        self._feed.send(_start(card, title=title, kind=kind, status="pending"))

    def write(self, id: str, name: str, arguments: dict[str, Any], *, past: bool = False) -> None:
        """The model has written a call, or did so in the `past`."""
        call = show_call(name, arguments, self._tool(name), self._cwd, past=past)
        new = id not in self._ids
        card = self._open(id) if new else self._ids[id]
        self._shown[id] = call
        about: dict[str, Any] = {
            "kind": call.kind,
            "status": "pending",
            "content": call.diffs or None,
            "locations": call.locations or None,
            "raw_input": call.raw,
        }
        self._feed.send((_start if new else _progress)(card, title=call.title, **about))

    def run(self, id: str, name: str, arguments: dict[str, Any]) -> None:
        """A call is about to be asked about, and to run."""
        if id not in self._shown:
            self.write(id, name, arguments)
        self._running.append(id)
        self._feed.send(_progress(self._ids[id], status="in_progress"))

    def update(self, id: str, name: str, result: ToolResult) -> None:
        """What a running call has said so far."""
        if id in self._ids:
            self._feed.send(_progress(self._ids[id], content=output(name, result, is_error=False)))

    def end(self, id: str, name: str, result: ToolResult, *, is_error: bool) -> None:
        """A call has its result."""
        call = self._shown.pop(id, None)
        if id in self._running:
            self._running.remove(id)
        card = self._ids.pop(id, None)
        if card is None:
            return
        said = output(name, result, is_error=is_error)
        diffs = call.diffs if call is not None and not is_error else []
        status: ToolCallStatus = "failed" if is_error else "completed"
        fields: dict[str, Any] = {"content": diffs or said, "raw_output": raw_output(result)}
        if call is not None and (line := changed_line(result)) is not None and len(call.locations) == 1:
            fields["locations"] = [call.locations[0].model_copy(update={"line": line})]
        self._feed.send(_progress(card, status=status, **fields))

    def give_up(self) -> None:
        """The response failed: what it had begun to call never runs."""
        for id, card in list(self._ids.items()):
            if id not in self._running:
                self._feed.send(_progress(card, status="failed"))
                self._ids.pop(id)
                self._shown.pop(id, None)

    def question(self, title: str, message: str) -> tuple[ToolCallUpdate, bool]:
        """The call that a question is about: the one that was begun last, else a card of its own (True)."""
        running = self._running[-1] if self._running else None
        asked = [text_content("\n\n".join(part for part in (f"**{shown(title)}**", shown(message)) if part))]
        if running is not None and (call := self._shown.get(running)) is not None:
            return _update(self._ids[running], call, [*asked, *call.diffs]), False
        self._asked += 1
        card, name = f"question-{self._asked}", shown(title)
        content = [text_content(shown(message))] if message.strip() else []
        self._feed.send(_start(card, title=name, kind="other", status="pending", content=content or None))
        return ToolCallUpdate(
            tool_call_id=card, title=name, kind="other", status="pending", content=[*content]
        ), True

    def answered(self, card: str, answer: str | None) -> None:
        """A question with a card of its own is over."""
        content: list[ContentToolCallContent] = [] if answer is None else [text_content(shown(answer))]
        status: ToolCallStatus = "failed" if answer is None else "completed"
        self._feed.send(_progress(card, status=status, content=content or None))

    def _open(self, id: str) -> str:
        used = self._used[id] = self._used.get(id, 0) + 1
        card = self._ids[id] = shown(id) if used == 1 else f"{shown(id)}#{used}"
        return card

    def _tool(self, name: str) -> Tool | None:
        return next((tool for tool in self._tools() if tool.name == name), None)


def _update(card: str, call: Shown, content: list[Any]) -> ToolCallUpdate:
    return ToolCallUpdate(
        tool_call_id=card,
        title=call.title,
        kind=call.kind,
        status="pending",
        content=content,
        locations=call.locations or None,
        raw_input=call.raw,
    )


def _start(card: str, *, title: str, **fields: Any) -> ToolCallStart:
    return ToolCallStart(session_update="tool_call", tool_call_id=card, title=title, **fields)


def _progress(card: str, **fields: Any) -> ToolCallProgress:
    return ToolCallProgress(session_update="tool_call_update", tool_call_id=card, **fields)

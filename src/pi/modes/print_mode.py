"""Print mode: the last answer goes to stdout, everything else to stderr."""

import os
from collections.abc import Sequence
from typing import Any

from pi.harness.events import ModelFailover
from pi.harness.ui import NobodyThere, NoticeKind
from pi.llm.messages import AssistantMessage, Text, ToolResultMessage
from pi.platform.terminal import plain, say, write_all


def print_answer(message: AssistantMessage | None, end: Sequence[Any] = ()) -> int:
    """Write the answer's texts, a line each; the exit code is 0 only for a whole answer.

    Where a tool has ended the run, `end` is its result, and that is the answer.
    """
    if message is None:
        return 0
    if message.stop_reason in ("error", "aborted"):
        say(message.error_message or f"Request {message.stop_reason}")
        return 1
    content = end[0].content if end and isinstance(end[0], ToolResultMessage) else message.content
    texts = [block.text for block in content if isinstance(block, Text)]
    answer = "".join(f"{text}\n" for text in texts)
    write_all(1, (plain(answer) if os.isatty(1) else answer).encode("utf-8", "replace"))
    if message.stop_reason == "length":
        say("Warning: the answer was cut at the model's output limit. Ask it to go on with: pi -c -p 'Go on'")
        return 1
    return 0


class PrintUI(NobodyThere):
    """For extensions where nobody can answer: what they tell people goes to stderr."""

    def notify(self, text: str, kind: NoticeKind) -> None:
        say(text if kind == "info" else f"{kind.capitalize()}: {text}")


def tell_failover(event: Any) -> None:
    """Say on stderr when another model answers than before, and why."""
    if isinstance(event, ModelFailover):
        say(event.words)

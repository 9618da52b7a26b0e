"""What the demos share: how a session is shown on the screen."""

import os
from typing import Any

from pi.agent.events import MessageEnd, ToolExecutionEnd, ToolExecutionStart
from pi.harness.storage.entries import CustomMessage
from pi.llm.messages import AssistantMessage, Text, content_text
from pi.platform.terminal import plain, write_all
from pi.testing import Reply

SHOWN_LINES = 8  # of a tool's result


def with_text(text: str, reply: Reply) -> Reply:
    """A reply that says something before its calls."""
    return Reply(text=text, calls=reply.calls)


def show_event(event: Any) -> None:
    """What people see of an event."""
    match event:
        case MessageEnd(AssistantMessage() as message):
            for block in message.content:
                if isinstance(block, Text):
                    show(f"\nPi: {block.text}")
        case MessageEnd(CustomMessage(content=str(text))):
            show(f"  {text}")
        case ToolExecutionStart(tool_name=name, args=args):
            show(f"  [{name}] {args.get('command') or args.get('path') or ''}")
        case ToolExecutionEnd(result=result):
            for line in content_text(result.content).strip().splitlines()[-SHOWN_LINES:]:
                show(f"    | {line}")
        case _:
            pass


def show(text: str) -> None:
    """A line on stdout."""
    write_all(1, (plain(text) + os.linesep).encode("utf-8", "replace"))

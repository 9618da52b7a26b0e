"""Extensions show their own things in their own way: their lines stand in the place of a block's."""

from collections.abc import Callable
from typing import Any

from pi.harness.extensions.declarations import RenderKind
from pi.harness.extensions.on_screen import OnScreen
from pi.harness.storage.entries import CustomEntry, CustomMessage, CustomMessageEntry
from pi.llm.messages import AssistantMessage, ToolCall
from pi.modes.tui.blocks.block import Block
from pi.modes.tui.blocks.custom import RenderedBlock
from pi.modes.tui.blocks.tool import ToolBlock


def dress(on_screen: OnScreen, block: Block, shown: object) -> Block:
    """The block, or one of an extension that shows such things."""

    def by(kind: RenderKind, name: str, value: Callable[[], Any]) -> Block:
        if not on_screen.renders(kind, name):
            return block

        def make(width: int, look: Any) -> list[str] | None:
            given = value()
            return None if given is None else on_screen.render(kind, name, given)

        return RenderedBlock(make, block)

    match shown:
        case ToolCall(name=name) if isinstance(block, ToolBlock):
            return by("tool", name, lambda: block.result)
        case CustomMessage(custom_type=name) | CustomMessageEntry(custom_type=name):
            return by("message", name, lambda: shown)
        case CustomEntry(custom_type=name):
            return by("entry", name, lambda: shown)
        case AssistantMessage(text=text) if text:
            return by("markdown", "", lambda: text)
        case _:
            return block

"""How tool calls are shown: one renderer for each tool that we know, and one for all others."""

from pi.modes.tui.blocks.tools import bash, edit, find, generic, grep, ls, read, write
from pi.modes.tui.blocks.tools.shape import Renderer

_RENDERERS: dict[str, Renderer] = {
    "bash": bash.RENDERER,
    "edit": edit.RENDERER,
    "find": find.RENDERER,
    "grep": grep.RENDERER,
    "ls": ls.RENDERER,
    "read": read.RENDERER,
    "write": write.RENDERER,
}


def renderer_of(name: str) -> Renderer:
    """The renderer for calls of this tool."""
    return _RENDERERS.get(name, generic.RENDERER)

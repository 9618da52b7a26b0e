"""How things are shown: what the settings say, within what the terminal can do."""

import os
from collections.abc import Callable

from pi.harness.session import Session
from pi.modes.tui.blocks.block import Look
from pi.modes.tui.terminal.capabilities import has_links, has_unicode
from pi.modes.tui.terminal.gallery import Gallery
from pi.modes.tui.terminal.images import protocol


def look_of(session: Session, write: Callable[[str], None], *, expanded: bool = False) -> Look:
    """The look of a session; `write` sends pictures to terminals that show them."""
    settings, env = session.setup.settings, os.environ
    images = protocol(env, settings)
    return Look(
        cwd=session.store.cwd,
        expanded=expanded,
        thinking=not settings.flag("hideThinkingBlock"),
        pad=settings.number("outputPad"),
        code_indent=str(settings.get("markdown.codeBlockIndent")),
        images=images,
        image_width=settings.number("terminal.imageWidthCells"),
        gallery=Gallery(write) if images == "kitty" else None,
        links=has_links(env, settings),
        unicode=has_unicode(env),
    )

"""What the user said; a skill that was called is one line of it."""

import re
from collections.abc import Sequence

from pi.llm.messages import Image
from pi.modes.tui.blocks.block import Look
from pi.modes.tui.blocks.images import pictures
from pi.modes.tui.blocks.layout import Expandable, boxed, estimated, inner, to_expand
from pi.modes.tui.blocks.prose import prose
from pi.modes.tui.lines import EMPTY, Line, clean, wrap

_SKILL = re.compile(r'<skill name="([^"\n]*)"[^>\n]*>\n(.*?)\n</skill>(?:\n\n(.*))?', re.DOTALL)


class UserBlock(Expandable):
    """A message of the user's: its text as Markdown, its images."""

    kind = "user"
    fill = "on:userMessageBg"

    def __init__(self, text: str, images: Sequence[Image] = (), entry_id: str | None = None) -> None:
        super().__init__()
        self._text = text
        self._images = images
        if entry_id is not None:
            self.entry_id = entry_id

    def lines(self, width: int, look: Look) -> list[Line]:
        room = inner(width, look)
        is_open = self.is_open(look.expanded)
        out: list[Line] = []
        said = self._text
        if said.startswith("<skill ") and (skill := _SKILL.fullmatch(said.rstrip())):
            said = skill[3] or ""
            out += _skill(skill[1], skill[2] if is_open else "", room, look)
        if said.strip():
            out += [*([EMPTY] if out else []), *prose(said.strip("\n"), room, look, "userMessageText")]
        if shown := pictures(self._images, room, look):
            out += [*([EMPTY] if out else []), *shown]
        return boxed(out, look)

    def estimate(self, width: int) -> int:
        return 2 + estimated(len(self._text), width)

    def text(self) -> str:
        return self._text


def _skill(name: str, body: str, width: int, look: Look) -> list[Line]:
    label = (("[skill]", "bold customMessageLabel"), (f" {clean(name)}", "customMessageText"))
    if not body:
        return wrap((*label, *to_expand()), width)
    return [*wrap(label, width), EMPTY, *prose(body.strip("\n"), width, look, "customMessageText")]

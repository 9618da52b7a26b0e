"""What Pi itself says in the transcript: notices, and longer texts such as /hotkeys."""

from pi.harness.ui import NoticeKind
from pi.modes.tui.blocks.block import Block, Look
from pi.modes.tui.blocks.layout import estimated, inner, inset, wrapped
from pi.modes.tui.lines import EMPTY, Line, clean, wrap

_STYLES: dict[NoticeKind, str] = {"info": "dim", "warning": "warning", "error": "error"}
_NAMES: dict[NoticeKind, str] = {"info": "", "warning": "Warning: ", "error": "Error: "}
_MOST = 20_000  # characters


class NoticeBlock(Block):
    """A line for people."""

    kind = "notice"

    def __init__(self, text: str, kind: NoticeKind = "info") -> None:
        super().__init__()
        self._text = text
        self._kind: NoticeKind = kind

    def lines(self, width: int, look: Look) -> list[Line]:
        text = self._text.strip("\n")
        if len(text) > _MOST:
            text = text[:_MOST] + "…"
        name = _NAMES[self._kind]
        if name and not text.lower().startswith(self._kind):
            text = name + text
        return inset(wrapped(text, inner(width, look), _STYLES[self._kind]), look)

    def estimate(self, width: int) -> int:
        return estimated(len(self._text), width)

    def text(self) -> str:
        return self._text


class MarkdownBlock(Block):
    """A longer text, between two rules."""

    kind = "notice"

    def __init__(self, source: str, title: str = "") -> None:
        super().__init__()
        self._source = source
        self._title = title

    def lines(self, width: int, look: Look) -> list[Line]:
        from pi.modes.tui.markdown.render import markdown

        rule: Line = (("─" * width if look.unicode else "-" * width, "borderMuted"),)
        room = inner(width, look)
        title = wrap(((clean(self._title), "bold accent"),), room) if self._title else []
        body = markdown(self._source, room)
        return [rule, *inset([*title, *([EMPTY] if title else []), *body], look), rule]

    def estimate(self, width: int) -> int:
        return 4 + estimated(len(self._source), width)

    def text(self) -> str:
        return f"{self._title}\n{self._source}"

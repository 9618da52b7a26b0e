"""What the model said and thought: built as it comes, or from a whole message."""

from typing import Literal

from pi.llm.messages import AssistantMessage, Text, Thinking
from pi.modes.tui.blocks.block import Look
from pi.modes.tui.blocks.growing import Growing
from pi.modes.tui.blocks.layout import Expandable, estimated, inner, inset, wrapped
from pi.modes.tui.blocks.prose import prose
from pi.modes.tui.lines import EMPTY, Line

Kind = Literal["text", "thinking"]

_STYLES: dict[Kind, str] = {"text": "", "thinking": "italic thinkingText"}
_CHARS_PER_TOKEN = 4  # roughly, to say how long a thought is
_TOLD_TOKENS = 10
_MOST = 400_000  # characters of one text, when it is shown after it has come
_MOST_ROW = 20_000  # characters of one line of it
_MOST_ERROR = 5000  # characters
_ABORTED = "Operation aborted"


class _Section:
    """One content block of the message."""

    __slots__ = ("growing", "index", "kind", "pieces", "size")

    def __init__(self, kind: Kind, index: int, text: str) -> None:
        self.kind: Kind = kind
        self.index = index
        self.pieces = [text]
        self.size = len(text)
        self.growing: Growing | None = None  # only while it comes

    def text(self) -> str:
        return "".join(self.pieces)


class AssistantBlock(Expandable):
    """A message of the model's without its tool calls, which are blocks of their own.

    While the message comes, `lines` gives the same list again and a frame costs what is new.
    To toggle it shows or hides its thinking.
    """

    kind = "assistant"

    def __init__(self, message: AssistantMessage | None = None) -> None:
        super().__init__()
        self._general = True  # thinking is shown
        self._sections: list[_Section] = []
        self._message: AssistantMessage | None = message
        self._coming = False
        self._out: list[Line] = []
        self._kept = 0  # lines of sections that are complete
        self._kept_sections = 0
        self._drawn: tuple[int, Look, bool] | None = None
        if message is not None:
            self._sections = _sections(message)

    def begin(self, message: AssistantMessage) -> None:
        """The model begins to answer."""
        self._message = message
        self._sections = _sections(message)
        self._coming = True
        self._forget()

    def add_thinking(self, index: int, delta: str) -> None:
        """The model thinks; `index` is that of the content block."""
        self._add("thinking", index, delta)

    def add_text(self, index: int, delta: str) -> None:
        """The model speaks; `index` is that of the content block."""
        self._add("text", index, delta)

    def end(self, message: AssistantMessage) -> None:
        """The message is complete; what it holds counts, whatever has come before."""
        self._message = message
        self._coming = False
        came, drawn = self._sections, self._drawn
        self._sections = _sections(message)
        self._forget()
        self._drawn = drawn
        for section, before in zip(self._sections, came, strict=False):
            if before.kind == section.kind and before.text().rstrip() == section.text():
                section.growing = before.growing  # its lines needn't be made again

    @property
    def empty(self) -> bool:
        """Whether there is nothing to see of it."""
        return not self._sections and _ending(self._message) is None

    def lines(self, width: int, look: Look) -> list[Line]:
        thinking = self.is_open(look.thinking)
        if self._drawn != (width, look, thinking):
            self._forget_lines()
            self._drawn = (width, look, thinking)
        out = self._out
        del out[self._kept :]
        for number in range(self._kept_sections, len(self._sections)):
            lines = self._lines_of(number, width, look, thinking)
            if lines and out:
                out.append(EMPTY)
            out += lines
            if self._coming and number < len(self._sections) - 1:
                self._kept, self._kept_sections = len(out), number + 1
        if (ending := _ending(self._message)) is not None:
            room = inner(width, look)
            out += [*([EMPTY] if out else []), *inset(wrapped(ending[0], room, ending[1]), look)]
        if not self._coming:
            self._forget_lines()  # whoever shows it keeps them
        return out

    def estimate(self, width: int) -> int:
        return sum(1 + estimated(section.size, width) for section in self._sections)

    def text(self) -> str:
        ending = _ending(self._message)
        return "\n\n".join(
            [*(section.text() for section in self._sections), *([ending[0]] if ending else [])]
        )

    def answer(self) -> str:
        """What it said without what it thought, to copy it."""
        return "\n\n".join(section.text() for section in self._sections if section.kind == "text")

    def _add(self, kind: Kind, index: int, delta: str) -> None:
        last = self._sections[-1] if self._sections else None
        if last is not None and last.kind == kind and last.index == index:
            last.pieces.append(delta)
            last.size += len(delta)
            if last.growing is not None:
                last.growing.feed(delta)
        elif delta := delta.lstrip():  # what begins with empty lines, or is nothing else, begins later
            self._sections.append(_Section(kind, index, delta))
        else:
            return
        self.touch()

    def _lines_of(self, number: int, width: int, look: Look, thinking: bool) -> list[Line]:
        section = self._sections[number]
        if section.kind == "thinking" and not thinking:
            if number and self._sections[number - 1].kind == "thinking":
                return []
            count = section.size // _CHARS_PER_TOKEN
            tokens = f" (~{count:,} tokens)" if count >= _TOLD_TOKENS else ""
            return inset([(("Thinking…", _STYLES["thinking"]), (tokens, "dim"))], look)
        if not self._coming and section.growing is None:
            style, room = _STYLES[section.kind], inner(width, look)
            lines = prose(section.text(), room, look, style, most=_MOST, most_row=_MOST_ROW)
            return inset(lines, look)
        if section.growing is None:
            section.growing = Growing(section.text(), width, look, _STYLES[section.kind])
        if not self._coming or number < len(self._sections) - 1:
            section.growing.finish()
        return section.growing.lines()

    def _forget(self) -> None:
        self._forget_lines()
        self.touch()

    def _forget_lines(self) -> None:
        self._out = []
        self._kept = self._kept_sections = 0
        self._drawn = None
        for section in self._sections:
            section.growing = None


def _sections(message: AssistantMessage) -> list[_Section]:
    out: list[_Section] = []
    for index, block in enumerate(message.content):
        match block:
            case Text(text=text) if text and not text.isspace():
                out.append(_Section("text", index, text.strip()))
            case Thinking(thinking=text) if text and not text.isspace():
                out.append(_Section("thinking", index, text.strip()))
            case _:
                pass
    return out


def _ending(message: AssistantMessage | None) -> tuple[str, str] | None:
    """What is said below the message when it hasn't ended well, and its style."""
    if message is None:
        return None
    said = (message.error_message or "")[:_MOST_ERROR].strip()
    match message.stop_reason:
        case "aborted" if not said or said == "Request was aborted":
            return _ABORTED, "error"
        case "aborted":
            return said if "aborted" in said.lower() else f"{_ABORTED}: {said}", "error"
        case "error" if said == "This operation was aborted":  # while a tool ran
            return _ABORTED, "error"
        case "error":
            return f"Error: {said or 'the model gave no reason.'}", "error"
        case "length":
            return "The response was cut off: it reached the model's output limit.", "warning"
        case _:
            return None

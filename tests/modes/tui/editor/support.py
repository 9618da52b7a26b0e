"""An editor as people use it: keys by their names, text as it is to be seen."""

from pathlib import Path

from pi.modes.tui.editor.completions import Completions
from pi.modes.tui.editor.editor import Editor
from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import text_of, width_of

KEYMAP = Keymap.load(Path("/nonexistent"), [])


def editor(text: str = "", completions: Completions | None = None) -> Editor:
    """With a text, the cursor at its end."""
    made = Editor(KEYMAP, completions)
    made.text = text
    return made


def press(made: Editor, *names: str) -> None:
    """Press keys by their names."""
    for name in names:
        made.key(Key(name, " " if name == "space" else name if len(name) == 1 else ""))


def type_in(made: Editor, text: str) -> None:
    """Type a text."""
    for char in text:
        made.key(Key("space" if char == " " else char, char))


def see(made: Editor, width: int = 40, height: int = 20) -> list[str]:
    """The lines; none is too long, and there aren't too many."""
    lines = made.lines(width, height)
    assert [text_of(line) for line in lines if width_of(line) > width] == []
    assert len(lines) <= height
    return [text_of(line).rstrip() for line in lines]


def with_cursor(made: Editor) -> str:
    """The text with a bar where the cursor is."""
    lines = made.text.split("\n")
    line, column = made.place
    lines[line] = f"{lines[line][:column]}|{lines[line][column:]}"
    return "\n".join(lines)

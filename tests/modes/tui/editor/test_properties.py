"""Whatever keys are pressed, the cursor stays in the text, and undo brings the earlier text back."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from pi.modes.tui.editor.editor import Editor
from pi.modes.tui.editor.layout import wrapped
from pi.modes.tui.editor.pastes import tidy
from pi.modes.tui.keys.key import Key
from pi.modes.tui.lines import cells
from tests.modes.tui.editor.support import KEYMAP, editor, press, see, type_in

EDITING = """cursorUp cursorDown cursorLeft cursorRight cursorWordLeft cursorWordRight cursorLineStart
cursorLineEnd pageUp pageDown deleteCharBackward deleteCharForward deleteWordBackward deleteWordForward
deleteToLineStart deleteToLineEnd yank yankPop undo"""
KEYS = [KEYMAP.keys(f"tui.editor.{name}")[0] for name in EDITING.split()] + ["shift+enter"]
TYPED = ["type a", "type b", "type  ", "type .", "type 日", "type e\u0301", "type 👩\u200d💻"]
PASTED = ["paste short\nlines", "paste " + "long\n" * 12]
STEPS = st.lists(st.sampled_from(KEYS + TYPED + PASTED), max_size=60)


def _do(made: Editor, step: str) -> None:
    kind, _, text = step.partition(" ")
    if kind == "paste":
        made.paste(text)
    elif kind == "type":
        made.key(Key(text, text))
    else:
        press(made, step)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.integers(3, 30))
def test_the_cursor_stays_in_the_text(steps: list[str], width: int) -> None:
    made = editor("Some text\nof lines")
    for step in steps:
        _do(made, step)
        see(made, width, 7)
        buffer = made._buffer
        line, column = made.place
        assert 0 <= line < len(buffer.lines) and 0 <= column <= len(buffer.lines[line])
        assert not any(start < column < end for start, end in buffer.pastes.extents(buffer.line))
        assert made.text == "\n".join(buffer.lines)
        rows = [len(buffer.layout.starts(line)) for line in buffer.lines]
        assert buffer.layout.total == sum(rows)
        cursor = made.cursor()
        assert cursor is not None and cursor[1] < width


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_undo_goes_back_to_where_it_began(steps: list[str]) -> None:
    made = editor()
    for step in steps:
        if step != "ctrl+-":
            _do(made, step)
    for _ in range(len(steps) * 2):
        press(made, "ctrl+-")
    assert (made.text, made.place) == ("", (0, 0))


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_a_text_comes_back_as_it_was_set(text: str) -> None:
    made = editor(text)
    assert made.text == tidy(text) == tidy(made.text)
    made.clear()
    assert made.text == ""


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab  -日e\u0301"), max_size=60), st.integers(2, 12))
def test_rows_are_the_whole_line_and_none_is_too_wide(line: str, width: int) -> None:
    starts = wrapped(line, width, [])
    rows = [line[start:end] for start, end in zip(starts, (*starts[1:], len(line)), strict=True)]
    assert "".join(rows) == line
    assert all(cells(row) <= width or (cells(row[:-1]) == width and row[-1] == " ") for row in rows)


def test_a_key_costs_the_lines_it_changes() -> None:
    made = editor("\n".join("some words " * random.Random(1).randrange(20) for _ in range(10_000)))
    see(made)
    counted: list[str] = []
    layout = made._buffer.layout
    count = layout._count
    layout._count = lambda line: counted.append(line) or count(line)  # type: ignore[method-assign]
    type_in(made, "some")
    press(made, "up", "ctrl+j", "backspace")
    see(made)
    assert len(counted) < 10

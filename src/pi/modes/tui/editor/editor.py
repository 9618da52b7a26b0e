"""The prompt editor: keys in, lines out, with history and completions."""

from collections.abc import Callable
from typing import Literal

from pi.modes.tui.editor.buffer import Buffer, Place
from pi.modes.tui.editor.completions import Completions, Item, Spot
from pi.modes.tui.editor.history import Draft, History
from pi.modes.tui.editor.pastes import tidy
from pi.modes.tui.editor.view import View
from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import EMPTY, Line

Step = Callable[[Buffer], Place]

_MOVES: dict[str, Step] = {
    "tui.editor.cursorLeft": Buffer.left,
    "tui.editor.cursorRight": Buffer.right,
    "tui.editor.cursorWordLeft": Buffer.word_left,
    "tui.editor.cursorWordRight": Buffer.word_right,
    "tui.editor.cursorLineStart": Buffer.line_start,
    "tui.editor.cursorLineEnd": Buffer.line_end,
}
_DELETIONS: dict[str, Step] = {
    "tui.editor.deleteCharBackward": Buffer.left,
    "tui.editor.deleteCharForward": Buffer.right,
}
_KILLS: dict[str, Step] = {
    "tui.editor.deleteWordBackward": Buffer.word_left,
    "tui.editor.deleteWordForward": Buffer.word_right,
    "tui.editor.deleteToLineStart": Buffer.rest_before,
    "tui.editor.deleteToLineEnd": Buffer.rest_behind,
}
_LIST = (
    "tui.select.up",
    "tui.select.down",
    "tui.select.pageUp",
    "tui.select.pageDown",
    "tui.input.tab",
    "tui.select.confirm",
    "tui.select.cancel",
)
_ALSO = {
    "shift+backspace": "tui.editor.deleteCharBackward",
    "shift+delete": "tui.editor.deleteCharForward",
}
_JUMPS = ("tui.editor.jumpForward", "tui.editor.jumpBackward")


class Editor:
    """`changed` is called when it looks different without a key, `on_change` when the text is another.

    `on_submit` gets the text with its pastes, without space around it; the editor is empty by then. Adding it
    to `history` is left to whoever takes it.
    """

    def __init__(
        self,
        keymap: Keymap,
        completions: Completions | None = None,
        *,
        max_visible: int = 5,
        padding: int = 0,
    ):
        self.max_visible = max_visible
        self.padding = padding
        self.border = "border"
        self.label: Line = EMPTY
        self.placeholder = ""
        self.history = History()
        self.on_submit: Callable[[str], None] = lambda text: None
        self.on_change: Callable[[], None] = lambda: None
        self.changed: Callable[[], None] = lambda: None
        self.completions = Completions(()) if completions is None else completions
        self.completions.changed = lambda: self.changed()
        self.completions.single = self._accept
        self.keymap = keymap
        self._buffer = Buffer()
        self._view = View(self._buffer)
        self._jump: Literal["", "forward", "backward"] = ""
        self._listed = 0  # rows of completions that are shown
        self._others: dict[str, Callable[[], None]] = {
            "tui.editor.undo": self._undo,
            "tui.input.tab": self._tab,
            "tui.editor.yank": self._yank,
            "tui.editor.yankPop": self._yank_pop,
            "tui.editor.historyPrevious": self._older,
            "tui.editor.historyNext": self._newer,
            "tui.input.newLine": self._new_line,
            "tui.input.submit": self._enter,
            "tui.editor.cursorUp": self._up,
            "tui.editor.cursorDown": self._down,
            "tui.editor.pageUp": self._page_up,
            "tui.editor.pageDown": self._page_down,
            "tui.editor.jumpForward": self._jump_forward,
            "tui.editor.jumpBackward": self._jump_backward,
        }
        self._actions = (*_KILLS, *_DELETIONS, *_MOVES, *self._others)

    @property
    def text(self) -> str:
        """What stands in it, long pastes as markers."""
        return self._buffer.text

    @text.setter
    def text(self, text: str) -> None:
        self.history.leave()
        self.completions.close()
        self._buffer.set(tidy(text))
        self.on_change()

    @property
    def expanded(self) -> str:
        """The text with what was pasted."""
        return self._buffer.pastes.expand(self._buffer.text)

    @property
    def mode(self) -> Literal["prompt", "bash"]:
        """Whether it is a command for the shell."""
        return "bash" if self._buffer.lines[0].lstrip().startswith("!") else "prompt"

    @property
    def completing(self) -> bool:
        """Whether there is a list of completions, which has the keys that choose in lists."""
        return self.completions.open

    @property
    def place(self) -> Place:
        """Line and character of the cursor."""
        return self._buffer.place

    # What is shown.

    def lines(self, width: int, height: int) -> list[Line]:
        """Border, text, border, completions; the text scrolls so that the cursor is to be seen."""
        list_rows = min(self.max_visible, max(0, height - 3))
        if self.completions.height(list_rows) > max(0, height - 3):
            list_rows -= 1
        self._listed = list_rows
        listed = self.completions.lines(max(1, width), list_rows) if list_rows > 0 else []
        style = "bashMode" if self.mode == "bash" else self.border
        return (
            self._view.lines(width, height - len(listed), self.padding, style, self.label, self.placeholder)
            + listed
        )

    def height(self, width: int, share: int) -> int:
        """How many lines it would like, with `share` for the text and its borders at most."""
        text = min(self._view.height(width, self.padding), max(3, share))
        return text + self.completions.height(self.max_visible)

    def cursor(self) -> tuple[int, int] | None:
        """Line and column of the cursor in what `lines` gave last."""
        return self._view.cursor

    def click(self, line: int, column: int) -> None:
        """The mouse was pressed: the cursor goes there, or what is there is accepted."""
        below = line - self._view.shown - 2
        if below >= 0:
            chosen = self.completions.choose(below, self._listed)
            if chosen and (item := self.completions.selected) is not None:
                self._take(item)
            return
        place = self._view.at(line, column)
        if place is not None:
            self.history.leave()
            self._buffer.go(place)
            self.completions.close()

    # What changes it from outside.

    def paste(self, text: str) -> None:
        """Text was pasted; a path gets a space before it, a long text becomes a marker."""
        text = tidy(text)
        if not text:
            return
        before = self._buffer.before[-1:]
        if text[0] in "/~." and (before.isalnum() or before == "_"):
            text = f" {text}"
        self._edited(lambda: self._buffer.paste(text))

    def insert(self, text: str) -> None:
        """Put a text before the cursor, as it is."""
        self._edited(lambda: self._buffer.insert(tidy(text)))

    def clear(self) -> None:
        """Empty it for good: nothing can be undone."""
        self.history.leave()
        self.completions.close()
        self._buffer.reset()
        self.on_change()

    # Keys.

    def key(self, key: Key) -> bool:
        """Whether the key meant something here."""
        if self._jump and (used := self._jumped(key)) is not None:
            return used
        if self.keymap.means(key, "tui.input.copy"):
            return False
        if self.completions.open and self._chosen(key):
            return True
        action = self.keymap.action(key, self._actions) or _ALSO.get(key.name)
        if action is None:
            return self._typed(key.text)
        if action in _MOVES:
            self._moved(lambda: self._buffer.go(_MOVES[action](self._buffer)))
        elif action in _DELETIONS:
            self._edited(lambda: self._buffer.delete(_DELETIONS[action](self._buffer)), look=True)
        elif action in _KILLS:
            self._edited(lambda: self._buffer.kill(_KILLS[action](self._buffer)), look=True)
        else:
            if action == "tui.input.newLine" and self._submits_after_all(key):
                action = "tui.input.submit"
            self._others[action]()
        return True

    def _typed(self, text: str) -> bool:
        typed = tidy(text)
        if not typed or "\n" in typed:
            return False
        self._edited(lambda: self._buffer.type(typed), look=True)
        return True

    def _chosen(self, key: Key) -> bool:
        """Keys for the list of completions."""
        action = self.keymap.action(key, _LIST)
        match action:
            case "tui.select.up" | "tui.select.down":
                self.completions.move(-1 if action == "tui.select.up" else 1)
            case "tui.select.pageUp" | "tui.select.pageDown":
                self.completions.turn(
                    -self.max_visible if action == "tui.select.pageUp" else self.max_visible
                )
            case "tui.select.cancel":
                self.completions.close()
            case "tui.input.tab" | "tui.select.confirm":
                item = self.completions.selected
                return item is not None and self._take(item, sends=action == "tui.select.confirm")
            case _:
                return False
        return True

    def _take(self, item: Item, *, sends: bool = False) -> bool:
        """Accept an item; whether the key that did it has done all it can."""
        before = self._buffer.text.rstrip()
        self._accept(item)
        if sends and item.submits:
            self.submit()
        return not sends or item.submits or self._buffer.text.rstrip() != before

    def _accept(self, item: Item) -> None:
        buffer = self._buffer
        line, column = buffer.place
        rest = buffer.line[column:]
        end = column
        if item.value.endswith('"') and rest.startswith('"'):
            end += 1
        behind = "" if item.behind and buffer.line[end:].startswith(item.behind) else item.behind
        start = (line, max(0, column - len(self.completions.prefix)))
        self._edited(lambda: buffer.replace(start, (line, end), item.value + behind))
        if item.back:
            buffer.go((line, buffer.place[1] - item.back))
        elif item.behind and not behind:
            buffer.go(buffer.right())
        if item.again:
            self._look()

    def _look(self, *, forced: bool = False, now: bool = False) -> None:
        buffer = self._buffer
        self.completions.look(Spot(buffer.before, buffer.place[0] == 0, forced, now))

    def _edited(self, change: Callable[[], None], *, look: bool = False) -> None:
        """Change the text; with `look` what was open or could be is searched for, else the list is closed."""
        self.history.leave()
        change()
        if look:
            self._look(forced=self.completions.forced)
        else:
            self.completions.close()
        self.on_change()

    def _moved(self, move: Callable[[], None]) -> None:
        move()
        if self.completions.open:
            self._look(forced=self.completions.forced)

    def _jumped(self, key: Key) -> bool | None:
        """The key after a jump says where to; None when it means something else."""
        forward, self._jump = self._jump == "forward", ""
        if self.keymap.action(key, _JUMPS):
            return True
        wanted = tidy(key.text)
        if not wanted or "\n" in wanted:
            return None
        place = self._buffer.find(wanted, forward=forward)
        if place is not None:
            self._moved(lambda: self._buffer.go(place))
        return True

    def _submits_after_all(self, key: Key) -> bool:
        """Where shift+enter sends and enter breaks the line, a backslash before enter sends."""
        names = self.keymap.keys("tui.input.submit")
        if key.name != "enter" or "shift+enter" not in names or not self._buffer.before.endswith("\\"):
            return False
        self._buffer.delete(self._buffer.left())
        return True

    # The other actions.

    def submit(self) -> None:
        """Send what stands in it; with nothing in it nothing happens."""
        text = self.expanded.strip()
        self.clear()
        if text:
            self.on_submit(text)

    def _enter(self) -> None:
        if self._buffer.before.endswith("\\"):
            self._buffer.delete(self._buffer.left())
            self._new_line()
        else:
            self.submit()

    def _new_line(self) -> None:
        self._edited(lambda: self._buffer.insert("\n"))

    def _tab(self) -> None:
        self._look(forced=True, now=True)

    def _undo(self) -> None:
        self._edited(self._buffer.undo, look=self.completions.open)

    def _yank(self) -> None:
        self._edited(self._buffer.yank)

    def _yank_pop(self) -> None:
        self._edited(self._buffer.yank_pop)

    def _up(self) -> None:
        buffer = self._buffer
        if buffer.row() > 0:
            self._moved(lambda: buffer.vertical(-1))
        elif buffer.empty or self.history.browsing or buffer.place == (0, 0):
            self._older()
        else:
            self._moved(lambda: buffer.go((0, 0)))

    def _down(self) -> None:
        buffer = self._buffer
        if buffer.row() < buffer.layout.total - 1:
            self._moved(lambda: buffer.vertical(1))
        elif self.history.browsing:
            self._newer()
        else:
            self._moved(lambda: buffer.go(buffer.end))

    def _page_up(self) -> None:
        self._moved(lambda: self._buffer.vertical(-max(1, self._view.shown)))

    def _page_down(self) -> None:
        self._moved(lambda: self._buffer.vertical(max(1, self._view.shown)))

    def _older(self) -> None:
        self._show(self.history.older(Draft(self._buffer.text, self._buffer.place)), at_start=True)

    def _newer(self) -> None:
        self._show(self.history.newer(), at_start=False)

    def _show(self, draft: Draft | None, *, at_start: bool) -> None:
        self.completions.close()
        if draft is None:
            return
        joined = self._buffer.last == "history"
        place = draft.place or ((0, 0) if at_start else None)
        self._buffer.set(tidy(draft.text) if draft.place is None else draft.text, place, join=joined)
        self._buffer.last = "history"
        self.on_change()

    def _jump_forward(self) -> None:
        self._jump = "forward"

    def _jump_backward(self) -> None:
        self._jump = "backward"

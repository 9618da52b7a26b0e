"""A one-line text that is edited with the editor's keys: search fields, answers, secrets."""

from collections.abc import Callable

from pi.modes.tui.editor.kill_ring import KillRing
from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import Line, cells, clean, clip, cut
from pi.modes.tui.panels.steps import after, before, word_after, word_before

Step = Callable[[str, int], int]  # from a text and a place in it to another place


def _start(text: str, at: int) -> int:
    return 0


def _end(text: str, at: int) -> int:
    return len(text)


_MOVES: dict[str, Step] = {
    "tui.editor.cursorLeft": before,
    "tui.editor.cursorRight": after,
    "tui.editor.cursorWordLeft": word_before,
    "tui.editor.cursorWordRight": word_after,
    "tui.editor.cursorLineStart": _start,
    "tui.editor.cursorLineEnd": _end,
}
_DELETIONS: dict[str, Step] = {
    "tui.editor.deleteCharBackward": before,
    "tui.editor.deleteCharForward": after,
}
_KILLS: dict[str, Step] = {
    "tui.editor.deleteWordBackward": word_before,
    "tui.editor.deleteWordForward": word_after,
    "tui.editor.deleteToLineStart": _start,
    "tui.editor.deleteToLineEnd": _end,
}
_OTHERS = ("tui.editor.yank", "tui.editor.yankPop", "tui.editor.undo")
_ACTIONS = (*_MOVES, *_DELETIONS, *_KILLS, *_OTHERS)
_MOST_UNDO = 200


class LineInput:
    """The text, its cursor, and how both are shown: a secret as dots, without `focused` no cursor."""

    def __init__(self, keymap: Keymap, text: str = "", *, placeholder: str = "", secret: bool = False):
        self.placeholder = placeholder
        self.secret = secret
        self.focused = True
        self.column = 0  # of the cursor, in what `line` gave last
        self._keymap = keymap
        self._text = text
        self._at = len(text)
        self._first = 0  # the first character that is shown
        self._undo: list[tuple[str, int]] = []
        self._killed = KillRing()
        self._last = ""  # what the last key did: kills join, typing is undone by words
        self._yanked = ""

    @property
    def text(self) -> str:
        """What was typed; setting it puts the cursor behind it."""
        return self._text

    @text.setter
    def text(self, text: str) -> None:
        self._text, self._at, self._last = text, len(text), ""
        self._undo.clear()

    @property
    def at(self) -> int:
        """Where the cursor is, in characters."""
        return self._at

    def key(self, key: Key) -> bool:
        """Whether the key meant something here."""
        action = self._keymap.action(key, _ACTIONS)
        if action is None:
            return self._typed(key.text)
        if action in _MOVES:
            self._at = _MOVES[action](self._text, self._at)
        elif action in _DELETIONS:
            self._delete(_DELETIONS[action](self._text, self._at))
        elif action in _KILLS:
            self._kill(_KILLS[action](self._text, self._at), joined=self._last in _KILLS)
        else:
            self._other(action)
        self._last = action
        return True

    def paste(self, text: str) -> None:
        """Insert a text; its lines are joined by spaces."""
        self._save()
        self._insert(clean(" ".join(text.strip("\r\n").splitlines())))
        self._last = ""

    def line(self, width: int) -> Line:
        """What is to be seen of it in `width` cells, the cursor always; it is as long as it needs to be."""
        width = max(2, width)
        if not self._text:
            self.column = 0
            return self._empty(width)
        text = "•" * len(self._text) if self.secret else self._text
        at = self._at
        self._first = min(self._first, at)
        under = text[at : after(text, at)] or " "
        while cells(text[self._first : at]) + cells(under) > width:
            self._first = after(text, self._first)
        head = text[self._first : at]
        self.column = cells(head)
        if not self.focused:
            return ((cut(text[self._first :], width)[0], ""),)
        room = width - self.column - cells(under)
        tail, _ = cut(text[at + len(under) :], max(0, room))
        return tuple(span for span in ((head, ""), (under, "reverse"), (tail, "")) if span[0])

    def _empty(self, width: int) -> Line:
        shown = clip(((self.placeholder, "dim"),), width)[0][0]
        if not self.focused:
            return ((shown, "dim"),) if shown else ()
        under = shown[: after(shown, 0)] or " "
        return (
            (under, "dim reverse" if shown else "reverse"),
            *(((rest, "dim"),) if (rest := shown[len(under) :]) else ()),
        )

    def _typed(self, text: str) -> bool:
        typed = clean(text)
        if not typed:
            return False
        if self._last != "typed" or typed.isspace():
            self._save()
        self._insert(typed)
        self._last = "typed"
        return True

    def _insert(self, text: str) -> None:
        self._text = self._text[: self._at] + text + self._text[self._at :]
        self._at += len(text)

    def _delete(self, other: int) -> str:
        start, end = sorted((self._at, other))
        gone = self._text[start:end]
        if gone:
            self._save()
            self._text = self._text[:start] + self._text[end:]
            self._at = start
        return gone

    def _kill(self, other: int, *, joined: bool) -> None:
        backward = other < self._at
        gone = self._delete(other)
        if gone and not self.secret:  # a secret stays where it was typed
            self._killed.push(gone, joined=joined, in_front=backward)

    def _other(self, action: str) -> None:
        match action:
            case "tui.editor.undo":
                if self._undo:
                    self._text, self._at = self._undo.pop()
            case "tui.editor.yank":
                if self._killed:
                    self._yank(self._killed.last)
            case _:
                if self._last in _OTHERS[:2] and len(self._killed) > 1 and self._yanked:
                    self._killed.rotate()
                    self._text, self._at = self._undo.pop()
                    self._yank(self._killed.last)

    def _yank(self, text: str) -> None:
        self._save()
        self._insert(text)
        self._yanked = text

    def _save(self) -> None:
        self._undo.append((self._text, self._at))
        del self._undo[:-_MOST_UNDO]

"""The search line: what is typed looks through the transcript, keys step through what was found."""

from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import Line, clip
from pi.modes.tui.panels.line_input import LineInput
from pi.modes.tui.transcript.scroll import Transcript
from pi.modes.tui.transcript.search import Search

_ACTIONS = ("tui.altScreen.searchClose", "tui.altScreen.searchPrevious", "tui.altScreen.searchNext")


class SearchLine:
    """Open until Escape; the transcript then stays where the search led."""

    def __init__(self, keymap: Keymap, transcript: Transcript):
        self.search = Search(transcript)
        self._keymap = keymap
        self._input = LineInput(keymap)

    def key(self, key: Key) -> bool:
        """Whether the search goes on."""
        match self._keymap.action(key, _ACTIONS):
            case "tui.altScreen.searchClose":
                return False
            case "tui.altScreen.searchPrevious":
                self.search.step(-1)
            case "tui.altScreen.searchNext":
                self.search.step(1)
            case _:
                before = self._input.text
                self._input.key(key)
                if self._input.text != before:
                    self.search.find(self._input.text)
        return True

    def paste(self, text: str) -> None:
        """Search for what was pasted."""
        self._input.paste(text.partition("\n")[0])
        self.search.find(self._input.text)

    def line(self, width: int) -> Line:
        """The search line itself."""
        found = self.search
        count = (
            f"{found.chosen + 1}/{len(found.matches)}" if found.matches else "nothing" if found.query else ""
        )
        hints = "  ".join(
            f"{self._keymap.label(action)} {what}"
            for action, what in (
                ("tui.altScreen.searchNext", "next"),
                ("tui.altScreen.searchPrevious", "previous"),
                ("tui.altScreen.searchClose", "close"),
            )
            if self._keymap.label(action)
        )
        shown = self._input.line(max(10, width // 3))
        return clip(
            ((" Search ", "accent bold"), *shown, (f"  {count}", "muted"), (f"  {hints}", "dim")), width
        )

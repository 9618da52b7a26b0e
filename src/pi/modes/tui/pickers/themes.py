"""The selector of themes: each is shown while one moves through them."""

from collections.abc import Callable, Sequence

from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import clean
from pi.modes.tui.panels.picker import Picker, Row
from pi.modes.tui.stage import Stage
from pi.platform.errors import ConfigError

_PAIR = "light/dark"
_ABOUT = {
    "system": "the colours of your terminal",
    "dark": "for dark terminals",
    "light": "for light terminals",
    _PAIR: "one of the two, as your terminal is",
}


class ThemePicker(Picker):
    """`preview` is called with each theme that is selected; it raises ConfigError for one that is broken."""

    def __init__(self, keymap: Keymap, names: Sequence[str], current: str, preview: Callable[[str], None]):
        rows = [
            Row(name, clean(name), _ABOUT.get(name, ""), mark="✓" if name == current else "")
            for name in names
        ]
        super().__init__(keymap, "Theme", rows, selected=current, hints=[("tui.select.confirm", "use")])
        self._preview = preview
        self._previewed = current

    def key(self, key: Key) -> None:
        super().key(key)
        self._show()

    def paste(self, text: str) -> None:
        super().paste(text)
        self._show()

    def _show(self) -> None:
        row = self.selected
        if row is None or row.id == self._previewed or self.answer.done():
            return
        self._previewed = row.id
        try:
            self._preview(row.id)
            self.note = ""
        except ConfigError as error:
            self.note = str(error)


async def pick_theme(stage: Stage) -> str | None:
    """Let people choose; None when they don't: then the theme is the one before."""
    before = stage.themes.wish
    names = dict.fromkeys((*stage.themes.names(), _PAIR, before))
    row = await stage.ask(ThemePicker(stage.keymap, list(names), before, stage.use_theme))
    try:
        stage.use_theme(before if row is None else row.id)
    except ConfigError:
        if row is not None:
            stage.use_theme(before)
            raise
    return None if row is None else row.id

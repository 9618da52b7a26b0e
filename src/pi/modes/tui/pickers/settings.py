"""The table of settings: Enter or Space goes to the next value, or asks for one."""

from collections.abc import Callable, Sequence
from typing import Any

from pi.harness.settings import Settings
from pi.modes.tui.keys.key import Key
from pi.modes.tui.keys.keymap import Keymap
from pi.modes.tui.lines import clean
from pi.modes.tui.panels.asking import TextInput
from pi.modes.tui.panels.picker import Picker, Row
from pi.modes.tui.pickers.settings_table import Item
from pi.modes.tui.stage import Stage
from pi.platform.errors import PiError

_OTHER = "another number…"


class SettingsPicker(Picker):
    """Ends with the row of a setting whose value must be asked for; the others change where they stand.

    `change` saves a value, and raises PiError when that can't be.
    """

    def __init__(
        self,
        keymap: Keymap,
        items: Sequence[Item],
        settings: Settings,
        change: Callable[[Item, Any], str],
        *,
        selected: str | None = None,
        query: str = "",
        note: str = "",
    ):
        self._items = {item.path: item for item in items}
        self._settings, self._change = settings, change
        super().__init__(
            keymap,
            "Settings",
            self._table(),
            selected=selected,
            query=query,
            note=note,
            visible=14,
            hints=[("tui.select.confirm", "change"), ("tui.select.cancel", "done")],
            empty="No setting matches.",
        )

    def key(self, key: Key) -> None:
        """Space changes what is selected, unless it is a part of what is searched for."""
        if key.text == " " and not self.query and self.selected is not None:
            self.finish(self.selected)
        else:
            super().key(key)

    def finish(self, answer: Row | None) -> None:
        """Change in place what has few values."""
        item = None if answer is None else self._items[answer.id]
        if item is None or not item.choices:
            super().finish(answer)
            return
        try:
            self.note = self._change(item, following(item, item.read(self._settings)))
        except PiError as error:
            self.note = str(error)
        self.set_rows(self._table(), selected=item.path)

    def _table(self) -> list[Row]:
        return [_row(item, item.read(self._settings)) for item in self._items.values()]


def following(item: Item, value: Any) -> Any:
    """The value after this one; the first after the last, and for one that isn't in the list."""
    choices = item.choices
    # True is 1 for Python, and isn't for people
    at = next((at for at, each in enumerate(choices) if each == value and type(each) is type(value)), -1)
    return choices[(at + 1) % len(choices)]


async def ask_value(stage: Stage, item: Item, value: Any) -> tuple[Any] | None:
    """Ask for a number or a text; the value in a tuple, for None takes the setting out. Raises PiError."""
    if item.kind == "number" and item.values:
        rows = [Row(each, item.name(each), mark="✓" if each == value else "") for each in item.values]
        rows.append(Row(_OTHER, _OTHER))
        row = await stage.ask(
            Picker(stage.keymap, item.label, rows, search=False, selected=value, note=item.description)
        )
        if row is None:
            return None
        if row.id != _OTHER:
            return (row.id,)
    shown = "" if value is None else clean(str(value))
    text = await stage.ask(TextInput(stage.keymap, item.label, text=shown, note=item.description))
    if text is None:
        return None
    if item.kind == "number":
        return (number(item, text),)
    return (text.strip() or None,)


def number(item: Item, text: str) -> int | float:
    """The number that was typed in. Raises PiError."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e15:
        raise PiError(f'{item.label}: "{clean(text)}" is no number. Type one that isn\'t negative.')
    return int(value) if value == int(value) else value


def _row(item: Item, value: Any) -> Row:
    return Row(
        id=item.path,
        label=clean(item.label),
        detail=clean(item.name(value)),
        description=clean(item.description),
        search=clean(f"{item.label} {item.path} {item.description}"),
    )
